"""Who joins and who leaves a segment: between two of its revisions, or by what a file says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lumiere_sms.audience.comparing import Difference, compare, criterion_of, criterion_of_revision
from lumiere_sms.audience.criteria import Criterion
from lumiere_sms.audience.trees import read_file
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.sources import read_files
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import DefinitionError, Problem, StateError
from lumiere_sms.planning.targets import planned_segments

_REVISIONS = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared, in words."""

    before: str
    after: str


def segment_difference(
    database: Database, tenant: Tenant, *, target: Mapping[str, Any], against: str, sample: int, now: datetime
) -> tuple[Difference, Sides]:
    """Compare a target, a segment's name or criteria, with what `against` names.

    A number is a revision of the segment, compared with what it is now; `2..3` are two revisions; anything else is a
    file of criteria (.json) or of definitions, which the segment of that name is looked up in.
    Raises: StateError, DefinitionError.
    """
    today = local_day(tenant, now)
    planned = None if _REVISIONS.fullmatch(against) else _planned(database, tenant, target, against)
    with database.transaction(read_only=True) as connection:
        sides, before, after = _sides(connection, tenant, target, against=against, planned=planned)
        found = compare(connection, tenant.id, before=before, after=after, today=today, sample=sample)
    return found, sides


def _sides(
    connection: Connection,
    tenant: Tenant,
    target: Mapping[str, Any],
    *,
    against: str,
    planned: Mapping[str, Any] | None,
) -> tuple[Sides, Criterion, Criterion]:
    now = criterion_of(connection, tenant.id, target=target)
    if planned is not None:
        return Sides("now", against), now, criterion_of(connection, tenant.id, target=planned)
    first, _, second = against.partition("..")
    name = target.get("segment")
    if name is None:
        raise StateError("criteria have no revisions", hint="name a segment, or compare with a file")
    before = criterion_of_revision(connection, tenant.id, name=name, revision=int(first))
    if not second:
        return Sides(f"revision {first}", "now"), before, now
    after = criterion_of_revision(connection, tenant.id, name=name, revision=int(second))
    return Sides(f"revision {first}", f"revision {second}"), before, after


def _planned(database: Database, tenant: Tenant, target: Mapping[str, Any], against: str) -> dict[str, Any]:
    """Return the target that a file stands for."""
    path, name = Path(against), target.get("segment")
    if path.suffix == ".json":
        return {"segment": None, "criteria": read_file(path)}
    definitions = read_files(database, tenant, [path])
    if name not in definitions.segments:
        said = f'there is no segment "{name}" in it' if name else "it can only be compared with a segment by name"
        raise DefinitionError([Problem(against, 0, 0, said)])
    planned = {"segment": name, "criteria": None}
    return {**planned, "segments": planned_segments(tenant, planned, definitions=definitions)}
