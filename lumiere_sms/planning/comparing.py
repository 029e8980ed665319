"""The three strategies of a campaign beside each other, each as it would run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from lumiere_sms.campaigns.ways import Way
from lumiere_sms.planning.cases import Case, Cases, Wanted
from lumiere_sms.providers.choices import Goal


@dataclass(frozen=True, slots=True)
class Compared:
    """What becomes of a campaign by a strategy ("" for the way it goes now); `is_own` for the one that it has."""

    strategy: str
    is_own: bool
    through: str
    texts: int
    parts: int
    cost: Decimal
    currency: str
    finishes_at: datetime | None
    expiring: int


def compare(cases: Cases, case: Case) -> Iterator[Compared]:
    """Yield what becomes of a campaign by each strategy; first as it is, where it has none."""
    wanted = case.wanted
    own = wanted.definition.strategy
    if own is None:
        yield _compared("", case, is_own=True)
    for goal in Goal:
        yield _compared(goal, case if goal == own else cases.make(by_goal(wanted, goal)), is_own=goal == own)


def by_goal(wanted: Wanted, goal: Goal) -> Wanted:
    """Return a campaign that strives for something else than it does."""
    update = {"strategy": goal.value, "routing": None, **({"spread": None} if goal is Goal.TIME else {})}
    return replace(wanted, definition=wanted.definition.model_copy(update=update))


def _compared(strategy: str, case: Case, *, is_own: bool) -> Compared:
    return Compared(
        strategy=str(strategy),
        is_own=is_own,
        through=_through(case.way) if case.way else "",
        texts=case.tally.recipients,
        parts=case.tally.parts,
        cost=case.tally.cost(case.prices),
        currency=case.tally.currency(case.prices) or "",
        finishes_at=case.forecast.finishes_at,
        expiring=case.forecast.expired,
    )


def _through(way: Way) -> str:
    """Say in a word or two who takes the texts."""
    if way.problem or not way.parts:
        return "nobody" if way.problem else "the cheapest"
    return ", ".join(f"{part:.0%} {name}" if part < 1 else name for name, part in way.parts.items() if part)
