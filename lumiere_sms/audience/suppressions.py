"""Numbers that are not texted, whoever has them, with the reason and where it came from.

Two reasons are about the will of whoever has the number, a refusal and a complaint: they are noted with everyone who
has it, and only their word takes them back. The others are about the number.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.consent_rows import COLUMNS, PURPOSES, Act, Consent, append, refuse_naming
from lumiere_sms.audience.phones import PhoneError, read_phone
from lumiere_sms.audience.returning import take_back
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.errors import StateError, UsageError

REASONS = ("opted_out", "complaint", "invalid_number", "landline", "blocked", "reassigned")
SOURCES = ("import", "operator", "provider", "reply", "link")
#: Those that are about somebody's will.
REFUSALS = frozenset({"opted_out", "complaint"})

_FETCHED = 5_000


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number that is not to be texted. `at` None is now."""

    phone_number: str
    reason: str
    source: str
    note: str | None = None
    at: datetime | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Words:
    """How a person said it: what was written, and what proves it, which is about the person."""

    wording: str | None = None
    evidence: Mapping[str, Any] | None = None


NO_WORDS = Words()


@dataclass(frozen=True, slots=True)
class _Done:
    """The suppressions that are new or whose reason or source is; refusals that came again; who refuses, and where."""

    ids: list[UUID]
    again: list[UUID]
    refused: Mapping[UUID, str]

    @property
    def subjects(self) -> list[UUID]:
        return self.ids or self.again or self.customer_ids

    @property
    def customer_ids(self) -> list[UUID]:
        return list(self.refused)


def suppress(  # noqa: PLR0913 - a suppression has so many parts
    connection: Connection,
    user_id: UUID,
    phone_number: str,
    *,
    reason: str,
    source: str,
    note: str | None = None,
    how: str = "",
    words: Words = NO_WORDS,
    by: str = "",
    now: datetime | None,
) -> bool:
    """Never text a number again; say whether it is new. A refusal is noted with everyone who has the number.

    A refusal that comes again later is noted too: no START from before it lifts it.
    `how` they said so and `by` whom it was done are given where they say more than the `source`. A refusal outranks all
    reasons but a complaint.
    Raises: RefusedError for a `note` that names somebody who has the number.
    """
    _refuse_naming_owners(connection, user_id, phone_number, note)
    asked = Suppression(phone_number, reason, source, note)
    done = _suppress(connection, user_id, [asked], now=now)
    if done.subjects:
        after = {"reason": reason, "source": source, "customers": [str(each) for each in done.customer_ids]}
        action = "suppression.again" if done.again and not done.ids else "suppression.add"
        act = Act(by or source, action, str(done.subjects[0]), reason=note, after=after)
        append(connection, user_id, withdrawn(done.customer_ids, how or source, words), act=act, now=now)
    return bool(done.ids)


def suppress_all(
    connection: Connection,
    user_id: UUID,
    phone_numbers: Iterable[str],
    *,
    reason: str,
    source: str,
    by: str = "",
    now: datetime | None,
) -> int:
    """Suppress as one act, which is one entry of the audit log; return how many are new."""
    asked = [Suppression(each, reason, source) for each in dict.fromkeys(phone_numbers)]
    return suppress_list(connection, user_id, asked, subject=source, by=by or source, now=now)


def suppress_list(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[Suppression],
    *,
    subject: str,
    by: str = "operator",
    now: datetime | None,
) -> int:
    """Suppress numbers, each given once, as one act; return how many are new or were not refusals before."""
    hold_tenant(connection, user_id)  # whoever changes many is alone with it
    done = _suppress(connection, user_id, asked, now=now)
    if done.subjects:
        after: dict[str, Any] = {"numbers": len(done.ids), "customers": len(done.customer_ids)}
        told = {each.reason for each in asked} | {each.source for each in asked}
        after |= {"reason": asked[0].reason, "source": asked[0].source} if len(told) == 2 else {}  # noqa: PLR2004 - one each
        act = Act(by, "suppression.add_all", subject, after=after)
        how = {each.phone_number: each.source for each in asked}
        said = [each for id_, phone in done.refused.items() for each in withdrawn([id_], how[phone])]
        append(connection, user_id, said, act=act, now=now)
    return len(done.ids)


def lift(
    connection: Connection,
    user_id: UUID,
    phone_number: str,
    *,
    source: str = "operator",
    reason: str | None = None,
    words: Words = NO_WORDS,
    by: str = "operator",
    now: datetime | None = None,
) -> bool:
    """Text a number again, after its owner asked for it in person; say whether it was suppressed.

    Whoever has the number then gets what they agreed to before they refused.
    Raises: RefusedError for a `reason` that names one of them.
    """
    _refuse_naming_owners(connection, user_id, phone_number, reason)
    owners = _hold_owners(connection, user_id, [phone_number])
    take_back(connection, user_id, [phone_number])
    binds = {"user_id": user_id, "phone_number": phone_number, "owners": owners}
    lifted = connection.execute(_LIFT, binds).fetchone()
    wanting = connection.execute(_WANT, binds).fetchall()
    if lifted or wanting:
        before = {"reason": lifted["reason"], "source": lifted["source"]} if lifted else None
        after = {"customers": [str(row["id"]) for row in wanting]}
        subject = str(lifted["id"] if lifted else wanting[0]["id"])
        act = Act(by, "suppression.lift", subject, reason=reason, before=before, after=after)
        append(connection, user_id, regained(wanting, source=source, words=words), act=act, now=now)
    return lifted is not None


def refuse_again(
    connection: Connection, user_id: UUID, numbers: Iterable[str], *, by: str = "operator", now: datetime | None
) -> int:
    """Note refusals that come back with numbers whose owner was erased, with everyone who has one; return how many."""
    returned = take_back(connection, user_id, numbers)
    refusing = [number for number, reason in returned if reason in REFUSALS]
    if refusing:
        owners = _hold_owners(connection, user_id, refusing)
        refused = connection.execute(_REFUSE, {"user_id": user_id, "owners": owners, "now": now})
        ids = [row["id"] for row in refused]
        act = Act(by, "suppression.return", "numbers that came back", after={"customers": [str(each) for each in ids]})
        append(connection, user_id, withdrawn(ids, "operator"), act=act, now=now)
    return len(returned)


def suppress_number(
    connection: Connection,
    tenant: Tenant,
    text: str,
    *,
    reason: str,
    note: str | None = None,
    by: str = "operator",
    now: datetime | None,
) -> bool:
    """Suppress a number as an operator writes it; say whether it is new. Raises: UsageError for no number."""
    number = _read(text, tenant.country)
    return suppress(connection, tenant.id, number, reason=reason, source="operator", note=note, by=by, now=now)


def lift_number(
    connection: Connection, tenant: Tenant, text: str, *, reason: str, by: str = "operator", now: datetime | None
) -> None:
    """Text a number again, as an operator writes it.

    Raises: UsageError for no number or no reason, StateError for a number that is not suppressed.
    """
    if not reason.strip():
        raise UsageError("a suppression is not lifted without a reason", hint="write --reason TEXT")
    if not lift(connection, tenant.id, _read(text, tenant.country), reason=reason, by=by, now=now):
        raise StateError("this number is not suppressed", hint="lumiere-sms suppression list")


def _read(text: str, country: str) -> str:
    try:
        return read_phone(text, country=country, is_texted=False)
    except PhoneError as error:
        raise UsageError(str(error), hint=error.hint or "write it with its country, such as +819012345678") from error


def find_suppression(connection: Connection, user_id: UUID, phone_number: str) -> dict[str, Any] | None:
    """Return why a number is not texted, or None."""
    binds = {"user_id": user_id, "phone_number": phone_number}
    return connection.execute(_FIND, binds).fetchone()


def list_suppressions(
    connection: Connection, user_id: UUID, *, reason: str | None = None, limit: int | None = None, skip: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield suppressions by number, all of them or those of a reason; numbers that were erased are left out."""
    binds = {"user_id": user_id, "reason": reason, "limit": limit, "skip": skip}
    with connection.cursor(name="suppressions") as cursor:
        cursor.itersize = _FETCHED
        yield from cursor.execute(_LIST, binds)


def regained(people: Sequence[Mapping[str, Any]], *, source: str, words: Words = NO_WORDS) -> list[Consent]:
    """Return the consents of customers whose refusal is lifted: what they had agreed to holds again."""
    return [
        Consent(row["id"], purpose, True, source, words.wording, evidence=words.evidence)
        for row in people
        for purpose in PURPOSES
        if row[COLUMNS[purpose]]
    ]


def withdrawn(customer_ids: Sequence[UUID], source: str, words: Words = NO_WORDS) -> list[Consent]:
    """Return what the refusal of customers takes back: everything."""
    return [
        Consent(each, purpose, False, source, words.wording, evidence=words.evidence)
        for each in customer_ids
        for purpose in PURPOSES
    ]


def _suppress(connection: Connection, user_id: UUID, asked: Sequence[Suppression], *, now: datetime | None) -> _Done:
    asked = [each for each in asked if each.phone_number.startswith("+")]  # not what stands in for an erased number
    refusing = [each.phone_number for each in asked if each.reason in REFUSALS]
    owners = _hold_owners(connection, user_id, refusing)
    take_back(connection, user_id, [each.phone_number for each in asked])
    columns = {
        "ids": [each.id for each in asked],
        "phones": [each.phone_number for each in asked],
        "reasons": [each.reason for each in asked],
        "sources": [each.source for each in asked],
        "notes": [each.note for each in asked],
        "ats": [each.at for each in asked],
    }
    binds = {"user_id": user_id, "owners": owners, "now": now, **columns}
    again = connection.execute(statement(__package__, "suppress_again"), binds).fetchall() if refusing else []
    ids = [row["id"] for row in connection.execute(statement(__package__, "suppress"), binds)]
    refused = {row["customer_id"]: row["phone_number"] for row in again if row["customer_id"]}
    if refusing:
        newly = connection.execute(_REFUSE, {"user_id": user_id, "owners": owners, "now": now})
        refused |= {row["id"]: row["phone_number"] for row in newly}
    return _Done(ids, list(dict.fromkeys(row["id"] for row in again)), refused)


def _refuse_naming_owners(connection: Connection, user_id: UUID, phone_number: str, words: str | None) -> None:
    if words:
        owners = connection.execute(_OWNERS, {"user_id": user_id, "phone_number": phone_number})
        refuse_naming(connection, user_id, [row["id"] for row in owners], words)


def _hold_owners(connection: Connection, user_id: UUID, numbers: Sequence[str]) -> list[UUID]:
    """Hold whoever has numbers before the numbers themselves, as all do who begin with a customer; return them.

    Again while more have one: they may have come in what was waited for.
    """
    held, binds = list[UUID](), {"user_id": user_id, "phones": list(numbers)}
    while numbers:
        found = [row["id"] for row in connection.execute(_HOLD_OWNERS, binds)]
        if len(found) == len(held):
            break
        held = found
    return held


_OWNERS: LiteralString = "SELECT id FROM customers WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s"
_HOLD_OWNERS: LiteralString = """
    SELECT id FROM customers WHERE user_id = %(user_id)s AND phone_number = ANY (%(phones)s::text[])
    ORDER BY id FOR NO KEY UPDATE
"""
_REFUSE: LiteralString = """
    UPDATE customers SET opt_out_date = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = ANY (%(owners)s::uuid[]) AND opt_out_date IS NULL
    RETURNING id, phone_number
"""
_LIFT: LiteralString = """
    DELETE FROM suppressions WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s
    RETURNING id, reason, source
"""
_WANT: LiteralString = """
    UPDATE customers SET opt_out_date = NULL
    WHERE user_id = %(user_id)s AND id = ANY (%(owners)s::uuid[]) AND opt_out_date IS NOT NULL
    RETURNING id, allow_promotional, allow_reminders
"""
_FIND: LiteralString = """
    SELECT id, phone_number, reason, source, note, created_at FROM suppressions
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s
"""
_LIST: LiteralString = """
    SELECT id, phone_number, reason, source, note, created_at FROM suppressions
    WHERE user_id = %(user_id)s AND phone_number IS NOT NULL AND coalesce(reason = %(reason)s::text, true)
    ORDER BY phone_number LIMIT %(limit)s OFFSET %(skip)s
"""
