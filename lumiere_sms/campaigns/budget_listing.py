"""What budgets there are and what is left of them; read only."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.budget_setting import this_month
from lumiere_sms.campaigns.budgets import Budget
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time

NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Shown:
    """A budget as `budget show` tells it. `scope` is campaign, month or standing; `left` is None for a standing one."""

    scope: str
    name: str
    amount: Decimal
    currency: str
    spent: Decimal
    reserved: Decimal
    left: Decimal | None


def list_budgets(database: Database, tenant: Tenant, *, now: datetime | None) -> list[Shown]:
    """Return the standing budget, the months from this one on, and those of campaigns that are not deleted."""
    with database.transaction(read_only=True) as connection:
        current = this_month(tenant, database_time(connection, now))
        rows = connection.execute(_ALL, {"user_id": tenant.id, "month": current}).fetchall()
        of_month = month_budget(connection, tenant.id, current)
    shown = [_shown(**row) for row in rows]
    if of_month and of_month.id == NIL:  # nothing has been armed in it yet
        shown.insert(1, _of(of_month, "month", f"{current:%Y-%m}"))
    return shown


def month_budget(connection: Connection, user_id: UUID, month: date) -> Budget | None:
    """Return the budget of a month, or what it will be made from the standing one; None where there is no limit."""
    row = connection.execute(_MONTH, {"user_id": user_id, "month": month, "nil": NIL}).fetchone()
    return Budget(**row) if row else None


def campaign_budget(connection: Connection, user_id: UUID, campaign_id: UUID) -> Budget | None:
    """Return the budget of a campaign; None where there is none."""
    row = connection.execute(_CAMPAIGN, {"user_id": user_id, "campaign_id": campaign_id}).fetchone()
    return Budget(**row) if row else None


def _shown(*, name: str | None, **columns: Any) -> Shown:
    budget = Budget(**columns)
    if name is not None:
        return _of(budget, "campaign", name)
    if budget.month is not None:
        return _of(budget, "month", f"{budget.month:%Y-%m}")
    return Shown("standing", "every month", budget.amount, budget.currency, Decimal(0), Decimal(0), None)


def _of(budget: Budget, scope: str, name: str) -> Shown:
    return Shown(scope, name, budget.amount, budget.currency, budget.spent, budget.reserved, budget.left)


_ALL: LiteralString = """
    SELECT budgets.id, budgets.campaign_id, budgets.month, budgets.amount, budgets.currency, budgets.reserved,
        budgets.committed, budgets.adjusted, campaign.name
    FROM budgets
    LEFT JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = budgets.campaign_id
    WHERE budgets.user_id = %(user_id)s AND campaign.archived_at IS NULL
      AND (budgets.month IS NULL OR budgets.month >= %(month)s)
    ORDER BY campaign.name NULLS FIRST, budgets.month NULLS FIRST
"""
_MONTH: LiteralString = """
    SELECT CASE WHEN month IS NULL THEN %(nil)s::uuid ELSE id END AS id, campaign_id, %(month)s::date AS month, amount,
        currency, reserved, committed, adjusted
    FROM budgets
    WHERE user_id = %(user_id)s AND campaign_id IS NULL AND (month = %(month)s::date OR month IS NULL)
    ORDER BY budgets.month NULLS LAST
    LIMIT 1
"""
_CAMPAIGN: LiteralString = """
    SELECT id, campaign_id, month, amount, currency, reserved, committed, adjusted FROM budgets
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
"""
