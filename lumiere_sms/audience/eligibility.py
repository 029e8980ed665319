"""Who would get a campaign, and why the others would not: one query for plan, preview and launch.

A person whom the target matches is left out for the first of these reasons: `no_phone`; `opted_out`, a
refusal by anyone with that number; `suppressed`, the number is not texted for another reason; `no_consent`,
a promotional campaign without `allow_promotional` or a reminder without `allow_reminders`; `shared_phone`,
another person with the number is kept: the one with the latest visit, then the one known longest; `merged`, the
same where that one's text has the names of all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL

from lumiere_sms.audience.algebra import looked_up
from lumiere_sms.audience.behaviour import Members
from lumiere_sms.audience.caps import Cap, capped_until
from lumiere_sms.audience.compile import expression_text
from lumiere_sms.audience.criteria import And, Criterion, filters_to_criteria, read_criteria
from lumiere_sms.audience.segments import require_segment
from lumiere_sms.audience.sharing import MERGED, pieces
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import StateError

EVERYBODY = "all"
EXCLUSIONS = ("no_phone", "opted_out", "suppressed", "no_consent", "shared_phone", MERGED)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a target means: those whom all the criteria hold for and, given a segment, its members only."""

    criteria: tuple[Criterion, ...] = ()
    members_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """How many people a target matches, how many are kept, and how many are left out for each reason."""

    matched: int
    kept: int
    exclusions: dict[str, int]


@dataclass(frozen=True, slots=True)
class Among:
    """Which customers are looked at at all: an SQL expression over `customers`, in one line, and its binds."""

    text: LiteralString
    binds: Mapping[str, Any] = field(default_factory=dict)


ANYBODY = Among("true")


def audience_query(
    connection: Connection,
    user_id: UUID,
    *,
    target: Mapping[str, Any],
    campaign_type: str,
    today: date,
    among: Among = ANYBODY,
    cap: Cap | None = None,
    merges: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Return the query of a target's people, and its binds. Who is not `among` those looked at shares no phone either.

    `target` holds `segment` (a name; `all` or none means everybody) and `criteria` or `filters`; all must
    hold. `segments` are criteria by name that count instead of those of stored segments. Rows are the customer's
    columns, `exclusion`, one of EXCLUSIONS, or None for a person who is kept, `capped_until`, until when the `cap`
    has them wait, and `names`, of all who share a number where it `merges` them. They come in no order and can be read
    by a server-side cursor. `today` is the tenant's local date.

    Raises: StateError for a segment that does not exist or is not active, CriteriaError.
    """
    audience = find_audience(connection, user_id, target=target)
    who, binds = who_text(connection, user_id, audience=audience, today=today)
    wanted = SQL(who) if among is ANYBODY else SQL("({}) AND ({})").format(SQL(who), SQL(among.text))
    waits, cap_binds = capped_until(cap, today=today)
    query = SQL(statement(__package__, "eligibility")).format(who=wanted, capped_until=waits, **pieces(merges=merges))
    return query.as_string(), {**binds, **among.binds, **cap_binds, "campaign_type": campaign_type}


def count_audience(
    connection: Connection, user_id: UUID, *, target: Mapping[str, Any], campaign_type: str, today: date
) -> AudienceCount:
    """Count whom a target matches, keeps and leaves out. Raises: as audience_query."""
    query, binds = audience_query(connection, user_id, target=target, campaign_type=campaign_type, today=today)
    counting = SQL("SELECT exclusion, count(*) AS people FROM ({}) AS audience GROUP BY exclusion")
    rows = connection.execute(counting.format(SQL(query)), binds).fetchall()
    people = {row["exclusion"]: row["people"] for row in rows}
    left_out = {reason: people[reason] for reason in EXCLUSIONS if reason in people}
    return AudienceCount(sum(people.values()), people.get(None, 0), left_out)


def find_audience(connection: Connection, user_id: UUID, *, target: Mapping[str, Any]) -> Audience:
    """Return whom a target means. Raises: StateError, CriteriaError."""
    trees = [target[name] for name in ("criteria",) if target.get(name)]
    trees += [filters_to_criteria(target[name]) for name in ("filters",) if target.get(name)]
    criteria = [read_criteria(tree) for tree in trees]
    members: Members | None = None

    def meaning(name: str) -> Criterion | Members:
        planned = (target.get("segments") or {}).get(name)
        return read_criteria(planned) if planned else _stored_meaning(connection, user_id, name)

    if (name := target.get("segment")) is not None and name != EVERYBODY:
        segment = meaning(name)
        if isinstance(segment, Members):
            members = segment
        else:
            criteria.insert(0, segment)
    found = tuple(looked_up(criterion, meaning=meaning) for criterion in criteria)
    return Audience(found, members.segment_id if members else None)


def look_up(connection: Connection, user_id: UUID, criterion: Criterion) -> Criterion:
    """Return a criterion with the meaning of the segments that it names, ready to be compiled. Raises: StateError."""
    return looked_up(criterion, meaning=lambda name: _stored_meaning(connection, user_id, name))


def _stored_meaning(connection: Connection, user_id: UUID, name: str) -> Criterion | Members:
    segment = require_segment(connection, user_id, name)
    if not segment.is_active:
        raise StateError(f'segment "{name}" is not active', hint=f"lumiere-sms segment show {name}")
    return read_criteria(segment.criteria) if segment.is_dynamic else Members(segment.id)


def who_text(connection: Connection, user_id: UUID, *, audience: Audience, today: date) -> tuple[str, dict[str, Any]]:
    """Return the text of an expression over `customers` that selects an audience, and its binds."""
    text, binds = "true", dict[str, Any]()
    if audience.criteria:
        text, binds = expression_text(And(audience.criteria), today=today, zone=zone_of(connection, user_id))
    if audience.members_of is not None:
        text = f"({text}) AND {_MEMBERS}"
        binds["segment_id"] = audience.members_of
    return text, {**binds, "user_id": user_id}


def zone_of(connection: Connection, user_id: UUID) -> str:
    """Return the tenant's time zone."""
    found = connection.execute("SELECT timezone FROM users WHERE id = %s", [user_id]).fetchone()
    assert found is not None
    return str(found["timezone"])


_MEMBERS = (
    "customers.id IN (SELECT segment_members.customer_id FROM segment_members"
    " WHERE segment_members.user_id = %(user_id)s AND segment_members.segment_id = %(segment_id)s)"
)
