"""What became of a campaign: every figure is asked of the rows, none is a counter.

`sent` is cumulative, as in the requirements: everything that a provider accepted, so delivered, bounced and
awaiting a receipt together. The exclusive statuses stand beside it in `recipients`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from psycopg.rows import class_row

from lumiere_sms.analytics.sequences import SequenceReport, sequence_report
from lumiere_sms.analytics.trials import TrialReport, trial_report
from lumiere_sms.campaigns.listing import ACCEPTED, find_campaign
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the timeline, in which texts were submitted."""

    hour: datetime
    sent: int
    delivered: int
    bounced: int
    failed: int
    parts: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class ProviderShare:
    """How one provider did. `average_delivery_time` is from acceptance to the receipt, as far as receipts tell."""

    provider: str
    sent: int
    delivered: int
    bounced: int
    failed: int
    awaiting: int
    parts: int
    cost: Decimal
    average_delivery_time: timedelta | None
    delivery_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answered, counted once each: `stopped` refused, `others` said anything but that or START.

    Rates are shares of `sent`.
    """

    stopped: int
    others: int
    stop_rate: float | None
    reply_rate: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign's figures. Rates are shares of `sent` between 0 and 1, None before the first receipt."""

    name: str
    type: str
    status: str
    status_reason: str | None
    timezone: str
    started_at: datetime | None
    completed_at: datetime | None
    matched: int
    exclusions: Mapping[str, int]
    recipients: Mapping[str, int]
    sent: int
    delivered: int
    failed: int
    awaiting: int
    delivery_rate: float | None
    parts: int
    cost: Decimal
    cost_estimate: Decimal | None
    cost_per_message: Decimal | None
    currency: str
    timeline: tuple[Hour, ...]
    providers: tuple[ProviderShare, ...]
    sequence: SequenceReport | None = None
    trial: TrialReport | None = None
    answers: Answers | None = None

    @property
    def total(self) -> int:
        """How many recipients there are, whatever became of them."""
        return sum(self.recipients.values())


def campaign_report(database: Database, user_id: UUID, name: str) -> Report:
    """Report on a campaign. Raises: StateError when there is none of that name."""
    with database.transaction(read_only=True) as connection:
        connection.execute("SET LOCAL statement_timeout = '30s'")
        found = find_campaign(connection, user_id, name=name)
        runs = connection.execute(_RUNS, {"user_id": user_id, "campaign_id": found["id"]}).fetchall()
        binds = {"user_id": user_id, "occurrence_ids": [run["id"] for run in runs], "zone": found["timezone"]}
        counts = connection.execute(statement(__package__, "report_recipients"), binds).fetchall()
        report = _report(
            found,
            runs=runs,
            counts=counts,
            timeline=_rows(connection, Hour, name="report_timeline", binds=binds),
            providers=_rows(connection, ProviderShare, name="report_providers", binds=binds),
        )
        sequence = sequence_report(connection, user_id, found, occurrence_ids=binds["occurrence_ids"])
        trial = trial_report(connection, user_id, [run for run in runs if run["launched_at"]])
        answers = _answers(connection, binds, sent=report.sent)
        return replace(report, sequence=sequence, trial=trial, answers=answers)


def _answers(connection: Connection, binds: Mapping[str, Any], *, sent: int) -> Answers | None:
    """Count who answered; None where nobody did."""
    found = connection.execute(statement(__package__, "report_answers"), binds).fetchone() or {}
    stopped, others = found["stopped"], found["others"]
    if not stopped and not others:
        return None
    return Answers(stopped, others, _share(stopped, sent), _share(others, sent))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rows(connection: Connection, kind: type[_T], *, name: str, binds: Mapping[str, Any]) -> tuple[_T, ...]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return tuple(cursor.execute(statement(__package__, name), binds))


def _report(
    found: Mapping[str, Any],
    *,
    runs: Sequence[Mapping[str, Any]],
    counts: Sequence[Mapping[str, Any]],
    timeline: tuple[Hour, ...],
    providers: tuple[ProviderShare, ...],
) -> Report:
    recipients = {row["status"]: row["recipients"] for row in counts}
    sent = sum(recipients.get(status, 0) for status in ACCEPTED)
    delivered = recipients.get("delivered", 0)
    cost = sum((row["cost"] for row in counts), Decimal(0))
    exclusions = Counter[str]()
    for run in runs:
        exclusions.update(run["exclusions"])
    plain = ("name", "type", "status", "status_reason", "timezone", "started_at", "completed_at", "cost_estimate")
    return Report(
        **{name: found[name] for name in plain},
        matched=sum(run["audience_size"] or 0 for run in runs),
        exclusions=dict(exclusions.most_common()),
        recipients=recipients,
        sent=sent,
        delivered=delivered,
        failed=recipients.get("failed", 0),
        awaiting=recipients.get("sent", 0),
        delivery_rate=_rate(delivered, bounced=recipients.get("bounced", 0), sent=sent),
        parts=sum(row["parts"] for row in counts),
        cost=cost,
        cost_per_message=(cost / sent).quantize(cost) if sent else None,
        currency=next((row["currency"] for row in counts if row["currency"]), found["currency"]),
        timeline=timeline,
        providers=tuple(
            replace(each, delivery_rate=_rate(each.delivered, bounced=each.bounced, sent=each.sent))
            for each in providers
        ),
    )


def _rate(delivered: int, *, bounced: int, sent: int) -> float | None:
    return round(delivered / sent, 4) if delivered or bounced else None


_RUNS: LiteralString = """
    SELECT id, audience_size, exclusions, launched_at, definition, decision FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
    ORDER BY occurs_at DESC
"""
