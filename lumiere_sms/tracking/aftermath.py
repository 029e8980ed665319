"""What receipts ask for beyond their recipients' fates: budgets, new texts where a carrier says "try again", rules.

A carrier's failure that may pass is tried again with a new text: after 15 minutes, then after 2 hours, `max_retries`
times at most, while there is time left, and reminders only. A blast or a promotion is never texted again by itself:
the text may have arrived all the same.

Campaigns and budgets are held before the receipts are applied, in the order that holds everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns import budgets, rules
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.completion import reopen
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.base import Meaning, Receipt, ReceiptStatus

PAUSES = (timedelta(minutes=15), timedelta(hours=2))
TRIED_AGAIN = frozenset({"reminder"})  # types of campaigns
#: An amount, and its currency where the provider names one.
Cost = tuple[Decimal, str | None]

_ALIVE = frozenset({"running", "paused", "completed"})
_FAILURES = frozenset({ReceiptStatus.UNDELIVERED, ReceiptStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Reported:
    """An attempt that a receipt is about; `budgeted_in` is the currency of the budgets that it counts in."""

    id: UUID
    message_id: str | None
    occurrence_id: UUID
    parts: int
    reserved: Decimal | None
    campaign_id: UUID
    carrier_retries: int
    expires_at: datetime
    budgeted_in: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is to be done besides: by attempt, what it was charged; by message, when a new text follows it.

    `failing` are campaigns that rules look at, `holding` attempts that count in budgets; `strange` currencies are
    billed in, and no budget is kept in them.
    """

    costs: Mapping[UUID, Cost]
    again: Mapping[str, datetime]
    failing: Sequence[UUID]
    holding: frozenset[UUID]
    strange: Sequence[str]


def prepare(
    connection: Connection,
    user_id: UUID,
    receipts: Sequence[Receipt],
    *,
    provider: str,
    meaning_of: Callable[[str], Meaning],
    now: datetime | None,
) -> Aftermath:
    """Hold the campaigns and budgets that receipts concern, and say what they ask for."""
    found = _reported(connection, user_id, receipts, provider=provider, now=now)
    failed = [(receipt, attempt) for receipt, attempt in found if receipt.status in _FAILURES]
    campaigns = _hold_campaigns(connection, user_id, {attempt.campaign_id for _, attempt in failed})
    again = {
        receipt.provider_message_id: at
        for receipt, attempt in failed
        if receipt.code and meaning_of(receipt.code).is_retryable
        if (at := _next_try(attempt, campaigns[attempt.campaign_id])) is not None
    }
    holding = frozenset(attempt.id for _, attempt in found if attempt.reserved is not None)
    if holding:
        budgets.hold(connection, user_id, holding)
    _reopen(connection, user_id, [each for receipt, each in failed if receipt.provider_message_id in again], now=now)
    costs = {
        attempt.id: (receipt.price, receipt.currency or None)
        for receipt, attempt in found
        if attempt.id in holding and receipt.price is not None
    }
    failing = {attempt.campaign_id for receipt, attempt in failed if rules.counts(receipt.code, meaning_of)}
    strange = {
        receipt.currency
        for receipt, attempt in found
        if attempt.id in costs and receipt.currency and attempt.budgeted_in not in {None, receipt.currency}
    }
    return Aftermath(costs, again, sorted(failing), holding, sorted(strange))


def conclude(
    connection: Connection,
    user_id: UUID,
    asked: Aftermath,
    *,
    moved: Sequence[Mapping[str, Any]],
    provider: str,
    meaning_of: Callable[[str], Meaning],
    now: datetime | None,
) -> None:
    """Do what the receipts ask for, when they are applied: `moved` are the recipients, with what they cost now."""
    if asked.holding:
        costs = {row["attempt_id"]: (row["cost"], row["currency"]) for row in moved if row["cost"] is not None}
        charged = {id_: cost for id_, cost in {**costs, **asked.costs}.items() if id_ in asked.holding}
        budgets.true_up(connection, user_id, charged, now=now)
    for currency in asked.strange:
        told = f"{provider} bills in {currency}, in which no budget is kept: budgets count its list prices"
        raise_alert(connection, user_id, kind="budget_currency", subject=provider, message=told, now=now)
    for campaign_id in asked.failing:
        rules.stop_if_failing(connection, user_id, campaign_id, provider=provider, meaning_of=meaning_of, now=now)


def _reported(
    connection: Connection, user_id: UUID, receipts: Sequence[Receipt], *, provider: str, now: datetime | None
) -> list[tuple[Receipt, Reported]]:
    binds = {
        "user_id": user_id,
        "provider": provider,
        "message_ids": [each.provider_message_id for each in receipts],
        "attempt_ids": [each.attempt_id for each in receipts if each.attempt_id],
        "now": now,
    }
    rows = [Reported(**row) for row in connection.execute(statement(__package__, "reported_attempts"), binds)]
    by_id: dict[UUID | str | None, Reported] = {each.id: each for each in rows}
    by_id |= {each.message_id: each for each in rows if each.message_id}
    return [
        (each, attempt)
        for each in receipts
        if (attempt := by_id.get(each.provider_message_id) or by_id.get(each.attempt_id)) is not None
    ]


def _hold_campaigns(connection: Connection, user_id: UUID, ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    """Hold campaigns that are to be paused or reopened; the settling elsewhere only shares them."""
    if not ids:
        return {}
    rows = connection.execute(_HOLD_CAMPAIGNS, {"user_id": user_id, "ids": list(ids)})
    return {row["id"]: row for row in rows}


def _next_try(attempt: Reported, campaign: Mapping[str, Any]) -> datetime | None:
    """Return when an attempt that a carrier failed to deliver is followed by a new text; None for never."""
    if campaign["type"] not in TRIED_AGAIN or campaign["status"] not in _ALIVE:
        return None
    if attempt.carrier_retries >= campaign["max_retries"]:
        return None
    at = attempt.now + PAUSES[min(attempt.carrier_retries, len(PAUSES) - 1)]
    return at if at + USABLE < attempt.expires_at else None


def _reopen(connection: Connection, user_id: UUID, attempts: Sequence[Reported], *, now: datetime | None) -> None:
    if attempts:
        campaigns = {each.campaign_id for each in attempts}
        occurrences = {each.occurrence_id for each in attempts}
        reopen(connection, user_id, campaign_ids=campaigns, occurrence_ids=occurrences, now=now)


_HOLD_CAMPAIGNS: LiteralString = """
    SELECT id, type, CASE WHEN archived_at IS NULL THEN status ELSE 'archived' END AS status, max_retries
    FROM sms_campaigns
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
    ORDER BY id FOR NO KEY UPDATE
"""
