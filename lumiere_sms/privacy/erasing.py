"""Erases a person: everything that is about them goes, what must stay stays without them.

texts that wait         cancelled, and those to somebody with the same phone that say the person's name
texts on the wire       stay whole until they are settled; a daemon then finishes (finishing.py)
texts that are over     stay as rows: state, cost, parts and times; the text is emptied, the number replaced where it
                        is nobody else's too
refusals                stay as a keyed hash of the number, so that nobody who refused is texted when it comes back,
                        one from before the person had it too
consents                stay; what proves them goes with the person's key, and who it was about goes with the law's date
the customer            goes, with memberships, links and evidence
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

from lumiere_sms.audience.consent_rows import refuse_naming
from lumiere_sms.audience.returning import take_back
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.secrets import number_macs
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.privacy.places import NAMES_OTHERS, PLACES, Place
from lumiere_sms.privacy.subjects import Subject, find_subject, subject_of

#: How long a launch may go on that had read the customer before they were erased.
LONGEST_LAUNCH = timedelta(minutes=15)
_LOOK_AGAIN = timedelta(minutes=1)
_AT_LEAST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did, or would do: rows by table that went, or lost what was about the person."""

    id: UUID
    removed: dict[str, int]
    emptied: dict[str, int]
    cancelled: int
    on_the_wire: int
    keep_until: datetime
    dry_run: bool = False


def erase_person(
    database: Database,
    tenant: Tenant,
    key: str,
    *,
    reason: str = "",
    by: str = "operator",
    dry_run: bool = False,
    now: datetime | None,
) -> Erased:
    """Erase the one person whom `key` names; a dry run says what would go and changes nothing.

    Raises: StateError for nobody or several; RefusedError for a `reason` that names the person: it stays for ever.
    """
    with database.transaction() as connection:
        subject = find_subject(connection, tenant, key)
        if reason:
            refuse_naming(connection, tenant.id, [subject.id], reason)
        erased = erase_noted(connection, tenant.id, subject, by=by, reason=reason or None, now=now)
        if dry_run:
            raise psycopg.Rollback
    return replace(erased, dry_run=dry_run)


def erase_noted(
    connection: Connection, user_id: UUID, subject: Subject, *, by: str, reason: str | None, now: datetime | None
) -> Erased:
    """Erase as `erase` does, and note who did it and why."""
    erased = erase(connection, user_id, subject, now=now)
    after = {"removed": erased.removed, "emptied": erased.emptied, "on_the_wire": erased.on_the_wire}
    about: dict[str, Any] = {"actor": by, "action": "customer.erase", "subject": str(subject.id)}
    audit.record(connection, user_id, **about, reason=reason, after=after, now=now)
    return erased


def erase(connection: Connection, user_id: UUID, subject: Subject, *, now: datetime | None) -> Erased:
    """Erase a person in the caller's transaction, but for what is on the wire; say how many rows of which tables."""
    hold_tenant(connection, user_id)  # whatever brings the number back comes before, or after
    connection.execute(_HOLD, {"user_id": user_id, "id": subject.id})
    at = database_time(connection, now)
    _give_refusal_to_number(connection, user_id, subject)
    waiting = {**subject.binds(user_id), "now": at}
    cancelled = connection.execute(SQL(_CANCEL).format(SQL(NAMES_OTHERS)), waiting).rowcount
    subject = subject_of(connection, user_id, subject.id, number=subject.number)  # an arm may have been quicker
    keep_until = _keep_until(connection, user_id, subject, at=at)
    settled = tuple(each for each in subject.recipients if each not in set(subject.on_the_wire))
    macs = number_macs(connection, user_id, subject.numbers)
    binds = {
        **subject.binds(user_id),
        "recipients": list(settled),
        "now": at,
        "macs": Jsonb({number: mac.hex() for number, mac in macs.items()}),
    }
    connection.execute(_OWN, binds)
    removed, emptied = _rid(connection, binds)
    look_at = at + (_LOOK_AGAIN if subject.on_the_wire else LONGEST_LAUNCH)
    mapping = {"mac": macs.get(subject.number or ""), "keep_until": keep_until, "look_at": look_at}
    connection.execute(_NOTE, {**binds, **mapping})
    return Erased(subject.id, removed, emptied, cancelled, len(subject.on_the_wire), keep_until)


def _give_refusal_to_number(connection: Connection, user_id: UUID, subject: Subject) -> None:
    """Suppress the number of a person who refused without it: their row, which alone says so, goes."""
    if subject.number:
        take_back(connection, user_id, [subject.number])
        connection.execute(_REFUSE, {"user_id": user_id, "id": subject.id, "suppression": new_id()})


def _rid(connection: Connection, binds: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Do to every place what becomes of it; return how many rows went, and how many were emptied, by table."""
    removed, emptied = dict[str, int](), dict[str, int]()
    for place in PLACES:
        counts = removed if place.goes else emptied
        if (place.goes or place.becomes) and (count := connection.execute(_statement(place), binds).rowcount):
            counts[place.table] = counts.get(place.table, 0) + count
    return removed, emptied


def _statement(place: Place) -> Composed:
    where = SQL(" WHERE user_id = %(user_id)s AND ({})").format(SQL(place.of))
    if place.goes:
        return SQL("DELETE FROM {}").format(Identifier(place.table)) + where
    settings = (SQL("{} = {}").format(Identifier(name), SQL(made)) for name, made in place.becomes.items())
    return SQL("UPDATE {} SET {}").format(Identifier(place.table), SQL(", ").join(settings)) + where


def _keep_until(connection: Connection, user_id: UUID, subject: Subject, *, at: datetime) -> datetime:
    """Return until when consent must be provable: a month after the last advertising text.

    Rule 4 of the enforcement rules of Japan's Act on Regulation of Transmission of Specified Electronic Mail. What
    was not advertising is kept for a day, in which a daemon sees to what was on its way.
    """
    found = connection.execute(_LAST_TEXT, subject.binds(user_id)).fetchone()
    until: datetime | None = found["until"] if found else None
    return max(until or at, at + _AT_LEAST)


_HOLD: LiteralString = "SELECT id FROM customers WHERE user_id = %(user_id)s AND id = %(id)s FOR UPDATE"
_CANCEL: LiteralString = """
    UPDATE campaign_recipients
    SET status = 'cancelled', reason = 'erased', claimed_by = NULL, claimed_until = NULL, updated_at = %(now)s
    WHERE user_id = %(user_id)s AND (id = ANY (%(recipients)s) OR {}) AND status IN ('pending', 'claimed')
"""
# A refusal outranks all reasons but a complaint.
_REFUSE: LiteralString = """
    INSERT INTO suppressions (user_id, id, phone_number, reason, source, created_at)
    SELECT user_id, %(suppression)s, phone_number, 'opted_out', 'operator', opt_out_date
    FROM customers
    WHERE user_id = %(user_id)s AND id = %(id)s AND phone_number IS NOT NULL AND opt_out_date IS NOT NULL
    ON CONFLICT (user_id, phone_number) DO UPDATE
    SET reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
    WHERE suppressions.reason NOT IN ('opted_out', 'complaint')
"""
# What was sent to the number alone is theirs, so that it is found again by their id.
_OWN: LiteralString = """
    UPDATE campaign_recipients SET customer_id = %(id)s
    WHERE user_id = %(user_id)s AND customer_id IS NULL AND phone_number = ANY (%(own)s)
"""
_LAST_TEXT: LiteralString = """
    SELECT max(recipient.sent_at) + interval '1 month' AS until
    FROM campaign_recipients AS recipient
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
    WHERE recipient.user_id = %(user_id)s AND campaign.type <> 'reminder'
      AND (recipient.id = ANY (%(recipients)s) OR recipient.customer_id = %(id)s)
"""
_NOTE: LiteralString = """
    INSERT INTO erasures (user_id, id, number_mac, erased_at, keep_until, look_at)
    VALUES (%(user_id)s, %(id)s, %(mac)b, %(now)s, %(keep_until)s, %(look_at)s)
    ON CONFLICT (user_id, id) DO UPDATE
    SET keep_until = greatest(erasures.keep_until, excluded.keep_until), look_at = excluded.look_at
"""
