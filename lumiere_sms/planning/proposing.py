"""How to keep a campaign to a budget: what each change to it would bring, best first. Nothing is changed by itself.

Ranked: what fits before what does not; then what nobody notices (plainer characters, a cheaper way), what changes the
text (shorter), what leaves people out, last and always with how many.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.checking import templates_of
from lumiere_sms.campaigns.freezing import Narrowing, Row, Tally, audience_batches, freeze
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import RefusedError
from lumiere_sms.messages.estimates import Money
from lumiere_sms.planning.cases import Case, Cases, Wanted
from lumiere_sms.planning.comparing import by_goal
from lumiere_sms.planning.sharing_out import Allotted, Offer, share_out
from lumiere_sms.planning.shortening import lengths_of, shorten
from lumiere_sms.providers.choices import Goal, Strategy
from lumiere_sms.providers.prices import country_of

REMEMBERED = timedelta(days=30)  # receipts that tell how well a provider delivers
FEWEST = 50  # receipts that say anything


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that makes a campaign cheaper: in words, as it is written in the definition, and what it brings."""

    kind: str
    says: str
    write: str
    texts: int
    cost: Decimal
    fits: bool


@dataclass(frozen=True, slots=True)
class BudgetAnswer:
    """A campaign against a budget: about how many of its texts that pays for, by whom, and what would help."""

    amount: Decimal
    currency: str
    cost: Decimal
    texts: int
    fits: bool
    shares: tuple[Allotted, ...]
    proposals: tuple[Proposal, ...]


class Proposer:
    """Answers what a budget comes to for one campaign after the other."""

    def __init__(self, connection: Connection, tenant: Tenant, cases: Cases, *, budget: Money) -> None:
        self._connection = connection
        self._tenant = tenant
        self._cases = cases
        self._budget = budget
        self._limit = budget.amount

    def answer(self, case: Case) -> BudgetAnswer | None:
        """Say how a campaign keeps to the budget; None where nobody gets a text. Raises: RefusedError."""
        if not case.tally.kept:
            return None
        self._refuse_nothing(case)
        cost = case.tally.cost(case.prices)
        fits = cost <= self._limit
        texts = case.tally.recipients if fits else int(self._limit * case.tally.recipients / cost)
        proposals = () if fits else tuple(sorted(self._proposals(case, cost), key=lambda each: not each.fits))
        shares = self._shares(case)
        return BudgetAnswer(self._limit, self._budget.currency, cost, texts, fits, shares, proposals)

    def _refuse_nothing(self, case: Case) -> None:
        """Refuse a budget that is in another currency, or pays for no text at all."""
        currency = case.tally.currency(case.prices)
        if currency != self._budget.currency:
            said = f"the budget is in {self._budget.currency}, the price list in {currency}"
            raise RefusedError(said, hint=f"write --budget '{self._limit:f} {currency}'")
        least = min(case.prices(country).amount * parts for _, country, _, parts in case.tally.kept)
        if least > self._limit:
            said = f"a budget of {self._budget} does not pay for one text of {case.definition.name}"
            raise RefusedError(said, hint=f"the cheapest of them costs {Money(least, self._budget.currency)}")

    def _proposals(self, case: Case, cost: Decimal) -> Iterator[Proposal]:
        plain = self._plainer(case)
        cheaper = self._cheaper(case)
        found = [each for each in (plain, cheaper) if each[0].cost < cost]
        if len(found) > 1:
            found.append(self._both(case))
        yield from (proposal for proposal, _ in found)
        if shorter := self._shorter(case, cost):
            yield shorter
        if fewer := self._fewer(case):
            yield fewer

    def _plainer(self, case: Case) -> tuple[Proposal, Wanted]:
        """Try plainer characters, on the way that the campaign goes now."""
        update: dict[str, Any] = {"strategy": Goal.COST.value}
        if case.way:
            update |= {"routing": case.way.strategy, "providers": case.way.choices or None}
        wanted = replace(case.wanted, definition=case.wanted.definition.model_copy(update=update))
        says = "write characters that cost a part in plainer ones"
        where = "in the template" if templates_of(case.definition) else "in a template, in place of message"
        return self._tried("transliterate", says, f"transliterate: true ({where})", wanted), wanted

    def _cheaper(self, case: Case) -> tuple[Proposal, Wanted]:
        update = {"strategy": None, "routing": Strategy.CHEAPEST.value}
        wanted = replace(case.wanted, definition=case.wanted.definition.model_copy(update=update))
        says = "send each text the cheapest way"
        instead = " (in place of strategy)" if case.definition.strategy else ""
        return self._tried("cheaper_route", says, f"routing: cheapest{instead}", wanted), wanted

    def _both(self, case: Case) -> tuple[Proposal, Wanted]:
        wanted = by_goal(case.wanted, Goal.COST)
        says = "plainer characters, and the cheapest way"
        instead = " (in place of routing)" if case.definition.routing else ""
        return self._tried("both", says, f"strategy: cost-optimized{instead}", wanted), wanted

    def _tried(self, kind: str, says: str, write: str, wanted: Wanted) -> Proposal:
        found = self._cases.make(wanted)
        cost = found.tally.cost(found.prices)
        return Proposal(kind, says, write, found.tally.recipients, cost, fits=cost <= self._limit)

    def _shorter(self, case: Case, cost: Decimal) -> Proposal | None:
        wanted = case.wanted
        batches = audience_batches(self._connection, self._audience(case), columns=case.recipe.columns)
        lengths = lengths_of(freeze(chain.from_iterable(batches), case.recipe, Tally()))
        found = shorten(lengths, prices=case.prices, limit=self._limit)
        if found is None or found.cost >= cost:
            return None
        by = "1 character" if found.characters == 1 else f"{found.characters} characters"
        says = f"make the text {by} shorter: {found.fewer:,} take a part less"
        templates = ", ".join(sorted(templates_of(wanted.definition)))
        write = f"template: {templates}" if templates else "message:"
        return Proposal("shorten", says, write, case.tally.recipients, found.cost, fits=found.cost <= self._limit)

    def _fewer(self, case: Case) -> Proposal | None:
        """Try only those people whose last visits are as recent as the budget pays for."""
        furthest = self._furthest(case)
        if furthest is None:
            return None
        filters = _visited_within(furthest, case.definition.filters or {})
        narrowed = case.definition.model_copy(update={"filters": filters})
        target = {**case.wanted.target, **narrowed.target()}
        wanted = replace(case.wanted, definition=narrowed, target=target)
        found = self._tried("smaller_segment", "", f"filters: {_flow(filters)}", wanted)
        left_out = case.tally.recipients - found.texts
        says = f"only who visited in the last {furthest} days: {left_out:,} people fewer get a text"
        return replace(found, says=says)

    def _furthest(self, case: Case) -> int | None:
        """Return how many days back the last visits of people may lie whom the budget pays for."""
        spent, furthest = Decimal(0), None
        for days, texts in groupby(self._by_visit(case), key=itemgetter(0)):
            spent += sum(cost for _, cost in texts)
            if spent > self._limit:
                break
            furthest = days
        return furthest

    def _by_visit(self, case: Case) -> Iterator[tuple[int, Decimal]]:
        """Yield how many days ago somebody visited who would get a text, and what it costs; the latest visits first."""
        today = visited = self._today(case)
        narrowing = replace(_VISITED, binds={"latest": today})
        columns = (*case.recipe.columns, "last_visit_date")
        batches = audience_batches(self._connection, self._audience(case), columns=columns, narrowing=narrowing)

        def rows() -> Iterator[Row]:
            nonlocal visited
            for *row, visited in chain.from_iterable(batches):  # noqa: B007 - of the one frozen below
                yield tuple(row)

        for each in freeze(rows(), case.recipe, Tally()):
            yield (today - visited).days, case.prices(country_of(each.phone_number)).amount * each.segments_used

    def _audience(self, case: Case) -> tuple[str, dict[str, Any]]:
        return audience_query(
            self._connection,
            self._tenant.id,
            target=case.wanted.target,
            campaign_type=case.definition.type,
            today=self._today(case),
            cap=case.recipe.cap,
            merges=case.definition.is_merging,
        )

    def _today(self, case: Case) -> date:
        return local_day(self._tenant, case.recipe.wish)

    def _shares(self, case: Case) -> tuple[Allotted, ...]:
        """Return how the budget would be shared out over the providers on the campaign's way."""
        if case.way is None or case.way.problem:
            return ()
        parts: dict[str, int] = {}
        for (_, country, _, each), count in case.tally.kept.items():
            parts[country] = parts.get(country, 0) + each * count
        since = case.recipe.wish - REMEMBERED
        rows = self._connection.execute(
            statement(__package__, "delivery_rates"), {"user_id": self._tenant.id, "since": since}
        ).fetchall()
        receipts = {row["provider"]: row for row in rows}
        offers = [self._offer(case, name, parts, receipts.get(name)) for name in case.way.providers]
        return share_out(parts, offers, budget=self._limit)

    def _offer(self, case: Case, name: str, parts: dict[str, int], receipts: Any) -> Offer:
        update = {"providers": (name,), "routing": Strategy.PRIMARY.value, "strategy": None}
        alone = self._cases.make(replace(case.wanted, definition=case.wanted.definition.model_copy(update=update)))
        sent = sum(stretch.texts * stretch.parts for stretch in alone.forecast.stretches)
        known = receipts is not None and receipts["receipts"] >= FEWEST
        return Offer(
            provider=name,
            prices={country: alone.prices(country).amount for country in parts},
            capacity=sent if alone.forecast.expired else None,
            delivery_rate=receipts["delivered"] / receipts["receipts"] if known else None,
            receipts=receipts["receipts"] if receipts else 0,
        )


def _visited_within(days: int, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a campaign's filters for those of its people who visited in the last days."""
    name = "lastVisitDays" if "lastVisitDays" in filters else "last_visit_days"
    return {**filters, name: {**filters.get(name, {}), "max": days}}


def _flow(value: Any) -> str:
    """Write a value as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_flow(each)}' for name, each in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


_VISITED = Narrowing(
    "audience.exclusion IS NULL AND audience.last_visit_date <= %(latest)s", order="ORDER BY last_visit_date DESC"
)
