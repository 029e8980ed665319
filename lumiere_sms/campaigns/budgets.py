"""What may be spent: by a campaign, and by a tenant in a month.

    left ─reserve─► reserved ─commit─► committed       at list price: by the arm, then by the settlement
      ▲                │
      └────release─────┘                               nothing was accepted

The arm holds the budgets while it works out which texts fit, so overspending is impossible, whoever arms at the
same time; a CHECK refuses what the code forgot. An attempt in doubt stays reserved. What the provider charges in the
end is trued up: above list price it is `adjusted`, which may exceed the budget and leaves so much less for the next
arm; below list price it frees what it does not need.

Each attempt knows what its budgets count for it (`submissions.spent`: null while it is reserved), so that settling it
twice counts once. Budgets are held after campaigns and before recipients, in the order of their ids.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_UP, Decimal
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers.prices import Price, PriceOf

CENT = Decimal("0.0001")  # the smallest sum that is kept


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent, and what has been. Neither `campaign_id` nor `month`: each month to come is made from it."""

    id: UUID
    campaign_id: UUID | None
    month: date | None
    amount: Decimal
    currency: str
    reserved: Decimal
    committed: Decimal
    adjusted: Decimal

    @property
    def spent(self) -> Decimal:
        """What has been spent for good."""
        return self.committed + self.adjusted

    @property
    def left(self) -> Decimal:
        """What may still be reserved; below 0 where the provider charged more than its list prices said."""
        return self.amount - self.reserved - self.spent


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text that wants to pass the arm as an attempt of a campaign."""

    attempt_id: UUID
    campaign_id: UUID
    phone_number: str
    parts: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an attempt may cost, and the budgets that it is taken from."""

    amount: Decimal
    month_budget_id: UUID | None
    campaign_budget_id: UUID | None

    @property
    def budget_ids(self) -> list[UUID]:
        """The budgets that it is taken from."""
        return [each for each in (self.month_budget_id, self.campaign_budget_id) if each]


@dataclass(frozen=True, slots=True)
class Allotment:
    """Which attempts fit their budgets, and why a campaign has one that does not."""

    fitting: Mapping[UUID, Reservation] = field(default_factory=dict)
    short: Mapping[UUID, str] = field(default_factory=dict)
    turned_away: frozenset[UUID] = frozenset()

    def columns(self, attempt_ids: Sequence[UUID]) -> dict[str, list[Any]]:
        """Return what the attempts reserve, as arm.sql takes it: nothing at all where no budget is."""
        held = [self.fitting.get(id_) for id_ in attempt_ids] if self.fitting else []
        return {
            "reserved": [each and each.amount for each in held],
            "month_budget_ids": [each and each.month_budget_id for each in held],
            "campaign_budget_ids": [each and each.campaign_budget_id for each in held],
        }


def hold_for_arm(
    connection: Connection, user_id: UUID, campaign_ids: Collection[UUID], *, now: datetime | None
) -> list[Budget]:
    """Hold what an arm of these campaigns may reserve from; make this month's budget where a standing one says so."""
    binds = {"user_id": user_id, "campaign_ids": list(campaign_ids), "now": now}
    rows = connection.execute(statement(__package__, "hold_budgets"), binds).fetchall()
    is_standing = [row["campaign_id"] is None and row["month"] is None for row in rows]
    if any(is_standing) and not any(row["month"] for row in rows):
        connection.execute(_OPEN_MONTH, {**binds, "id": new_id(), "month": rows[0]["this_month"]})
        rows = connection.execute(statement(__package__, "hold_budgets"), binds).fetchall()
    return [
        Budget(**{name: row[name] for name in Budget.__slots__}) for row in rows if row["campaign_id"] or row["month"]
    ]


def allot(wanted: Iterable[Wanted], budgets: Sequence[Budget], *, price_of: PriceOf) -> Allotment:
    """Say which texts fit, one after the other; a dear one that does not fit leaves its place to a cheaper one."""
    left = {budget.id: budget.left for budget in budgets}
    fitting: dict[UUID, Reservation] = {}
    short: dict[UUID, str] = {}
    turned_away = set()
    for text in wanted:
        concerned = [budget for budget in budgets if budget.campaign_id in {None, text.campaign_id}]
        amount, why = _amount_of(text, concerned, price_of=price_of)
        why = why or _shortage(amount, concerned, left)
        if why:
            short.setdefault(text.campaign_id, why)
            turned_away.add(text.attempt_id)
            continue
        for budget in concerned:
            left[budget.id] -= amount
        if concerned:
            fitting[text.attempt_id] = _reservation(amount, concerned)
    return Allotment(fitting, short, frozenset(turned_away))


def reserve(
    connection: Connection, user_id: UUID, reservations: Iterable[Reservation], *, now: datetime | None
) -> None:
    """Take from the held budgets what the attempts that passed may cost."""
    sums: dict[UUID, Decimal] = {}
    for each in reservations:
        for budget_id in each.budget_ids:
            sums[budget_id] = sums.get(budget_id, Decimal(0)) + each.amount
    if sums:
        binds = {"user_id": user_id, "ids": list(sums), "amounts": list(sums.values()), "now": now}
        connection.execute(_RESERVE, binds)


def hold(connection: Connection, user_id: UUID, attempt_ids: Collection[UUID]) -> bool:
    """Hold the budgets in which attempts count, before their recipients are touched; say whether there are any."""
    binds = {"user_id": user_id, "attempt_ids": list(attempt_ids)}
    return bool(connection.execute(statement(__package__, "hold_spent_budgets"), binds).fetchall())


def commit(connection: Connection, user_id: UUID, attempt_ids: Collection[UUID], *, now: datetime | None) -> None:
    """Spend for good what attempts hold reserved: the provider has them. A second time changes nothing.

    Call it, or `hold`, before the statement that moves their recipients.
    """
    if attempt_ids and hold(connection, user_id, attempt_ids):
        settle(connection, user_id, dict.fromkeys(attempt_ids), now=now)


def release(connection: Connection, user_id: UUID, attempt_ids: Collection[UUID], *, now: datetime | None) -> None:
    """Give back what attempts hold reserved: nothing was accepted. A second time changes nothing.

    Call it, or `hold`, before the statement that moves their recipients.
    """
    if attempt_ids and hold(connection, user_id, attempt_ids):
        settle(connection, user_id, dict.fromkeys(attempt_ids, Decimal(0)), now=now)


def settle(
    connection: Connection, user_id: UUID, costs: Mapping[UUID, Decimal | None], *, now: datetime | None
) -> None:
    """Spend what attempts hold reserved at what each costs: 0 gives it back, None is what was reserved.

    Their budgets are held already. One that was given back and turns out to have been accepted is counted all the
    same, even if that exceeds.
    """
    if costs:
        binds = {"user_id": user_id, "attempt_ids": list(costs), "costs": list(costs.values()), "now": now}
        connection.execute(statement(__package__, "settle_budgets"), binds)


def true_up(
    connection: Connection, user_id: UUID, costs: Mapping[UUID, tuple[Decimal, str | None]], *, now: datetime | None
) -> None:
    """Count what attempts cost in the end, by attempt, instead of their list price. Their budgets are held already.

    A cost is an amount and its currency, None for that of the list. What is billed in another currency than the
    budgets are kept in stays at list price.
    """
    if not costs:
        return
    binds = {
        "user_id": user_id,
        "attempt_ids": list(costs),
        "costs": [cost for cost, _ in costs.values()],
        "currencies": [currency for _, currency in costs.values()],
        "now": now,
    }
    connection.execute(statement(__package__, "true_up"), binds)


def _amount_of(text: Wanted, budgets: Sequence[Budget], *, price_of: PriceOf) -> tuple[Decimal, str]:
    """Return what a text may cost, and why its budgets cannot hold it to that."""
    if not budgets:
        return Decimal(0), ""
    try:
        price = price_of(text.phone_number)
    except ConfigurationError as error:
        return Decimal(0), f"{error}; without a price no budget can be kept"
    if strange := [budget for budget in budgets if budget.currency != price.currency]:
        return Decimal(0), f"{label(strange[0])} is in {strange[0].currency}, the prices are in {price.currency}"
    return _rounded(price, text.parts), ""


def _rounded(price: Price, parts: int) -> Decimal:
    return (price.amount * parts).quantize(CENT, rounding=ROUND_UP)


def _shortage(amount: Decimal, budgets: Sequence[Budget], left: Mapping[UUID, Decimal]) -> str:
    for budget in budgets:
        if amount and amount > left[budget.id]:
            return (
                f"{label(budget)} of {money(budget.amount, budget.currency)} is used up:"
                f" {money(max(left[budget.id], Decimal(0)), budget.currency)} left, the next text costs {money(amount)}"
            )
    return ""


def _reservation(amount: Decimal, budgets: Sequence[Budget]) -> Reservation:
    of_month = next((budget.id for budget in budgets if budget.month), None)
    of_campaign = next((budget.id for budget in budgets if budget.campaign_id), None)
    return Reservation(amount, of_month, of_campaign)


def label(budget: Budget) -> str:
    """Name a campaign's or a month's budget inside a sentence."""
    return f"the budget of {budget.month:%Y-%m}" if budget.month else "the campaign's budget"


def money(amount: Decimal, currency: str = "") -> str:
    """Write a sum: two decimals, more where there are any.

    >>> money(Decimal("100.0000"), "USD"), money(Decimal("0.0842"))
    ('100.00 USD', '0.0842')
    """
    whole = amount.normalize()
    places = max(2, -int(whole.as_tuple().exponent))
    return f"{amount:,.{places}f} {currency}".rstrip()


_OPEN_MONTH: LiteralString = """
    INSERT INTO budgets (user_id, id, month, amount, currency, updated_at)
    SELECT %(user_id)s, %(id)s, %(month)s, amount, currency, coalesce(%(now)s::timestamptz, now())
    FROM budgets
    WHERE user_id = %(user_id)s AND campaign_id IS NULL AND month IS NULL
    ON CONFLICT (user_id, campaign_id, month) DO NOTHING
"""
_RESERVE: LiteralString = """
    UPDATE budgets SET reserved = budgets.reserved + wanted.amount, updated_at = coalesce(%(now)s::timestamptz, now())
    FROM unnest(%(ids)s::uuid[], %(amounts)s::numeric[]) AS wanted (id, amount)
    WHERE budgets.user_id = %(user_id)s AND budgets.id = wanted.id
"""
