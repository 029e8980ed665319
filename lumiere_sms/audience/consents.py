"""What people agree to and take back, one act at a time: given, withdrawn, confirmed by an answer.

Consent is a person's; a withdrawal by number is of everybody who has the number. A refusal is final until that person
asks for texts again, later: a consent that was given before it changes nothing, and one that was given after it has to
say that it lifts the refusal, and why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.audience.cells import read_past, read_wording
from lumiere_sms.audience.consent_rows import (
    PURPOSES,
    Act,
    Consent,
    append,
    hold,
    newest_of,
    refuse_naming,
    write_current,
)
from lumiere_sms.audience.customers import Customer, opt_in, opt_out, require_customers, require_one
from lumiere_sms.audience.suppressions import REFUSALS, Words, find_suppression
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import RefusedError, UsageError

#: How long after a request a yes still answers it.
ANSWERED_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said: of which purposes, how, in answer to which words, when (None: now), and what proves it."""

    purposes: tuple[str, ...] = PURPOSES
    source: str = "operator"
    words: Words = field(default_factory=Words)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """Whom an act concerns; of the purposes those that hold, and those that do not since something later was said."""

    customers: tuple[Customer, ...]
    holds: tuple[str, ...]
    outdated: tuple[str, ...] = ()


def grant(
    connection: Connection,
    tenant: Tenant,
    key: str,
    said: Said,
    *,
    by: str = "operator",
    reason: str | None = None,
    lifts_refusal: bool = False,
    now: datetime,
) -> Noted:
    """Note that the one customer whom `key` names agreed; it holds unless they took it back later.

    Raises: StateError when `key` names nobody or several; UsageError for a day ahead, empty words, or a refusal that is
    lifted without a reason; RefusedError for a person who refused, where the refusal is not lifted.
    """
    customer = require_one(connection, tenant, key)
    _check(connection, tenant.id, [customer["id"]], said, now)
    at = said.at or now
    hold(connection, tenant.id, [customer["id"]])
    if _has_refused(connection, tenant.id, customer):
        _look_at_refusal(connection, tenant.id, customer, said, at=at, reason=reason, lifts_refusal=lifts_refusal)
        if lifts_refusal:
            about: dict[str, Any] = {"source": said.source, "words": said.words, "reason": reason, "by": by, "now": now}
            opt_in(connection, tenant, str(customer["id"]), **about)
    holds = _in_force(connection, tenant.id, [customer["id"]], said.purposes, is_granted=True, at=at)
    act = Act(by, "consent.grant", str(customer["id"]), reason=reason, after={"purposes": list(said.purposes)})
    rows = _rows([customer["id"]], said, is_granted=True, holds=holds, at=at)
    append(connection, tenant.id, rows, act=act, now=now)
    return _set(connection, tenant.id, [customer["id"]], said, is_granted=True, holds=holds)


def revoke(
    connection: Connection,
    tenant: Tenant,
    key: str,
    said: Said,
    *,
    by: str = "operator",
    reason: str | None = None,
    now: datetime,
) -> Noted:
    """Note that everybody whom `key` names took consent back; of all purposes, it is a refusal of the number too.

    Raises: StateError when nobody is found; UsageError for a day ahead, or one of a refusal, or empty words.
    """
    people = require_customers(connection, tenant, key)
    _check(connection, tenant.id, [row["id"] for row in people], said, now)
    if set(said.purposes) == set(PURPOSES):
        if said.at:
            raise UsageError("a refusal of all texts holds from now on", hint="leave --date out, or name a --purpose")
        hold(connection, tenant.id, [row["id"] for row in people])
        about: dict[str, Any] = {"source": said.source, "words": said.words, "note": reason, "by": by, "now": now}
        concerned = opt_out(connection, tenant, key, **about)
        refused = {row["id"]: row["opt_out_date"] for row in concerned}
        before = [row["id"] for row in people if row["opt_out_date"] and refused.get(row["id"]) == row["opt_out_date"]]
        _note_again(connection, tenant.id, before, said, by=by, reason=reason, now=now)
        return Noted(tuple(concerned), said.purposes)
    ids, at = [row["id"] for row in people], said.at or now
    hold(connection, tenant.id, ids)
    holds = _in_force(connection, tenant.id, ids, said.purposes, is_granted=False, at=at)
    act = _withdrawal(ids, said, by=by, reason=reason)
    append(connection, tenant.id, _rows(ids, said, is_granted=False, holds=holds, at=at), act=act, now=now)
    return _set(connection, tenant.id, ids, said, is_granted=False, holds=holds)


def confirm(
    connection: Connection,
    user_id: UUID,
    phone_number: str,
    *,
    evidence: Mapping[str, Any],
    recipient_id: UUID | None = None,
    at: datetime | None = None,
    by: str = "reply",
    now: datetime | None,
) -> list[UUID]:
    """Take a yes from a number as the answer to the request that waits for one; return whose consent it is.

    `evidence` names the answer, `recipient_id` the text that it answers; of several requests it is that one, else the
    last. `at` is when it came. What was asked is the wording. Nobody is returned where nothing was asked within
    30 days, or where they refused or agreed since.
    """
    pending = pending_requests(connection, user_id, phone_number, at=at or now)
    last = max((row["at"] for row in pending), default=None)
    asked = [row for row in pending if row["recipient_id"] == recipient_id]
    asked = asked or [row for row in pending if row["at"] == last]
    for row in asked:
        said = Said((row["purpose"],), "reply", Words(row["wording"], evidence), at)
        consent = Consent(row["customer_id"], row["purpose"], True, "reply", row["wording"], at, evidence)
        after = {"purposes": [row["purpose"]], "asked": row["at"].isoformat()}
        append(
            connection,
            user_id,
            [consent],
            act=Act(by, "consent.confirm", str(row["customer_id"]), after=after),
            now=now,
        )
        _set(connection, user_id, [row["customer_id"]], said, is_granted=True, holds={row["purpose"]})
    return sorted({row["customer_id"] for row in asked})


def pending_requests(
    connection: Connection, user_id: UUID, phone_number: str, *, at: datetime | None
) -> list[dict[str, Any]]:
    """Return the requests for consent to a number that wait for an answer at some time, None being now."""
    binds = {"user_id": user_id, "phone_number": phone_number, "at": at, "within": ANSWERED_WITHIN}
    return connection.execute(statement(__package__, "pending_requests"), binds).fetchall()


def read_day(text: str, *, zone: str, now: datetime) -> datetime:
    """Read when somebody said something, as lists write it. Raises: UsageError, also for a time that is to come."""
    try:
        return datetime.fromisoformat(read_past(text, zone=ZoneInfo(zone), now=now))
    except ValueError as error:
        raise UsageError(str(error), hint="give the day on which they said so, such as 2026-03-15") from error


def require_wording(wording: str | None) -> None:
    """Refuse words that are no wording. Raises: UsageError for none, for too many, or for what nobody reads."""
    if wording is not None and not wording.strip():
        raise UsageError("the wording is empty", hint="give the words that they agreed to, or leave --wording out")
    try:
        read_wording(wording or "")
    except ValueError as error:
        raise UsageError(f"the wording: {error}", hint="give the words as they read them") from error


def _check(connection: Connection, user_id: UUID, ids: Sequence[UUID], said: Said, now: datetime) -> None:
    if said.at and said.at > now:
        raise UsageError("nobody has said anything on a day that is to come", hint="give the day on which they did")
    require_wording(said.words.wording)
    if said.words.wording:
        refuse_naming(connection, user_id, ids, said.words.wording, what="the wording")


def _has_refused(connection: Connection, user_id: UUID, customer: Customer) -> bool:
    phone = customer["phone_number"]
    suppression = find_suppression(connection, user_id, phone) if phone else None
    if suppression is not None and suppression["reason"] in REFUSALS:
        return True
    binds = {"user_id": user_id, "id": customer["id"], "phone_number": phone}
    return connection.execute(_REFUSING, binds).fetchone() is not None


def _look_at_refusal(
    connection: Connection,
    user_id: UUID,
    customer: Customer,
    said: Said,
    *,
    at: datetime,
    reason: str | None,
    lifts_refusal: bool,
) -> None:
    """Refuse what does not undo a refusal. What was said before it may be noted: it holds no more, but it proves."""
    newest = newest_of(connection, user_id, [customer["id"]])
    later = [newest.get((customer["id"], purpose)) for purpose in said.purposes]
    is_older = all(row and not row["is_granted"] and row["at"] > at for row in later)
    if lifts_refusal and any(row and not row["is_granted"] and row["at"] > at for row in later):
        raise RefusedError(
            "this consent is older than the refusal; it does not lift it", hint="leave --lifts-refusal out"
        )
    if lifts_refusal and not (reason or "").strip():
        raise UsageError(
            "a refusal is not lifted without a reason", hint='write --reason "asked for texts at the desk"'
        )
    if not lifts_refusal and not is_older:
        hint = "if they asked for texts again since: --lifts-refusal --reason TEXT"
        raise RefusedError("this person, or somebody with this number, refused texts; nothing was changed", hint=hint)


def _note_again(
    connection: Connection,
    user_id: UUID,
    ids: Sequence[UUID],
    said: Said,
    *,
    by: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Note what proves a refusal of those who refused before: it changes nothing else."""
    if ids and (said.words.wording or said.words.evidence):
        rows = _rows(ids, said, is_granted=False, holds=set(said.purposes), at=now)
        append(connection, user_id, rows, act=_withdrawal(ids, said, by=by, reason=reason), now=now)


def _withdrawal(ids: Sequence[UUID], said: Said, *, by: str, reason: str | None) -> Act:
    subject = str(ids[0]) if len(ids) == 1 else f"{len(ids)} customers"
    return Act(by, "consent.revoke", subject, reason=reason, after={"purposes": list(said.purposes)})


def _in_force(
    connection: Connection,
    user_id: UUID,
    ids: Sequence[UUID],
    purposes: Sequence[str],
    *,
    is_granted: bool,
    at: datetime,
) -> set[str]:
    """Return the purposes of which nobody said the contrary later."""
    newest = newest_of(connection, user_id, ids)
    against = {purpose for (_, purpose), row in newest.items() if row["at"] > at and row["is_granted"] != is_granted}
    return set(purposes) - against


def _rows(ids: Sequence[UUID], said: Said, *, is_granted: bool, holds: set[str], at: datetime) -> list[Consent]:
    words = said.words
    return [
        Consent(each, purpose, is_granted, said.source, words.wording, at, words.evidence, holds=purpose in holds)
        for each in ids
        for purpose in said.purposes
    ]


def _set(
    connection: Connection, user_id: UUID, ids: Sequence[UUID], said: Said, *, is_granted: bool, holds: set[str]
) -> Noted:
    changed = write_current(connection, user_id, ids, holds, is_granted=is_granted)
    held = tuple(purpose for purpose in said.purposes if purpose in holds)
    return Noted(tuple(changed), held, tuple(purpose for purpose in said.purposes if purpose not in holds))


#: Whoever has the number may have refused when they had another.
_REFUSING: LiteralString = """
    SELECT id FROM customers
    WHERE user_id = %(user_id)s AND (id = %(id)s OR phone_number = %(phone_number)s) AND opt_out_date IS NOT NULL
    LIMIT 1
"""
