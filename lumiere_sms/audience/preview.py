"""A segment before it is used: how many, a few of them, and what each clause of its criteria drops."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import ClientCursor
from psycopg.sql import SQL, Composable, Identifier

from lumiere_sms.audience.behaviour import told_deed
from lumiere_sms.audience.compile import verdicts_text
from lumiere_sms.audience.criteria import And, Criterion, plain_criteria
from lumiere_sms.audience.eligibility import Audience, find_audience, who_text, zone_of
from lumiere_sms.audience.segments import note_size
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of criteria: how many people it holds for by itself, and how many only it keeps out."""

    criteria: dict[str, Any]
    matches: int
    drops: int

    @property
    def text(self) -> str:
        """The clause on one line."""
        return clause_line(self.criteria)


@dataclass(frozen=True, slots=True)
class Preview:
    """`size` people out of `customers`, the first few of them, and the clauses that must all hold."""

    size: int
    customers: int
    sample: tuple[dict[str, Any], ...]
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class SegmentSql:
    """A query of a segment's people: with its binds apart, and as it can be run."""

    sql: str
    binds: dict[str, Any]
    runnable: str


def preview_segment(
    connection: Connection, tenant: Tenant, *, target: Mapping[str, Any], sample: int, now: datetime
) -> Preview:
    """Do as `preview_audience` for the tenant's today, and keep the size of a segment that is named."""
    today = now.astimezone(ZoneInfo(tenant.timezone)).date()
    found = preview_audience(connection, tenant.id, target=target, today=today, sample=sample)
    if target.get("segment"):
        note_size(connection, tenant.id, target["segment"], size=found.size, now=now)
    return found


def segment_sql(connection: Connection, user_id: UUID, *, target: Mapping[str, Any], today: date) -> SegmentSql:
    """Return the query of a target's people. Raises: StateError, CriteriaError."""
    audience = find_audience(connection, user_id, target=target)
    who, binds = who_text(connection, user_id, audience=audience, today=today)
    query = SQL("SELECT * FROM customers WHERE user_id = %(user_id)s AND ({})").format(SQL(who)).as_string()
    runnable = ClientCursor(connection).mogrify(query, binds)
    return SegmentSql(query, binds, f"{runnable};")


def preview_audience(
    connection: Connection, user_id: UUID, *, target: Mapping[str, Any], today: date, sample: int = 10
) -> Preview:
    """Count whom a target matches and tell what each clause does to that. Raises: StateError, CriteriaError."""
    audience = find_audience(connection, user_id, target=target)
    who, binds = who_text(connection, user_id, audience=audience, today=today)
    binds = {**binds, "sample": sample}
    counting = SQL("SELECT count(*) AS size FROM customers WHERE user_id = %(user_id)s AND ({})").format(SQL(who))
    counted = connection.execute(counting, binds).fetchone()
    assert counted is not None
    sampling = SQL("SELECT * FROM customers WHERE user_id = %(user_id)s AND ({}) ORDER BY id LIMIT %(sample)s")
    people = connection.execute(sampling.format(SQL(who)), binds).fetchall()
    customers, clauses = _clauses(connection, user_id, audience=audience, today=today)
    return Preview(counted["size"], customers, tuple(people), clauses)


def _clauses(
    connection: Connection, user_id: UUID, *, audience: Audience, today: date
) -> tuple[int, tuple[Clause, ...]]:
    """Count everybody, and for each clause whom it holds for and whom it alone keeps out, in one pass."""
    clauses = tuple(part for criterion in audience.criteria for part in parts_of(criterion))
    members, binds = who_text(connection, user_id, audience=Audience(members_of=audience.members_of), today=today)
    verdicts, values = verdicts_text(clauses, today=today, zone=zone_of(connection, user_id))
    counting = SQL("SELECT count(*) AS customers{} FROM ({} WHERE user_id = %(user_id)s AND {}) AS verdicts").format(
        SQL("").join(_counts(place, len(clauses)) for place in range(len(clauses))), SQL(verdicts), SQL(members)
    )
    row = connection.execute(counting, {**binds, **values}).fetchone()
    assert row is not None
    counted = (Clause(plain_criteria(part), row[f"m{at}"], row[f"d{at}"]) for at, part in enumerate(clauses))
    return row["customers"], tuple(counted)


def _counts(place: int, clauses: int) -> Composable:
    others = (SQL(" AND {}").format(Identifier(f"c{other}")) for other in range(clauses) if other != place)
    return SQL(", count(*) FILTER (WHERE {one}) AS {m}, count(*) FILTER (WHERE NOT {one}{others}) AS {d}").format(
        one=Identifier(f"c{place}"),
        others=SQL("").join(others),
        m=Identifier(f"m{place}"),
        d=Identifier(f"d{place}"),
    )


def parts_of(criterion: Criterion) -> tuple[Criterion, ...]:
    """Return the clauses that must all hold: those of an outermost `and`, else the criterion itself."""
    return criterion.parts if isinstance(criterion, And) else (criterion,)


def clause_line(criteria: dict[str, Any]) -> str:
    """Write criteria as a person would say them, on one line."""
    match criteria:
        case {"field": field, "operator": operator, "value": value}:
            return f"{field} {operator} {_value(value)}"
        case {"not": below}:
            return f"not ({clause_line(below)})"
        case {"in_segment": name}:
            return f"in segment {name}"
        case {"and": [*_]} | {"or": [*_]}:
            ((word, parts),) = criteria.items()
            return f" {word} ".join(f"({clause_line(part)})" for part in parts)
        case _:
            ((deed, narrowings),) = criteria.items()
            return told_deed(deed, narrowings)


def _value(value: Any) -> str:
    match value:
        case {"days_ago": days}:
            return f"{days} days ago"
        case {"days_ahead": days}:
            return f"{days} days ahead"
        case [*values]:
            return ", ".join(map(_value, values[:10])) + (" …" if len(values) > 10 else "")  # noqa: PLR2004 - one line
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
