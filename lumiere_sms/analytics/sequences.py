"""How far a sequence has come with its people: who is in it, who left and why, and what became of each step's texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.listing import ACCEPTED
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition

_WAITING = frozenset({"pending", "claimed", "submitting"})


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: how many people have it before them, and its texts: waiting, sent (cumulative), and the others."""

    name: str
    people_before: int
    waiting: int
    sent: int
    delivered: int
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SequenceReport:
    """A drip campaign's people: in it now, finished, and left by reason; `next_at` is when the next step is due."""

    people: int
    finished: int
    left: Mapping[str, int]
    next_at: datetime | None
    steps: tuple[StepReport, ...]


def sequence_report(
    connection: Connection, user_id: UUID, campaign: Mapping[str, Any], *, occurrence_ids: Sequence[UUID]
) -> SequenceReport | None:
    """Report on the sequence of a campaign's row; None for a campaign that has none."""
    if campaign["type"] != "drip":
        return None
    binds = {"user_id": user_id, "campaign_id": campaign["id"], "occurrence_ids": list(occurrence_ids)}
    people = connection.execute(statement(__package__, "report_enrolments"), binds).fetchall()
    texts = connection.execute(statement(__package__, "report_steps"), binds).fetchall()
    inside = [row for row in people if not row["left_reason"]]
    left = Counter({row["left_reason"]: 0 for row in people if row["left_reason"]})
    for row in people:
        left[row["left_reason"]] += row["people"]
    names = CampaignDefinition.from_payload(campaign["definition"]).step_names()
    longest = max([len(names), *(row["number"] for row in texts)])
    called = [*names, *map(str, range(len(names) + 1, longest + 1))]  # steps that were taken away have texts still
    return SequenceReport(
        people=sum(row["people"] for row in inside),
        finished=left["finished"],
        left={reason: count for reason, count in sorted(left.items()) if reason not in {"", "finished"}},
        next_at=min((row["next_at"] for row in inside), default=None),
        steps=tuple(_step(name, place, inside, texts) for place, name in enumerate(called)),
    )


def _step(name: str, place: int, inside: Sequence[Mapping[str, Any]], texts: Sequence[Mapping[str, Any]]) -> StepReport:
    counts = {row["status"]: row["texts"] for row in texts if row["number"] == place + 1}
    others = {status: count for status, count in counts.items() if status not in ACCEPTED | _WAITING}
    return StepReport(
        name,
        people_before=sum(row["people"] for row in inside if row["steps_done"] == place),
        waiting=sum(counts.get(status, 0) for status in _WAITING),
        sent=sum(counts.get(status, 0) for status in ACCEPTED),
        delivered=counts.get("delivered", 0),
        others=others,
    )
