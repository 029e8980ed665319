"""What differs between definitions and the database: what `plan` shows, and exactly what `apply` does."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, LiteralString

from lumiere_sms.audience.segments import segment_fields, stored_fields
from lumiere_sms.campaigns.occurrences import nothing_to_come, recurs
from lumiere_sms.campaigns.tenant_rules import ever_opens
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import ONLY_IF_GIVEN, CampaignDefinition, Definitions
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import DefinitionError, Problem

Action = Literal["create", "update", "unchanged"]
_OVER = frozenset({"running", "completed", "cancelled"})
#: The types of campaigns that take people in day by day.
_STANDING = frozenset({"drip", "reminder"})
_NOTHING: tuple[Any, ...] = (None, "", [], {}, False)


@dataclass(frozen=True, slots=True)
class Change:
    """One definition against what the database holds.

    `fields` are the values that differ, before and after; `revision` is the one that would be replaced;
    `note` says what an operator should know, `refusal` why `apply` does not do it, with the `hint`.
    """

    kind: Literal["template", "segment", "campaign"]
    name: str
    action: Action
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    revision: int | None = None
    note: str = ""
    refusal: str = ""
    hint: str = ""


def diff(
    connection: Connection, tenant: Tenant, definitions: Definitions, *, now: datetime, overwrite: bool = False
) -> tuple[Change, ...]:
    """Compare definitions with the database: templates, then segments, then campaigns, as they stand in the files.

    Raises: DefinitionError for a schedule in the past that is not in force already.
    """
    campaigns = current_campaigns(connection, tenant, definitions.campaigns)
    _refuse_the_past(tenant, definitions, campaigns, now=now)
    return (
        *_template_changes(connection, tenant, definitions),
        *_segment_changes(connection, tenant, definitions),
        *(
            _within_rules(tenant, _campaign_change(campaigns.get(name), definition, overwrite=overwrite), definition)
            for name, definition in definitions.campaigns.items()
        ),
    )


def checksum(changes: Iterable[Change]) -> str:
    """Return a short fingerprint of what would change and of the revisions that it would replace.

    It says nothing about the audience: that is looked at anew when a campaign is launched.
    """
    told = [
        [change.kind, change.name, change.action, change.revision, dict(change.fields)]
        for change in changes
        if change.action != "unchanged"
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:12]


def current_campaigns(connection: Connection, tenant: Tenant, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the campaigns of these names that exist, each with its newest occurrence."""
    rows = connection.execute(statement(__package__, "current_campaigns"), {"user_id": tenant.id, "names": list(names)})
    return {row["name"]: row for row in rows}


def is_rescheduled(before: CampaignDefinition, after: CampaignDefinition) -> bool:
    """Say whether two definitions of a campaign mean different times, however they are written."""
    return not keeps_its_start(before, after) or _calendar_of(before) != _calendar_of(after)


def keeps_its_start(before: CampaignDefinition, after: CampaignDefinition) -> bool:
    """Say whether two definitions of a campaign begin at one time, whether or not they recur alike from then on."""
    return (before.schedule is None) == (after.schedule is None) and before.starts_at() == after.starts_at()


def _calendar_of(definition: CampaignDefinition) -> Any:
    """Return what says how a campaign recurs."""
    repeat = definition.schedule.repeat if definition.schedule else None
    return repeat and (repeat, definition.timezone, definition.closed)


def _template_changes(connection: Connection, tenant: Tenant, definitions: Definitions) -> Iterator[Change]:
    rows = connection.execute(_TEMPLATES, {"user_id": tenant.id, "names": list(definitions.templates)})
    current = {row["name"]: row for row in rows}
    for name, definition in definitions.templates.items():
        row = current.get(name)
        fields = _differences(row, definition.payload())
        yield Change("template", name, _action(row, fields), fields, revision=row["version"] if row else None)


def _segment_changes(connection: Connection, tenant: Tenant, definitions: Definitions) -> Iterator[Change]:
    for name, definition in definitions.segments.items():
        stored = stored_fields(connection, tenant.id, name)
        fields = _differences(stored, segment_fields(connection, tenant.id, definition.payload()))
        yield Change("segment", name, _action(stored, fields), fields)


def _campaign_change(row: Mapping[str, Any] | None, definition: CampaignDefinition, *, overwrite: bool) -> Change:
    definition = definition if overwrite else _keep_time(row, definition)
    fields = _differences(row["definition"] if row else None, definition.payload())
    change = Change(
        "campaign", definition.name, _action(row, fields), fields, revision=row["revision"] if row else None
    )
    if row is None or not fields:
        return change
    if is_over(row) and is_rescheduled(CampaignDefinition.from_payload(row["definition"]), definition):
        why = f'campaign "{definition.name}" is {row["status"]}; it is not launched a second time'
        return replace(change, refusal=why, hint="give the campaign another name")
    if _changes_kind(row, definition):
        why = f'campaign "{definition.name}" is {row["status"]} as a {row["definition"]["type"]}; it does not become'
        return replace(change, refusal=f"{why} a {definition.type}", hint="give the campaign another name")
    if row["source"] == "command" and not overwrite:
        why = f'campaign "{definition.name}" was changed by command (revision {row["revision"]})'
        return replace(change, refusal=why, hint="--overwrite replaces that; or write the same into the file")
    return replace(change, note=_note(row))


def _within_rules(tenant: Tenant, change: Change, definition: CampaignDefinition) -> Change:
    """Refuse a campaign whose windows its tenant's quiet hours and closing days never leave open."""
    rules = TenantRules.from_payload(tenant.rules)
    if change.refusal or change.action == "unchanged" or ever_opens(definition, rules):
        return change
    why = f'campaign "{definition.name}": no text could ever leave by the rules of "{tenant.slug}"'
    return replace(change, refusal=why, hint="look at lumiere-sms tenant show, or give it quiet_hours of its own")


def _keep_time(row: Mapping[str, Any] | None, definition: CampaignDefinition) -> CampaignDefinition:
    """Leave the time that a command gave to a campaign of which the files say none."""
    if row is None or row["source"] != "command" or definition.schedule is not None:
        return definition
    return definition.model_copy(update={"schedule": CampaignDefinition.from_payload(row["definition"]).schedule})


def _changes_kind(row: Mapping[str, Any], definition: CampaignDefinition) -> bool:
    """Say whether a campaign that was begun would take people in otherwise: day by day, or all at once."""
    before = row["definition"]["type"]
    return row["started_at"] is not None and before != definition.type and bool({before, definition.type} & _STANDING)


def is_over(row: Mapping[str, Any]) -> bool:
    """Say whether a campaign was launched, or never will be. A recurring one is over when it is not launched again."""
    if recurs(row["definition"]):
        return row["status"] in {"completed", "cancelled"}
    return row["launched_at"] is not None or row["started_at"] is not None or row["status"] in _OVER


def _note(row: Mapping[str, Any]) -> str:
    if recurs(row["definition"]) and row["started_at"] and not is_over(row):
        return "from its next run on; what was launched keeps its revision"
    if row["definition"]["type"] in _STANDING and row["status"] in {"running", "paused"}:
        return "from its next look on; what is written already keeps its text"
    if is_over(row):
        return f"{row['status']}: the run keeps revision {row['launched_revision'] or row['revision']}"
    return "replaces what was changed by command" if row["source"] == "command" else ""


def _differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the values that differ. Of something new, those that say anything."""
    if before is None:
        return {name: (None, value) for name, value in after.items() if value not in _NOTHING and name != "name"}
    dropped = dict.fromkeys(name for name in before if name in ONLY_IF_GIVEN)
    return {
        name: (before.get(name), value) for name, value in {**dropped, **after}.items() if before.get(name) != value
    }


def _action(before: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> Action:
    return "create" if before is None else "update" if fields else "unchanged"


def _refuse_the_past(
    tenant: Tenant, definitions: Definitions, current: Mapping[str, Mapping[str, Any]], *, now: datetime
) -> None:
    problems = [
        Problem(*definitions.place_of("campaign", name), *said)
        for name, definition in definitions.campaigns.items()
        if not _in_force(current.get(name), definition) and (said := nothing_to_come(tenant, definition, now=now))
    ]
    if problems:
        raise DefinitionError(problems)


def _in_force(row: Mapping[str, Any] | None, definition: CampaignDefinition) -> bool:
    """Say whether that schedule holds already, or ends a recurring campaign that has been launched."""
    if row is None:
        return False
    before = CampaignDefinition.from_payload(row["definition"])
    if recurs(row["definition"]) and row["started_at"]:
        return keeps_its_start(before, definition) or bool(definition.schedule and definition.schedule.repeat)
    return not is_rescheduled(before, definition)


_TEMPLATES: LiteralString = """
    SELECT name, version, category, description, subject, content, variables, transliterate, tags, is_active, is_default
    FROM sms_templates
    WHERE user_id = %(user_id)s AND name = ANY (%(names)s::text[]) AND is_current
"""
