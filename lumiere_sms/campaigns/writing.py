"""Write campaigns and their occurrences: what `apply`, `campaign` and `send` have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.audience.eligibility import find_audience
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import StateError

#: Holds the tenant, so that two who write at once take turns and the second sees what the first wrote.
HOLD_TENANT: LiteralString = "SELECT id FROM users WHERE id = %s FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, and whence: `source` is definitions, command or send."""

    source: str
    by: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """The text a campaign sends: of the current version of its template, or its own (`template_id` is None).

    `declared` are the variables that the template says it reads.
    """

    source: str
    transliterate: bool = False
    template_id: UUID | None = None
    declared: tuple[str, ...] = ()


def content_of(connection: Connection, user_id: UUID, definition: CampaignDefinition) -> Content:
    """Return what a campaign would send now. Raises: StateError when its template is gone or not active."""
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
    """Write a new campaign; with a time, its occurrence too. Returns its key.

    Raises: StateError for a template or a segment that is not there or not active.
    """
    campaign_id = new_id()
    binds = {**_columns(connection, tenant, definition), "id": campaign_id, "scheduled_at": occurs_at}
    binds |= {"currency": tenant.currency, "source": author.source, "by": author.by, "now": author.now}
    connection.execute(statement(__package__, "insert_campaign"), binds)
    place_occurrence(connection, tenant.id, campaign_id=campaign_id, occurs_at=occurs_at, definition=definition)
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


def place_occurrence(
    connection: Connection,
    user_id: UUID,
    *,
    campaign_id: UUID,
    occurs_at: datetime | None,
    definition: CampaignDefinition,
) -> None:
    """Make the occurrence of a campaign that is not launched be at `occurs_at`; none at None."""
    limits = {
        "priority": definition.priority,
        "batch_size": definition.batch_size,
        "send_rate_per_minute": definition.send_rate_per_minute,
    }
    binds = {"user_id": user_id, "id": new_id(), "campaign_id": campaign_id, "occurs_at": occurs_at, **limits}
    if occurs_at is None:
        connection.execute(_REMOVE, binds)
    elif not connection.execute(_MOVE, binds).rowcount:
        connection.execute(_PLACE, binds)


def _columns(connection: Connection, tenant: Tenant, definition: CampaignDefinition) -> dict[str, Any]:
    content = content_of(connection, tenant.id, definition)
    find_audience(connection, tenant.id, target=definition.target())
    return {
        "user_id": tenant.id,
        "name": definition.name,
        "description": definition.description,
        "type": definition.type,
        "priority": definition.priority,
        "template_id": content.template_id,
        "message_content": content.source,
        "timezone": definition.timezone,
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
_MOVE: LiteralString = """
    UPDATE campaign_occurrences
    SET occurs_at = %(occurs_at)s, priority = %(priority)s, batch_size = %(batch_size)s,
        send_rate_per_minute = %(send_rate_per_minute)s
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
_PLACE: LiteralString = """
    INSERT INTO campaign_occurrences
        (user_id, id, campaign_id, occurs_at, priority, batch_size, send_rate_per_minute)
    VALUES (%(user_id)s, %(id)s, %(campaign_id)s, %(occurs_at)s, %(priority)s, %(batch_size)s, %(send_rate_per_minute)s)
"""
_REMOVE: LiteralString = """
    DELETE FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
