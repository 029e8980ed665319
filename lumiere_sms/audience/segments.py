"""Segments as they are kept: criteria, evaluated whenever they are asked, or a fixed list of members."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from lumiere_sms.audience.algebra import campaigns_in, find_circle, segments_in, told_circle
from lumiere_sms.audience.criteria import canonical_criteria, filters_to_criteria
from lumiere_sms.audience.fields import guess
from lumiere_sms.audience.phones import phone_or_none
from lumiere_sms.audience.revisions import note_revision
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import hold_tenant
from lumiere_sms.database.told import told
from lumiere_sms.errors import StateError

RESERVED = "all"
LISTED = 10  # of the names that nobody has, in a sentence


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment. `criteria` is empty for a static one; `campaigns` counts those not yet over that name it."""

    id: UUID
    name: str
    description: str | None
    criteria: dict[str, Any]
    is_dynamic: bool
    is_active: bool
    estimated_size: int | None
    last_calculated_at: datetime | None
    revision: int
    members: int
    campaigns: int


def list_segments(connection: Connection, user_id: UUID) -> list[Segment]:
    """Return the tenant's segments by name."""
    with connection.cursor(row_factory=class_row(Segment)) as cursor:
        return cursor.execute(statement(__package__, "segments"), {"user_id": user_id, "name": None}).fetchall()


def find_segment(connection: Connection, user_id: UUID, name: str) -> Segment | None:
    """Return the segment called `name`; None where there is none."""
    with connection.cursor(row_factory=class_row(Segment)) as cursor:
        return cursor.execute(statement(__package__, "segments"), {"user_id": user_id, "name": name}).fetchone()


def require_segment(connection: Connection, user_id: UUID, name: str) -> Segment:
    """Return the segment called `name`. Raises: StateError when there is none."""
    found = find_segment(connection, user_id, name)
    if found is None:
        raise StateError(f'there is no segment "{name}"', hint="lumiere-sms segment list")
    return found


def write_segment(connection: Connection, user_id: UUID, definition: Mapping[str, Any]) -> UUID:
    """Make or change the segment that a definition describes; return its key.

    The definition has `name`, and one of `criteria`, `filters` or `members` (external ids or phones).
    Raises: CriteriaError, StateError for the name `all` or for members who are no customers.
    """
    name = definition["name"]
    if name == RESERVED:
        raise StateError(f'"{RESERVED}" means everybody and cannot be the name of a segment')
    fields = segment_fields(connection, user_id, definition)
    binds = {**fields, "user_id": user_id, "id": new_id(), "name": name, "criteria": Jsonb(fields["criteria"])}
    row = connection.execute(statement(__package__, "write_segment"), binds).fetchone()
    assert row is not None
    _write_members(connection, user_id, segment_id=row["id"], members=fields["members"])
    kept = {"criteria": fields["criteria"], "members": fields["members"]}
    note_revision(connection, user_id, segment_id=row["id"], **kept)
    return UUID(str(row["id"]))


def create_segment(
    connection: Connection,
    user_id: UUID,
    definition: Mapping[str, Any],
    *,
    by: str = "operator",
    now: datetime | None = None,
) -> UUID:
    """Do as `write_segment` for a name that is free. Raises: StateError when it is not."""
    hold_tenant(connection, user_id)  # as an erasure does: its members are there until the commit
    if find_segment(connection, user_id, definition["name"]):
        raise StateError(f'there is a segment "{definition["name"]}" already', hint="change it in your definitions")
    refuse_unknown_campaigns(connection, user_id, definition)
    key = write_segment(connection, user_id, definition)
    refuse_strange_parts(connection, user_id, [definition["name"]])
    kept = segment_fields(connection, user_id, definition)
    _, given = told({name: (None, value) for name, value in kept.items() if value})
    name = definition["name"]
    audit.record(connection, user_id, actor=by, action="segment.create", subject=name, after=given, now=now)
    return key


def refuse_strange_parts(connection: Connection, user_id: UUID, names: Iterable[str]) -> None:
    """Refuse segments that are made of one that is not there, or of themselves. Raises: StateError."""
    rows = connection.execute("SELECT name, criteria FROM audience_segments WHERE user_id = %s", [user_id]).fetchall()
    parts = {row["name"]: [part for _, part in segments_in(row["criteria"])] for row in rows}
    for name in names:
        for part in parts[name]:
            if part not in parts:
                hint = guess(part, parts) or "lumiere-sms segment list"
                raise StateError(f'segment "{name}": there is no segment "{part}"', hint=hint)
        if circle := find_circle(name, parts):
            raise StateError(told_circle(circle), hint="take one of them out")


def refuse_unknown_campaigns(connection: Connection, user_id: UUID, definition: Mapping[str, Any]) -> None:
    """Refuse criteria about texts of a campaign that never was. Raises: StateError."""
    wanted = [name for _, name in campaigns_in(definition.get("criteria"))]
    if not wanted:
        return
    rows = connection.execute("SELECT DISTINCT name FROM sms_campaigns WHERE user_id = %s", [user_id]).fetchall()
    known = {row["name"] for row in rows}
    for name in wanted:
        if name not in known:
            raise StateError(f'there is no campaign "{name}"', hint=guess(name, known) or "lumiere-sms campaign list")


def segment_fields(connection: Connection, user_id: UUID, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `write_segment` would keep of a definition, in the shape of `stored_fields`.

    Raises: CriteriaError, StateError for members who are no customers.
    """
    members = definition.get("members")
    criteria: dict[str, Any] = {}
    if members is None:
        filters = definition.get("filters")
        criteria = canonical_criteria(filters_to_criteria(filters) if filters else definition.get("criteria"))
    return {
        "description": definition.get("description"),
        "criteria": criteria,
        "members": None if members is None else sorted(map(str, find_members(connection, user_id, members=members))),
        "is_dynamic": members is None,
        "is_active": definition.get("is_active", True),
    }


def stored_fields(connection: Connection, user_id: UUID, name: str) -> dict[str, Any] | None:
    """Return what is kept of a segment, to compare with `segment_fields`; None where there is none."""
    segment = find_segment(connection, user_id, name)
    if segment is None:
        return None
    return {
        "description": segment.description,
        "criteria": segment.criteria,
        "members": None if segment.is_dynamic else sorted(map(str, _members_of(connection, user_id, segment.id))),
        "is_dynamic": segment.is_dynamic,
        "is_active": segment.is_active,
    }


def find_members(connection: Connection, user_id: UUID, *, members: Sequence[str]) -> set[UUID]:
    """Return the customers that external ids and phones name; a phone names everyone who has it.

    Raises: StateError that lists those that name nobody.
    """
    country = _country_of(connection, user_id)
    phones = {name: phone_or_none(name, country=country) for name in members}
    binds = {"user_id": user_id, "external_ids": list(phones), "phones": [phone for phone in phones.values() if phone]}
    rows = connection.execute(
        "SELECT id, external_id, phone_number FROM customers WHERE user_id = %(user_id)s"
        " AND (external_id = ANY(%(external_ids)s::text[]) OR phone_number = ANY(%(phones)s::text[]))",
        binds,
    ).fetchall()
    known = {row["external_id"] for row in rows} | {row["phone_number"] for row in rows}
    unknown = [name for name, phone in phones.items() if name not in known and phone not in known]
    if unknown:
        more = len(unknown) - LISTED
        listed = ", ".join(unknown[:LISTED]) + (f" and {more:,} more" if more > 0 else "")
        raise StateError(f"no customer has the number or external id {listed}", hint="lumiere-sms customer import FILE")
    return {row["id"] for row in rows}


def delete_segment(
    connection: Connection, user_id: UUID, name: str, *, by: str = "operator", now: datetime | None = None
) -> None:
    """Delete a segment. Raises: StateError when there is none, or when a campaign that is not over uses it."""
    segment = require_segment(connection, user_id, name)
    if segment.campaigns:
        used = "a campaign that is" if segment.campaigns == 1 else f"{segment.campaigns} campaigns that are"
        raise StateError(f'segment "{name}" is used by {used} not over', hint="lumiere-sms campaign list")
    rows = connection.execute("SELECT name, criteria FROM audience_segments WHERE user_id = %s", [user_id]).fetchall()
    for row in rows:
        if name in (part for _, part in segments_in(row["criteria"])):
            raise StateError(f'segment "{name}" is part of segment "{row["name"]}"', hint="change that one first")
    binds = {"user_id": user_id, "id": segment.id}
    connection.execute("DELETE FROM segment_members WHERE user_id = %(user_id)s AND segment_id = %(id)s", binds)
    connection.execute("DELETE FROM segment_revisions WHERE user_id = %(user_id)s AND segment_id = %(id)s", binds)
    connection.execute("DELETE FROM audience_segments WHERE user_id = %(user_id)s AND id = %(id)s", binds)
    gone, _ = told({"criteria": (segment.criteria or None, None), "members": (segment.members or None, None)})
    audit.record(connection, user_id, actor=by, action="segment.delete", subject=name, before=gone, now=now)


def note_size(connection: Connection, user_id: UUID, name: str, *, size: int, now: datetime) -> None:
    """Keep how large a segment was found to be, and when."""
    connection.execute(
        "UPDATE audience_segments SET estimated_size = %(size)s, last_calculated_at = %(now)s"
        " WHERE user_id = %(user_id)s AND name = %(name)s",
        {"user_id": user_id, "name": name, "size": size, "now": now},
    )


def _write_members(connection: Connection, user_id: UUID, *, segment_id: UUID, members: Collection[str] | None) -> None:
    wanted = {UUID(member) for member in members or ()}
    there = _members_of(connection, user_id, segment_id)
    binds = {"user_id": user_id, "segment_id": segment_id}
    connection.execute(
        "DELETE FROM segment_members WHERE user_id = %(user_id)s AND segment_id = %(segment_id)s"
        " AND customer_id = ANY(%(gone)s::uuid[])",
        {**binds, "gone": list(there - wanted)},
    )
    new = sorted(wanted - there)
    connection.execute(
        "INSERT INTO segment_members (user_id, id, segment_id, customer_id)"
        " SELECT %(user_id)s, new.id, %(segment_id)s, new.customer_id"
        " FROM unnest(%(ids)s::uuid[], %(new)s::uuid[]) AS new (id, customer_id)",
        {**binds, "ids": [new_id() for _ in new], "new": new},
    )


def _members_of(connection: Connection, user_id: UUID, segment_id: UUID) -> set[UUID]:
    rows = connection.execute(
        "SELECT customer_id FROM segment_members WHERE user_id = %(user_id)s AND segment_id = %(segment_id)s",
        {"user_id": user_id, "segment_id": segment_id},
    )
    return {row["customer_id"] for row in rows}


def _country_of(connection: Connection, user_id: UUID) -> str:
    found = connection.execute("SELECT country FROM users WHERE id = %s", [user_id]).fetchone()
    assert found is not None
    return str(found["country"])
