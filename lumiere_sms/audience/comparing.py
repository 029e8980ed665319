"""Two audiences side by side: who is in both, who joins, who leaves, and some of either."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.sql import SQL

from lumiere_sms.audience.behaviour import InSegment, Members
from lumiere_sms.audience.compile import expression_text, verdicts_text
from lumiere_sms.audience.criteria import And, Criterion, Not
from lumiere_sms.audience.eligibility import find_audience, look_up, zone_of
from lumiere_sms.audience.revisions import meaning_of_revision
from lumiere_sms.audience.segments import require_segment
from lumiere_sms.database.connection import Connection
from lumiere_sms.errors import StateError


@dataclass(frozen=True, slots=True)
class Difference:
    """Two audiences: their sizes, how many join and leave on the way from one to the other, and the first few."""

    before: int
    after: int
    joining: int
    leaving: int
    joins: tuple[dict[str, Any], ...]
    leaves: tuple[dict[str, Any], ...]


def criterion_of(connection: Connection, user_id: UUID, *, target: Mapping[str, Any]) -> Criterion:
    """Return a target as one criterion. Raises: StateError, CriteriaError."""
    audience = find_audience(connection, user_id, target=target)
    if audience.members_of is None:
        return And(audience.criteria)
    return And((*audience.criteria, InSegment(target["segment"], Members(audience.members_of))))


def criterion_of_revision(connection: Connection, user_id: UUID, *, name: str, revision: int) -> Criterion:
    """Return whom a segment had at a revision, by the people of today. Raises: StateError."""
    segment = require_segment(connection, user_id, name)
    meant = meaning_of_revision(connection, user_id, segment_id=segment.id, revision=revision)
    if meant is None:
        hint = f"its revisions are 1 to {segment.revision}"
        raise StateError(f'segment "{name}" has no revision {revision}', hint=hint)
    return InSegment(name, meant) if isinstance(meant, Members) else look_up(connection, user_id, meant)


def compare(
    connection: Connection, user_id: UUID, *, before: Criterion, after: Criterion, today: date, sample: int = 10
) -> Difference:
    """Compare two criteria over all customers; `sample` bounds how many who join and who leave are listed."""
    zone = zone_of(connection, user_id)
    verdicts, binds = verdicts_text((before, after), today=today, zone=zone)
    counting = SQL(_COUNT).format(SQL(verdicts))
    counted = connection.execute(counting, {**binds, "user_id": user_id}).fetchone()
    assert counted is not None
    samples = []
    for criterion in (And((after, Not(before))), And((before, Not(after)))):
        who, binds = expression_text(criterion, today=today, zone=zone)
        people = connection.execute(SQL(_SAMPLE).format(SQL(who)), {**binds, "user_id": user_id, "sample": sample})
        samples.append(tuple(people.fetchall()))
    return Difference(**counted, joins=samples[0], leaves=samples[1])


_COUNT = """
    SELECT count(*) FILTER (WHERE c0) AS before, count(*) FILTER (WHERE c1) AS after,
        count(*) FILTER (WHERE c1 AND NOT c0) AS joining, count(*) FILTER (WHERE c0 AND NOT c1) AS leaving
    FROM ({} WHERE customers.user_id = %(user_id)s) AS verdicts
"""
_SAMPLE = "SELECT * FROM customers WHERE user_id = %(user_id)s AND ({}) ORDER BY id LIMIT %(sample)s"
