"""Settles submissions whose answer was lost, by what the provider says afterwards, wherever it says it.

    unknown ─found──► accepted    its recipient: unknown → sent
    unknown ─absent─► absent      its recipient: unknown → pending, or cancelled with its campaign
    unknown ─else───► unknown     with a finding that says what was looked at

What is found counts wherever its recipient waits by then: one that a person has put back, or whose absence was
proved by records that came late, is not texted again where that can still be helped.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns import budgets
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.base import Receipt
from lumiere_sms.tracking.matching import Attempt

UNKNOWN = "unknown"
_ANY = ("on_its_way", UNKNOWN, "absent")  # whatever no text is bound to


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt to the number that is looked at, with what the looks so far brought. `now` is the database's."""

    attempt: Attempt
    looks: int
    absent_at: datetime | None
    closed_at: datetime | None
    parts: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """An attempt and the provider's id of the text that it is; `cost` is None where it is not known yet."""

    attempt_id: UUID
    message_id: str
    finding: str
    parts: int | None = None
    cost: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the records leaves open: `counted` unless they could not be read."""

    attempt_id: UUID
    finding: str
    look_at: datetime
    absent_at: datetime | None = None
    counted: bool = True


def attempts_to(connection: Connection, *, phone: str, provider: str, now: datetime | None) -> list[Known]:
    """Return what was submitted to a number lately, whoever's. Read it after the provider's records."""
    binds = {"phone": phone, "provider": provider, "now": now}
    rows = connection.execute(statement(__package__, "attempts_to"), binds).fetchall()
    return [_known(**row) for row in rows]


def bind_found(
    connection: Connection,
    user_id: UUID,
    found: Sequence[Found],
    *,
    provider: str,
    leaving: Sequence[str] = (UNKNOWN,),
    now: datetime | None,
) -> list[UUID]:
    """Bind texts to their attempts, if these are in a state of `leaving`; return the attempts that are bound now.

    Where a later attempt was made for the same recipient, an alert says that the person may have got two.
    """
    budgets.hold(connection, user_id, [each.attempt_id for each in found])
    binds = {"user_id": user_id, "provider": provider, "leaving": list(leaving), "now": now, **_columns(found)}
    rows = connection.execute(statement(__package__, "bind_found"), binds).fetchall()
    bound = [row["attempt_id"] for row in rows]
    budgets.commit(connection, user_id, bound, now=now)
    for row in rows:
        if row["moved_on"]:
            subject, told = str(row["recipient_id"]), "a text in doubt was found after its recipient was texted again"
            raise_alert(connection, user_id, kind="two_texts", subject=subject, message=told, now=now)
    return bound


def bind_named(
    connection: Connection, user_id: UUID, receipts: Sequence[Receipt], *, provider: str, now: datetime | None
) -> list[UUID]:
    """Bind the texts whose receipts name their attempt and that no answer has bound: it was lost, or is still to come.

    Returns the attempts that are bound now.
    """
    named = {each.attempt_id: each for each in receipts if each.attempt_id}
    if not named:
        return []
    binds = {"user_id": user_id, "provider": provider, "attempt_ids": list(named)}
    unbound = connection.execute(_UNBOUND, binds).fetchall()
    found = [_found(row["id"], named[row["id"]]) for row in unbound]
    return bind_found(connection, user_id, found, provider=provider, leaving=_ANY, now=now) if found else []


def prove_absent(
    connection: Connection, user_id: UUID, attempt_id: UUID, *, finding: str, now: datetime | None
) -> Counter[str]:
    """Settle that an attempt never reached its provider; return the status its recipient took, if it still waited."""
    binds = {"user_id": user_id, "attempt_ids": [attempt_id], "attempt_id": attempt_id, "finding": finding, "now": now}
    connection.execute(statement(__package__, "hold_campaigns"), binds)
    budgets.hold(connection, user_id, [attempt_id])
    rows = connection.execute(statement(__package__, "prove_absent"), binds).fetchall()
    budgets.release(connection, user_id, [row["id"] for row in rows], now=now)
    return Counter(row["status"] for row in rows if row["status"])


def note_look(connection: Connection, user_id: UUID, look: Look, *, give_up: timedelta, now: datetime | None) -> None:
    """Note a look that settled nothing; an attempt older than `give_up` is not looked for again."""
    binds = {
        "user_id": user_id,
        "attempt_id": look.attempt_id,
        "finding": look.finding,
        "look_at": look.look_at,
        "absent_at": look.absent_at,
        "counted": int(look.counted),
        "give_up": give_up,
        "now": now,
    }
    connection.execute(statement(__package__, "note_look"), binds)


def _found(attempt_id: UUID, receipt: Receipt) -> Found:
    currency = (receipt.currency or None) if receipt.price is not None else None
    finding = f"named by the provider's own report: {receipt.provider_message_id}"
    return Found(attempt_id, receipt.provider_message_id, finding, receipt.parts, receipt.price, currency)


def _known(
    *, looks: int, absent_at: datetime | None, closed_at: datetime | None, parts: int, now: datetime, **attempt: Any
) -> Known:
    return Known(Attempt(**attempt), looks, absent_at, closed_at, parts, now)


def _columns(found: Sequence[Found]) -> dict[str, list[object]]:
    rows = sorted(found, key=lambda each: each.attempt_id)
    return {
        "attempt_ids": [each.attempt_id for each in rows],
        "message_ids": [each.message_id for each in rows],
        "findings": [each.finding for each in rows],
        "parts": [each.parts for each in rows],
        "costs": [each.cost for each in rows],
        "currencies": [each.currency for each in rows],
    }


_UNBOUND: LiteralString = """
    SELECT id FROM submissions
    WHERE user_id = %(user_id)s AND id = ANY (%(attempt_ids)s::uuid[]) AND provider = %(provider)s
      AND provider_message_id IS NULL
"""
