"""What campaigns would take from their budgets, one after the other, and how many of their texts that is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lumiere_sms.campaigns.budget_listing import NIL, campaign_budget, month_budget
from lumiere_sms.campaigns.budget_setting import this_month
from lumiere_sms.campaigns.budgets import Budget
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.values import read_money


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a campaign's texts would cost at list price; one of one part, to the tenant's country, `least`."""

    texts: int
    cost: Decimal
    currency: str
    least: Decimal


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """A budget before a campaign: what is `left` of it, and about how many of the campaign's texts that holds.

    A `problem` says why it would hold none.
    """

    name: str
    amount: Decimal
    left: Decimal
    currency: str
    texts: int
    fits: bool
    problem: str = ""


class Spending:
    """Follows what the campaigns of a plan take from the months that they share."""

    def __init__(self, connection: Connection, tenant: Tenant) -> None:
        self._connection = connection
        self._tenant = tenant
        self._taken: dict[date, Decimal] = {}

    def plan(
        self, definition: CampaignDefinition, row: Mapping[str, Any] | None, *, at: datetime, estimate: Estimate
    ) -> tuple[BudgetPlan, ...]:
        """Return what the budgets of a campaign, as it stands in the files, hold of it at a time."""
        month = this_month(self._tenant, at)
        planned = tuple(_planned(budget, estimate) for budget in self._budgets(definition, row, month))
        texts = min((each.texts for each in planned), default=estimate.texts)
        share = estimate.cost * texts / estimate.texts if estimate.texts else Decimal(0)
        self._taken[month] = self._taken.get(month, Decimal(0)) + share
        return planned

    def _budgets(self, definition: CampaignDefinition, row: Mapping[str, Any] | None, month: date) -> Iterator[Budget]:
        user_id = self._tenant.id
        stored = campaign_budget(self._connection, user_id, row["id"]) if row else None
        if definition.budget:
            amount, currency = read_money(definition.budget)
            empty = Budget(NIL, NIL, None, amount, currency, Decimal(0), Decimal(0), Decimal(0))
            yield replace(stored, amount=amount, currency=currency) if stored else empty
        elif stored and not (row and row["definition"].get("budget")):  # by command; the files drop only their own
            yield stored
        if of_month := month_budget(self._connection, user_id, month):
            taken = self._taken.get(month, Decimal(0))
            yield replace(of_month, committed=of_month.committed + taken)


def _planned(budget: Budget, estimate: Estimate) -> BudgetPlan:
    name = f"{budget.month:%Y-%m}" if budget.month else "campaign"
    left = max(budget.left, Decimal(0))
    of = BudgetPlan(name, budget.amount, left, budget.currency, estimate.texts, fits=True)
    if not estimate.texts:
        return of
    if budget.currency != estimate.currency:
        problem = f"it is in {budget.currency}, the prices are in {estimate.currency}"
        return replace(of, texts=0, fits=False, problem=problem)
    if estimate.cost <= left:
        return of
    if budget.amount < estimate.least:
        return replace(of, texts=0, fits=False, problem="it does not pay for one text")
    return replace(of, texts=int(left / estimate.cost * estimate.texts), fits=False)
