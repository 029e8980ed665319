"""What an experiment says so far: each wording's shares, by how much one is ahead, and what the texts brought at all.

Only those are compared whom nothing but the lot parts: the texts of the rest, who had the winner later, are counted
by themselves. A difference is decided where its interval leaves zero out; of several wordings each pair is asked more
strictly (campaigns/judging_waves.py). The uplift compares all who were to get a text, whatever became of it, with all
who were held out, in visits from the day of the launch on: whoever left those out whose text failed would compare
people who can be reached with people of all kinds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.intervals import Share, difference, wilson
from lumiere_sms.campaigns.judging_waves import SHARES_OF, comparisons, leader_of, shares_of
from lumiere_sms.campaigns.waves import figures_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition

THIN_TEXTS = 100  # where a campaign does not say itself how many it wants of each wording
THIN_HITS = 10


@dataclass(frozen=True, slots=True)
class VariantShare:
    """How many of one wording's texts or people: 95 % of such intervals hold the truth. `sent` is cumulative."""

    variant: str
    metric: str
    sent: int
    hits: int
    of: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much, as a share of one, the best wording is ahead of another. `thin` says of what there is little."""

    metric: str
    best: str
    other: str
    estimate: float
    low: float
    high: float
    is_decided: bool
    thin: str = ""


@dataclass(frozen=True, slots=True)
class Uplift:
    """How many more visit, of those who were to get a text, than of those held out; `visits` is what that comes to."""

    texted: int
    texted_visits: int
    held_out: int
    held_out_visits: int
    estimate: float
    low: float
    high: float
    visits: int
    visits_low: int
    visits_high: int
    is_decided: bool
    thin: str = ""


@dataclass(frozen=True, slots=True)
class TrialReport:
    """An experiment's figures. `rest` is how those fared, by wording, who had the winner later: compared with nobody.

    `decision` is what the newest run that had a winner to choose decided.
    """

    shares: tuple[VariantShare, ...] = ()
    ahead: tuple[Ahead, ...] = ()
    rest: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    has_holdout: bool = False
    uplift: Uplift | None = None
    decision: Mapping[str, Any] | None = None


def trial_report(connection: Connection, user_id: UUID, runs: Sequence[Mapping[str, Any]]) -> TrialReport | None:
    """Report on the experiment in a campaign's runs, the newest first; None where they try nothing out."""
    if not runs:
        return None
    definition, ids = CampaignDefinition.from_payload(runs[0]["definition"]), [run["id"] for run in runs]
    if not definition.variants and not definition.holdout:
        return None
    figures, rest = figures_of(connection, user_id, ids, definition=definition) if definition.variants else ({}, {})
    return TrialReport(
        shares=tuple(_shares(figures)),
        ahead=tuple(_all_ahead(figures, definition)),
        rest={name: {each: counts[each] for each in ("sent", *SHARES_OF)} for name, counts in rest.items()},
        has_holdout=bool(definition.holdout),
        uplift=_uplift(connection, user_id, ids) if definition.holdout else None,
        decision=next((decided for run in runs if (decided := (run["decision"] or {}).get("trial"))), None),
    )


def _shares(figures: Mapping[str, Mapping[str, int]]) -> Iterator[VariantShare]:
    for metric in SHARES_OF:
        for name, share in shares_of(figures, metric).items():
            found = wilson(share)
            yield VariantShare(
                name, metric, figures[name]["sent"], share.hits, share.of, found.estimate, found.low, found.high
            )


def _all_ahead(figures: Mapping[str, Mapping[str, int]], definition: CampaignDefinition) -> Iterator[Ahead]:
    for metric in SHARES_OF if figures else ():
        shares = shares_of(figures, metric)
        if any(share.hits for share in shares.values()):
            yield from ahead_of(shares, metric, least=definition.winner.min if definition.winner else None)


def ahead_of(shares: Mapping[str, Share], metric: str, *, least: int | None = None) -> Iterator[Ahead]:
    """Yield by how much the best wording is ahead of each other; fewer texts than `least` of one decide nothing."""
    best, fewest = leader_of(shares), min(shares, key=lambda name: shares[name].of)
    is_enough = shares[fewest].of >= (least or 0)
    thin = _thin(shares[fewest], f'of "{fewest}"', hits=sum(share.hits for share in shares.values()), least=least)
    for name, found in comparisons(shares).items():
        is_decided = is_enough and found.low > 0
        yield Ahead(metric, best, name, found.estimate, found.low, found.high, is_decided, thin)


def _uplift(connection: Connection, user_id: UUID, occurrence_ids: Sequence[UUID]) -> Uplift | None:
    binds = {"user_id": user_id, "occurrence_ids": list(occurrence_ids)}
    rows = connection.execute(statement(__package__, "report_uplift"), binds).fetchall()
    found = {row["is_held_out"]: Share(row["visits"], row["people"]) for row in rows}
    return uplift_of(found.get(False, Share(0, 0)), found.get(True, Share(0, 0)))


def uplift_of(texted: Share, held_out: Share) -> Uplift | None:
    """Say how many more visit of those who were to get a text; None before there is anybody to compare."""
    if not texted.of or not held_out.of:
        return None
    found = difference(texted, held_out)
    fewest, whose = (held_out, "held out") if held_out.of <= texted.of else (texted, "to be texted")
    return Uplift(
        texted=texted.of,
        texted_visits=texted.hits,
        held_out=held_out.of,
        held_out_visits=held_out.hits,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        visits=round(texted.of * found.estimate),
        visits_low=round(texted.of * found.low),
        visits_high=round(texted.of * found.high),
        is_decided=found.is_decided,
        thin=_thin(fewest, whose, hits=texted.hits + held_out.hits),
    )


def _thin(fewest: Share, whose: str, *, hits: int, least: int | None = None) -> str:
    """Name what is too little to tell small differences by; nothing where it is enough."""
    if fewest.of < (least or THIN_TEXTS):
        return f"only {fewest.of:,} {whose}"
    return f"only {hits:,} in all" if hits < THIN_HITS else ""
