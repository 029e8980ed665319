"""Write campaigns and their occurrences: what `apply`, `campaign` and `send` have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.audience.eligibility import find_audience
from lumiere_sms.campaigns.occurrences import place
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.places import Written
from lumiere_sms.errors import StateError


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, and whence: `source` is definitions, command or send."""

    source: str
    by: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """The text a campaign sends: of the current version of its template, or its own (`template_id` is None).

    `declared` are the variables that the template says it reads. `variants` are the texts that a campaign tries out,
    by name; it stands for the first of them itself. `written` is where a file has the text.
    """

    source: str
    transliterate: bool = False
    template_id: UUID | None = None
    declared: tuple[str, ...] = ()
    written: Written | None = None
    variants: Mapping[str, "Content"] = field(default_factory=dict)

    @classmethod
    def of_variants(cls, variants: Mapping[str, "Content"]) -> "Content":
        """Return the texts of a campaign that tries several out."""
        return replace(next(iter(variants.values())), variants=dict(variants))


def content_of(connection: Connection, user_id: UUID, definition: CampaignDefinition) -> Content:
    """Return what a campaign would send now, of a sequence its first step.

    Raises: StateError when its template is gone or not active.
    """
    if definition.steps:
        return content_of(connection, user_id, definition.of_step(1))
    if definition.variants:
        each = {name: content_of(connection, user_id, one) for name, one in definition.wordings().items()}
        return Content.of_variants(each)
    if definition.message is not None:
        return Content(definition.message)
    found = connection.execute(_TEMPLATE, {"user_id": user_id, "name": definition.template}).fetchone()
    if found is None:
        raise StateError(f'there is no template "{definition.template}"', hint="lumiere-sms template list")
    if not found["is_active"]:
        raise StateError(f'template "{definition.template}" is not active', hint="set is_active: true, or name another")
    return Content(found["content"], found["transliterate"], found["id"], tuple(found["variables"]))


def insert_campaign(
    connection: Connection,
    tenant: Tenant,
    *,
    definition: CampaignDefinition,
    occurs_at: datetime | None,
    author: Author,
) -> UUID:
    """Write a new campaign; with a time, its occurrence too, or the first of a recurring one. Returns its key.

    Raises: StateError for a template or a segment that is not there or not active, RefusedError for a recurrence
    that never comes up.
    """
    campaign_id = new_id()
    binds = {**_columns(connection, tenant, definition), "id": campaign_id, "scheduled_at": occurs_at}
    binds |= {"currency": tenant.currency, "source": author.source, "by": author.by, "now": author.now}
    connection.execute(statement(__package__, "insert_campaign"), binds)
    place(connection, tenant, campaign_id=campaign_id, definition=definition, start=occurs_at, now=author.now)
    return campaign_id


def revise_campaign(
    connection: Connection,
    tenant: Tenant,
    before: Mapping[str, Any],
    *,
    definition: CampaignDefinition,
    occurs_at: datetime | None,
    author: Author,
) -> None:
    """Write a new revision of the campaign `before`, a row as found. Raises: StateError if it changed meanwhile."""
    kept = {name: before[name] for name in ("id", "revision", "status", "started_at")}
    binds = {**_columns(connection, tenant, definition), **kept, "scheduled_at": occurs_at}
    binds |= {"source": author.source, "now": author.now}
    if not connection.execute(statement(__package__, "revise_campaign"), binds).rowcount:
        raise StateError(f'campaign "{before["name"]}" was changed by somebody else meanwhile', hint="try again")


def _columns(connection: Connection, tenant: Tenant, definition: CampaignDefinition) -> dict[str, Any]:
    content = content_of(connection, tenant.id, definition)
    find_audience(connection, tenant.id, target=definition.target())
    repeat = definition.schedule.repeat if definition.schedule else None
    return {
        "user_id": tenant.id,
        "name": definition.name,
        "description": definition.description,
        "type": definition.type,
        "priority": definition.priority,
        "template_id": content.template_id,
        "message_content": content.source,
        "timezone": definition.timezone,
        "repeat_pattern": Jsonb(repeat.pattern()) if repeat else None,
        "target_criteria": Jsonb(definition.target()),
        "batch_size": definition.batch_size,
        "send_rate_per_minute": definition.send_rate_per_minute,
        "max_retries": definition.max_retries,
        "expires_after": definition.expires_after,
        "definition": Jsonb(definition.payload()),
    }


_TEMPLATE: LiteralString = """
    SELECT id, content, transliterate, variables, is_active FROM sms_templates
    WHERE user_id = %(user_id)s AND name = %(name)s AND is_current
"""
