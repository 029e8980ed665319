"""What an operator does to budgets: set one, drop one.

A tenant's budget of each month is made from the standing one when the month's first text is armed, and follows it
while it says the same. A new budget begins with what has been spent already, so it holds for the whole month or
campaign, whenever it is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.budgets import Budget, label, money
from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.values import read_amount
from lumiere_sms.errors import RefusedError, UsageError

NONE = "none"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a budget is for: a campaign, or a tenant's month (its first day), or else each month to come."""

    campaign_id: UUID | None = None
    month: date | None = None
    name: str = "every month"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a budget shall be: an amount in a currency, None for no limit; who wants it, and when."""

    amount: Decimal | None
    currency: str
    by: str
    now: datetime | None


def read_wish(amount: str, *, currency: str, listed: str, by: str, now: datetime | None) -> Wish:
    """Read what an operator asks for; `listed` is the currency of the price list, `none` means no limit.

    Raises: UsageError for what is no amount, RefusedError for one in another currency.
    """
    if amount.strip().lower() == NONE:
        return Wish(None, listed, by, now)
    refuse_currency(currency or listed, listed=listed)
    try:
        return Wish(read_amount(amount), listed, by, now)
    except ValueError as error:
        hint = f'an amount in {listed}, like 25.50, or "{NONE}"'
        raise UsageError(f"{error}; nothing was changed", hint=hint) from error


def refuse_currency(currency: str, *, listed: str) -> None:
    """Refuse a budget that texts could not be counted in. Raises: RefusedError."""
    if currency.upper() != listed:
        raise RefusedError(
            f"a budget in {currency.upper()} cannot be kept: the prices are in {listed}; nothing was changed",
            hint=f"give it in {listed}, or a price list in {currency.upper()} (LUMIERE_SMS_PRICES)",
        )


def read_month(text: str, *, tenant: Tenant, now: datetime) -> Scope:
    """Read YYYY-MM. Raises: UsageError for what is no month, RefusedError for one that is over."""
    try:
        year, month = text.split("-")
        first = date(int(year), int(month), 1)
    except ValueError as error:
        raise UsageError(f'"{text}" is no month', hint="write it like 2031-04") from error
    if first < this_month(tenant, now):
        raise RefusedError(
            f"{text} is over; nothing can be spent in it any more", hint="give this month or a later one"
        )
    return Scope(month=first, name=f"{first:%Y-%m}")


def this_month(tenant: Tenant, now: datetime) -> date:
    """Return the first day of the month at the tenant's."""
    return now.astimezone(ZoneInfo(tenant.timezone)).date().replace(day=1)


def set_budget(
    database: Database, tenant: Tenant, wish: Wish, *, campaign: str = "", month: str = "", clock: Clock
) -> Scope:
    """Set the budget of a campaign or a month, or the standing one of each month; return which it was.

    Raises: UsageError for both or no month, RefusedError below what is spent or reserved, StateError for a campaign
    that there is none of.
    """
    if campaign and month:
        raise UsageError("a budget is a campaign's or a month's, not both; nothing was changed", hint="name one")
    with database.transaction() as connection:
        hold_tenant(connection, tenant.id)
        if campaign:
            found = find_campaign(connection, tenant.id, name=campaign)
            return put_campaign_budget(connection, tenant.id, found["id"], name=campaign, wish=wish)
        now = database_time(connection, clock.database_now())
        connection.execute(_HOLD_MONTHS, {"user_id": tenant.id})
        if month:
            scope = read_month(month, tenant=tenant, now=now)
            _put(connection, tenant.id, scope, wish)
            return scope
        return _put_standing(connection, tenant, wish, now=now)


def put_campaign_budget(connection: Connection, user_id: UUID, campaign_id: UUID, *, name: str, wish: Wish) -> Scope:
    """Set or drop the budget of a campaign. Raises: RefusedError."""
    scope = Scope(campaign_id=campaign_id, name=name)
    _put(connection, user_id, scope, wish)
    return scope


def _put_standing(connection: Connection, tenant: Tenant, wish: Wish, *, now: datetime) -> Scope:
    """Set the standing budget, and this month's where it has none of its own."""
    standing, current = Scope(), Scope(month=this_month(tenant, now), name="this month")
    before, of_month = (_find(connection, tenant.id, scope) for scope in (standing, current))
    follows = of_month is None or (before is not None and of_month.amount == before.amount)
    if follows:
        _put(connection, tenant.id, current, wish)
    _put(connection, tenant.id, standing, wish)
    return standing


def _put(connection: Connection, user_id: UUID, scope: Scope, wish: Wish) -> None:
    before = _find(connection, user_id, scope)
    if wish.amount is None:
        if before is not None:
            connection.execute(_DROP, {"user_id": user_id, "id": before.id})
    else:
        after = _fitted(connection, user_id, scope, before=before, wish=wish)
        connection.execute(statement(__package__, "put_budget"), after)
    audit.record(
        connection,
        user_id,
        actor=wish.by,
        action="budget.set",
        subject=scope.name,
        before=_plain(before.amount, before.currency) if before else None,
        after=_plain(wish.amount, wish.currency) if wish.amount is not None else None,
        now=wish.now,
    )


def _fitted(
    connection: Connection, user_id: UUID, scope: Scope, *, before: Budget | None, wish: Wish
) -> dict[str, Any]:
    """Return the row to write. Raises: RefusedError where less is asked for than what has gone already."""
    spent = before.spent if before else _spent_so_far(connection, user_id, scope, currency=wish.currency)
    reserved = before.reserved if before else Decimal(0)
    assert wish.amount is not None, "no limit is no row"
    if before and before.currency != wish.currency and (reserved or spent):
        raise RefusedError(
            f"{label(before)} is kept in {before.currency}, and something has gone from it; nothing was changed",
            hint=f"a price list in {before.currency}, or drop it: lumiere-sms budget set {NONE}",
        )
    if wish.amount < reserved + spent:
        gone = f"{money(spent, wish.currency)} is spent" + (f", {money(reserved)} reserved" if reserved else "")
        raise RefusedError(
            f"{money(wish.amount, wish.currency)} for {scope.name} is too small: {gone}; nothing was changed",
            hint=f"give {money(reserved + spent)} or more; to stop, pause the campaigns",
        )
    return {
        "user_id": user_id,
        "id": new_id(),
        "campaign_id": scope.campaign_id,
        "month": scope.month,
        "amount": wish.amount,
        "currency": wish.currency,
        "spent": spent,
        "now": wish.now,
    }


def _find(connection: Connection, user_id: UUID, scope: Scope) -> Budget | None:
    binds = {"user_id": user_id, "campaign_id": scope.campaign_id, "month": scope.month}
    row = connection.execute(_FIND, binds).fetchone()
    return Budget(**row) if row else None


def _spent_so_far(connection: Connection, user_id: UUID, scope: Scope, *, currency: str) -> Decimal:
    """Return what a scope without a budget has cost so far; nothing for each month to come."""
    if scope.campaign_id is None and scope.month is None:
        return Decimal(0)
    occurrences = None
    if scope.campaign_id is not None:
        rows = connection.execute(_OCCURRENCES, {"user_id": user_id, "campaign_id": scope.campaign_id})
        occurrences = [row["id"] for row in rows]
    binds = {"user_id": user_id, "currency": currency, "occurrence_ids": occurrences, "month": scope.month}
    row = connection.execute(statement(__package__, "spent_so_far"), binds).fetchone()
    assert row is not None, "a sum is always one row"
    return Decimal(row["cost"])


def _plain(amount: Decimal, currency: str) -> Mapping[str, str]:
    return {"amount": f"{amount:.4f}", "currency": currency}


_HOLD_MONTHS: LiteralString = """
    SELECT id FROM budgets WHERE user_id = %(user_id)s AND campaign_id IS NULL ORDER BY id FOR NO KEY UPDATE
"""
_FIND: LiteralString = """
    SELECT id, campaign_id, month, amount, currency, reserved, committed, adjusted FROM budgets
    WHERE user_id = %(user_id)s AND campaign_id IS NOT DISTINCT FROM %(campaign_id)s::uuid
      AND month IS NOT DISTINCT FROM %(month)s::date
    FOR NO KEY UPDATE
"""
_OCCURRENCES: LiteralString = """
    SELECT id FROM campaign_occurrences WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
"""
_DROP: LiteralString = "DELETE FROM budgets WHERE user_id = %(user_id)s AND id = %(id)s"
