"""The rows that say what people agreed to and took back: appended, never changed, each with a hash over itself.

What holds now is the customer's: `allow_promotional` and `allow_reminders`, unless the person refused altogether
(`opt_out_date`). Whoever changes one of these three appends rows here in the same transaction. The newest row of a
person and purpose, by when they said so, is what holds; `count_differing` asks whether that is true of everybody.

The rows of one act, be it one person's or a list of a million, are covered by one entry of the audit log: their count
and the SHA-256 over their hashes in the order of their keys.
"""

import hmac
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Composed
from psycopg.types.json import Jsonb

from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import hold_tenant
from lumiere_sms.errors import RefusedError, StateError

PURPOSES = ("promotional", "reminder")
#: The column of a customer that holds what they agreed to.
COLUMNS: Mapping[str, LiteralString] = {"promotional": "allow_promotional", "reminder": "allow_reminders"}
MOST_TOLD = 1_000

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person said about texts of one purpose; `at` None is now. `evidence` is about the person.

    What `holds` is never noted as older than the contrary, where that is what the person said last: however late we
    hear of it, it counts. Otherwise it keeps its own day.
    """

    customer_id: UUID
    purpose: str
    is_granted: bool
    source: str
    wording: str | None = None
    at: datetime | None = None
    evidence: Mapping[str, Any] | None = None
    holds: bool = True
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Act:
    """Who notes consents, what the audit log calls it, and why."""

    actor: str
    action: str
    subject: str
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A consent, or all of one act, that is not as it was written; `seq` is the entry's that covers it."""

    seq: int | None
    consent_id: UUID | None
    problem: str


@dataclass(frozen=True, slots=True)
class CheckedConsents:
    """What a look at all consents found, and of how many the customer's row says something else than the newest."""

    faults: tuple[Fault, ...]
    differing: int

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults and not self.differing


def append(
    connection: Connection, user_id: UUID, consents: Sequence[Consent], *, act: Act, now: datetime | None
) -> UUID:
    """Append the rows of one act and write the entry of the audit log that covers them; return the entry's key.

    An act without rows is written down all the same. Raises: RefusedError for a reason that names one of them.
    """
    audit_id = new_id()
    if act.reason:
        refuse_naming(connection, user_id, {each.customer_id for each in consents}, act.reason)
    if not consents:
        note(connection, user_id, audit_id, act=act, made={}, now=now)
        return audit_id
    macs = {each.id: _mac_of(connection, user_id, each) for each in consents if each.evidence}
    columns = {
        "ids": [each.id for each in consents],
        "customer_ids": [each.customer_id for each in consents],
        "purposes": [each.purpose for each in consents],
        "grants": [each.is_granted for each in consents],
        "sources": [each.source for each in consents],
        "wordings": [each.wording for each in consents],
        "macs": [macs.get(each.id) for each in consents],
        "ats": [each.at for each in consents],
        "holds": [each.holds for each in consents],
    }
    binds = {"user_id": user_id, "audit_id": audit_id, "now": now, **columns}
    made = connection.execute(hashed("insert_consents"), binds).fetchone()
    assert made is not None, "an aggregate has a row"
    _keep_evidence(connection, user_id, [each for each in consents if each.evidence])
    note(connection, user_id, audit_id, act=act, made=made, now=now)
    return audit_id


def refuse_naming(
    connection: Connection, user_id: UUID, customer_ids: Collection[UUID], words: str, *, what: str = "the reason"
) -> None:
    """Refuse words that name one of the customers, where words stay for ever. Raises: RefusedError."""
    binds = {"user_id": user_id, "ids": list(customer_ids), "words": words}
    if connection.execute(_NAMED, binds).fetchone():
        raise RefusedError(
            f"{what} names the person; it would stay for ever, after they are erased too",
            hint='write it without name and number, such as "asked by letter"',
        )


def note(
    connection: Connection, user_id: UUID, audit_id: UUID, *, act: Act, made: Mapping[str, Any], now: datetime | None
) -> None:
    """Note the act that covers rows: `made` holds their count (`consents`) and `digest`, if there are any."""
    covered = {name: made[name] for name in ("consents", "digest")} if made.get("consents") else {}
    after = {**(act.after or {}), **covered} or None
    told = {"actor": act.actor, "action": act.action, "subject": act.subject}
    audit.record(connection, user_id, **told, id=audit_id, reason=act.reason, before=act.before, after=after, now=now)


def newest_of(connection: Connection, user_id: UUID, customer_ids: Sequence[UUID]) -> dict[tuple[UUID, str], Any]:
    """Return the row that holds, by customer and purpose."""
    found = connection.execute(_NEWEST, {"user_id": user_id, "ids": list(customer_ids)})
    return {(row["customer_id"], row["purpose"]): row for row in found}


def hold(connection: Connection, user_id: UUID, customer_ids: Sequence[UUID]) -> None:
    """Hold customers in the order of their keys: who notes something of the same ones waits.

    And with the tenant who takes a list of customers in: a list judges by what it finds when it begins.
    Raises: StateError where one of them was erased meanwhile, so that nothing about them is written any more.
    """
    hold_tenant(connection, user_id)
    held = connection.execute(_HOLD, {"user_id": user_id, "ids": list(customer_ids)})
    if held.rowcount < len(set(customer_ids)):
        raise StateError("a customer has just been erased; nothing was noted", hint="try again")


def write_current(
    connection: Connection, user_id: UUID, customer_ids: Sequence[UUID], purposes: Collection[str], *, is_granted: bool
) -> list[dict[str, Any]]:
    """Write what customers now agree to of some purposes; return their rows."""
    columns = {column: is_granted if purpose in purposes else None for purpose, column in COLUMNS.items()}
    return connection.execute(_SET, {"user_id": user_id, "ids": list(customer_ids), **columns}).fetchall()


def count_differing(connection: Connection, user_id: UUID) -> int:
    """Return of how many people and purposes the newest consent says something else than what holds."""
    found = connection.execute(statement(__package__, "differing_consents"), {"user_id": user_id}).fetchone()
    assert found is not None, "an aggregate has a row"
    return int(found["differing"])


def check(database: Database, user_id: UUID) -> CheckedConsents:
    """Look through all of a tenant's consents, as they stand at one moment."""
    with database.transaction(limits="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
        return CheckedConsents(tuple(faults(connection, user_id)), count_differing(connection, user_id))


def faults(connection: Connection, user_id: UUID) -> Iterator[Fault]:
    """Yield what is wrong with a tenant's consents: rows that were altered, acts that lost or gained rows, evidence."""
    binds = {"user_id": user_id, "most": MOST_TOLD}
    for row in connection.execute(hashed("altered_consents"), binds):
        yield Fault(row["seq"], row["id"], "it is not what was written")
    for row in connection.execute(statement(__package__, "broken_acts"), binds):
        yield Fault(row["seq"], None, _of_act(row))
    with connection.cursor(name="consent_evidence") as cursor:
        for row in cursor.execute(statement(__package__, "kept_evidence"), binds):
            if row["evidence"] is None:
                yield Fault(row["seq"], row["id"], "its evidence is gone")
            elif row["key"] is None or _mac(bytes(row["key"]), row["evidence"]) != bytes(row["evidence_mac"] or b""):
                yield Fault(row["seq"], row["id"], "its evidence is not what was written")


def hashed(name: str) -> Composed:
    """Return a statement of this package in which `{hash}` is the hash of the row that is called `made` there."""
    return SQL(statement(__package__, name)).format(hash=SQL(_HASH))


def _of_act(row: Mapping[str, Any]) -> str:
    if row["seq"] is None:
        return f"{row['found']:,} consents belong to no entry of the audit log"
    if row["told"] != row["found"]:
        return f"it covers {row['told']:,} consents, and there are {row['found']:,}"
    return "its consents are not those that it was made for"


def _mac_of(connection: Connection, user_id: UUID, consent: Consent) -> bytes:
    binds = {"user_id": user_id, "id": consent.customer_id, "key": os.urandom(_KEY_BYTES)}
    connection.execute(_MAKE_KEY, binds)
    found = connection.execute(_FIND_KEY, binds).fetchone()
    assert found is not None, "it was just made, here or by another"
    return _mac(bytes(found["key"]), consent.evidence or {})


def _mac(key: bytes, evidence: Mapping[str, Any]) -> bytes:
    text = json.dumps(evidence, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.digest(key, text.encode(), sha256)


def _keep_evidence(connection: Connection, user_id: UUID, consents: Sequence[Consent]) -> None:
    if consents:
        binds = {
            "user_id": user_id,
            "ids": [each.id for each in consents],
            "customer_ids": [each.customer_id for each in consents],
            "evidence": [Jsonb(dict(each.evidence or {})) for each in consents],
        }
        connection.execute(_KEEP, binds)


# Everything that a row holds, parted by |; the wording, which alone may hold one, comes last. Instants as seconds.
_HASH: LiteralString = """sha256(convert_to(concat_ws('|', made.user_id, made.id, made.customer_id, made.purpose,
    made.is_granted, made.source, coalesce(encode(made.evidence_mac, 'hex'), ''), extract(epoch FROM made.at),
    extract(epoch FROM made.recorded_at), made.audit_id, '=' || made.wording), 'UTF8'))"""
_NAMED: LiteralString = """
    SELECT id FROM customers
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
      AND (position(lower(nullif(last_name, '')) IN lower(%(words)s::text)) > 0
          OR position(lower(nullif(first_name, '')) IN lower(%(words)s::text)) > 0
          OR length(external_id) > 3 AND position(external_id IN %(words)s::text) > 0)
    LIMIT 1
"""
_NEWEST: LiteralString = """
    SELECT DISTINCT ON (customer_id, purpose) id, customer_id, purpose, is_granted, source, at
    FROM consents
    WHERE user_id = %(user_id)s AND customer_id = ANY (%(ids)s::uuid[])
    ORDER BY customer_id, purpose, at DESC, id DESC
"""
_HOLD: LiteralString = """
    SELECT id FROM customers WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_SET: LiteralString = """
    UPDATE customers
    SET allow_promotional = coalesce(%(allow_promotional)s::boolean, allow_promotional),
        allow_reminders = coalesce(%(allow_reminders)s::boolean, allow_reminders)
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
    RETURNING *
"""
_MAKE_KEY: LiteralString = """
    INSERT INTO person_keys (user_id, id, key) VALUES (%(user_id)s, %(id)s, %(key)b)
    ON CONFLICT (user_id, id) DO NOTHING
"""
_FIND_KEY: LiteralString = "SELECT key FROM person_keys WHERE user_id = %(user_id)s AND id = %(id)s"
_KEEP: LiteralString = """
    INSERT INTO consent_evidence (user_id, id, customer_id, evidence)
    SELECT %(user_id)s, kept.*
    FROM unnest(%(ids)s::uuid[], %(customer_ids)s::uuid[], %(evidence)s::jsonb[]) AS kept
"""
