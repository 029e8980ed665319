"""The plan: what `apply` would change and, per campaign, who gets what, when and at what cost. Writes nothing.

Who, what and when come from the functions that the launch runs (campaigns/freezing.py, campaigns/expecting.py), on the
templates and segments of the files where these differ from the database.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from lumiere_sms.campaigns.calendars import Calendar, calendar_of
from lumiere_sms.campaigns.changes import Change, checksum, current_campaigns, diff, is_over, keeps_its_start
from lumiere_sms.campaigns.checking import looked_at
from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.campaigns.occurrences import coming
from lumiere_sms.campaigns.wording import findings_of, planned_content
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.definitions.values import read_amount, read_money
from lumiere_sms.errors import DefinitionError, StateError, UsageError
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.lint import Finding
from lumiere_sms.planning.campaign_plans import CampaignPlan, describe
from lumiere_sms.planning.cases import Case, Cases, Wanted
from lumiere_sms.planning.comparing import compare
from lumiere_sms.planning.foreseeing import ExpectedDay
from lumiere_sms.planning.proposing import Proposer
from lumiere_sms.planning.spending import Estimate, Spending
from lumiere_sms.planning.targets import planned_target
from lumiere_sms.providers.prices import Price

COMING = 5  # times that are shown of a campaign that recurs


@dataclass(frozen=True, slots=True)
class Plan:
    """All that would happen. `over` names campaigns of the files that are launched already or never will be."""

    changes: tuple[Change, ...]
    campaigns: tuple[CampaignPlan, ...]
    over: Mapping[str, str]
    checksum: str

    @property
    def is_empty(self) -> bool:
        """Whether `apply` would change nothing."""
        return all(change.action == "unchanged" for change in self.changes)


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of each campaign besides: the three strategies beside each other, how to keep to a budget."""

    compares: bool = False
    budget: Money | None = None


NOTHING_MORE = Questions()


def read_budget(text: str, *, listed: str) -> Money:
    """Read a sum, in the currency of the price list where it names none. Raises: UsageError for what is none.

    >>> read_budget("25.5", listed="USD"), read_budget("2500 jpy", listed="USD").currency
    (Money(amount=Decimal('25.5'), currency='USD'), 'JPY')
    """
    try:
        if len(text.split()) == 1:
            return Money(read_amount(text), listed)
        return Money(*read_money(text))
    except ValueError as error:
        raise UsageError(f"--budget: {error}", hint=f'write it like "25.00 {listed}"') from error


def make_plan(  # noqa: PLR0913 - what a plan depends on, by name
    database: Database,
    tenant: Tenant,
    definitions: Definitions,
    *,
    clock: Clock,
    prices: Prices,
    parts_per_second: float = 1.0,
    overwrite: bool = False,
    asked: Questions = NOTHING_MORE,
    progress: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Say what `apply` would do to the database, and what the campaigns of the files would do to people.

    Those of the database too that send a template of the files which changes.

    `parts_per_second` is the provider's pace where the prices know of no way. Raises: DefinitionError for a schedule
    in the past, StateError for segments or templates that are not there, RefusedError for a budget that pays nothing.
    """
    now = clock.now()
    with database.transaction(read_only=True) as connection:
        connection.execute("SET LOCAL cursor_tuple_fraction = 1.0")
        changes = diff(connection, tenant, definitions, now=now, overwrite=overwrite)
        current = current_campaigns(connection, tenant, definitions.campaigns)
        over = {name: row["status"] for name, row in current.items() if _is_over(row, definitions.campaigns[name])}
        judged = looked_at(connection, tenant, definitions, changes=changes)
        following = current_campaigns(connection, tenant, judged - definitions.campaigns.keys())
        planner = _Planner(
            connection,
            tenant,
            definitions,
            now=now,
            cases=Cases(connection, tenant, prices=prices, granted=parts_per_second, progress=progress),
            asked=asked,
            judged=judged,
        )
        campaigns = [
            planner.plan(definition, current.get(name))
            for name, definition in definitions.campaigns.items()
            if name not in over
        ]
        for _, row in sorted(following.items()):
            with suppress(StateError, DefinitionError):  # its segment is not active, say, so that it cannot go
                campaigns.append(planner.plan(CampaignDefinition.from_payload(row["definition"]), row))
    return Plan(changes, tuple(campaigns), over, checksum(changes))


def _is_over(row: Mapping[str, Any], definition: CampaignDefinition) -> bool:
    """Say whether nothing more is to come of a campaign; one that is a run a day goes on from its next look on."""
    if definition.is_standing:
        return row["status"] in {"completed", "cancelled"}
    return is_over(row)


class _Planner:
    """Plans one campaign after the other, in the order in which they spend."""

    def __init__(
        self,
        connection: Connection,
        tenant: Tenant,
        definitions: Definitions,
        *,
        now: datetime,
        cases: Cases,
        asked: Questions,
        judged: Collection[str],
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._definitions = definitions
        self._now = now
        self._cases = cases
        self._asked = asked
        self._judged = judged
        self._proposer = Proposer(connection, tenant, cases, budget=asked.budget) if asked.budget else None
        self._spending = Spending(connection, tenant)

    def plan(self, definition: CampaignDefinition, row: Mapping[str, Any] | None) -> CampaignPlan:
        """Say what would become of a campaign, of which `row` is what the database has."""
        times = tuple(self._times(definition, row))
        wanted = self._wanted(definition, at=times[0] if times else self._now, until=times[1] if times[1:] else None)
        case, days = self._look(wanted, row)
        planned = describe(case, is_draft=not times)
        price = _money(case.prices(self._tenant.country))
        findings = self._findings(case, row, content=wanted.content, price=price)
        estimate = Estimate(planned.kept, planned.cost, planned.currency, price.amount)
        budgets = self._spending.plan(definition, row, at=case.recipe.wish, estimate=estimate)
        planned = replace(planned, findings=tuple(findings), budgets=budgets, days=days)
        if definition.is_standing:
            return planned
        return replace(
            planned,
            coming=times if len(times) > 1 else (),
            calendar=self._calendar(definition, row),
            strategies=tuple(compare(self._cases, case)) if self._asked.compares else (),
            budget_answer=self._proposer.answer(case) if self._proposer else None,
        )

    def _findings(
        self, case: Case, row: Mapping[str, Any] | None, *, content: Content, price: Money
    ) -> Iterator[Finding]:
        """Yield what the lint finds; what `apply` does not look at, since nothing of it changes, stops nothing."""
        about: dict[str, Any] = {"content": content, "price": price, "overrides": row["overrides"] if row else None}
        about |= {"most_parts": case.tally.most_parts}
        for finding in findings_of(self._connection, self._tenant, case.definition, **about):
            yield finding if case.definition.name in self._judged else replace(finding, blocking=False)

    def _look(self, wanted: Wanted, row: Mapping[str, Any] | None) -> tuple[Case, tuple[ExpectedDay, ...]]:
        """Look at what becomes of a campaign; at the next days of one that is a run a day."""
        if not wanted.definition.is_standing:
            return self._cases.make(wanted), ()
        wanted = replace(wanted, wish=max(wanted.wish, self._now))
        return self._cases.foresee(wanted, campaign_id=row["id"] if row else None)

    def _wanted(self, definition: CampaignDefinition, *, at: datetime, until: datetime | None) -> Wanted:
        definitions = self._definitions
        content = planned_content(self._connection, self._tenant, definition, definitions=definitions)
        target = planned_target(self._tenant, definition, definitions=definitions)
        return Wanted(definition, content, target, at, until)

    def _times(self, definition: CampaignDefinition, row: Mapping[str, Any] | None) -> Iterator[datetime]:
        """Yield when a campaign's texts are wished for, the next few times of one that recurs; none of a draft."""
        if definition.schedule is None:
            return
        start = self._start(definition, row)
        if definition.schedule.repeat is None:
            yield start
        else:
            yield from islice(coming(self._tenant, definition, start=start, after=self._now), COMING)

    def _calendar(self, definition: CampaignDefinition, row: Mapping[str, Any] | None) -> Calendar | None:
        return calendar_of(self._tenant, definition, start=self._start(definition, row), after=self._now)

    def _start(self, definition: CampaignDefinition, row: Mapping[str, Any] | None) -> datetime:
        """Return what the schedule of a campaign is counted from."""
        if row is not None and keeps_its_start(CampaignDefinition.from_payload(row["definition"]), definition):
            at: datetime | None = row["scheduled_at"]
            return at or self._now
        return definition.starts_at() or self._now


def _money(price: Price) -> Money:
    return Money(price.amount, price.currency)
