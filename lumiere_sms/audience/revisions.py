"""What a segment was before: its revisions, of which each keeps the criteria or the members of a fixed list."""

from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.audience.behaviour import Members
from lumiere_sms.audience.criteria import Criterion, read_criteria
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement


def note_revision(
    connection: Connection, user_id: UUID, *, segment_id: UUID, criteria: dict[str, Any], members: list[str] | None
) -> None:
    """Keep what a segment is from now on, if that is something else than before."""
    binds = {"user_id": user_id, "id": new_id(), "segment_id": segment_id, "criteria": Jsonb(criteria)}
    binds["members"] = None if members is None else [UUID(member) for member in members]
    connection.execute(statement(__package__, "note_revision"), binds)


def meaning_of_revision(
    connection: Connection, user_id: UUID, *, segment_id: UUID, revision: int
) -> Criterion | Members | None:
    """Return whom a segment had at a revision; None where there is none of that number."""
    binds = {"user_id": user_id, "segment_id": segment_id, "revision": revision}
    found = connection.execute(_REVISION, binds).fetchone()
    if found is None:
        return None
    return (
        read_criteria(found["criteria"]) if found["members"] is None else Members(customer_ids=tuple(found["members"]))
    )


_REVISION: LiteralString = """
    SELECT criteria, members FROM segment_revisions
    WHERE user_id = %(user_id)s AND segment_id = %(segment_id)s AND revision = %(revision)s
"""
