"""Occurrences of a recurring campaign that nobody launched in time: no daemon ran, or the campaign was paused.

Such a one is run late, once for all that were missed, or not at all, as the definition says; and never when its texts
could not leave before the next one's. Either is told: an alert, and an entry of the log where it was skipped.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.occurrences import MISSED_AFTER, complete_if_over, follow, following, recurs, shown
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant, tenant_of
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.schedule.instants import resolve_zone

BY_CALENDAR = "schedule"


def take(
    connection: Connection, run: Mapping[str, Any], *, user_id: UUID, now: datetime | None
) -> dict[str, Any] | None:
    """Return the run that a due occurrence becomes, with the `wish` from when on its texts should go.

    That is its own time, or now, where that was missed. Where it is skipped, the next one is written; that is returned
    if it is due, else nothing. Campaign and occurrence are held.
    """
    at = database_time(connection, now)
    if not recurs(run["definition"]) or at - run["occurs_at"] <= MISSED_AFTER:
        return {**run, "wish": run["occurs_at"]}
    tenant, definition = tenant_of(connection, user_id), CampaignDefinition.from_payload(run["definition"])
    why = _why_not_late(tenant, definition, run, now=at)
    message = f"{shown(run['occurs_at'], definition)} was missed: {why or f'made up for at {shown(at, definition)}'}"
    raise_alert(connection, user_id, kind="occurrence_missed", subject=run["name"], message=message, now=at)
    if not why:
        return {**run, "wish": at}
    after = _skip(connection, run, user_id=user_id, why=message, now=at)
    return {**after, "wish": after["occurs_at"]} if after and after["occurs_at"] <= at else None


def _why_not_late(tenant: Tenant, definition: CampaignDefinition, run: Mapping[str, Any], *, now: datetime) -> str:
    """Say why a missed occurrence is not run late; nothing where it is."""
    repeat = definition.schedule.repeat if definition.schedule else None
    if repeat is not None and repeat.missed == "skip":
        return "skipped, as it says"
    after = following(tenant, definition, run, now=now)
    windows = definition.under(TenantRules.from_payload(tenant.rules)).windows()
    opens = windows.first_open(now, resolve_zone(definition.timezone))
    if after is not None and (opens is None or opens >= after):
        return f"no text could leave before the next one, at {shown(after, definition)}"
    return ""


def _skip(
    connection: Connection, run: Mapping[str, Any], *, user_id: UUID, why: str, now: datetime
) -> dict[str, Any] | None:
    """Leave an occurrence out, and return the one that is written after it, if any: scheduled -> skipped."""
    connection.execute(_SKIP, {"user_id": user_id, "id": run["occurrence_id"], "now": now})
    after = follow(connection, run, user_id=user_id, now=now)
    complete_if_over(connection, user_id, campaign_id=run["campaign_id"], now=now)
    audit.record(
        connection,
        user_id,
        actor=BY_CALENDAR,
        action="occurrence.skip",
        subject=run["name"],
        reason=why,
        before={"status": "scheduled"},
        after={"status": "skipped"},
        now=now,
    )
    return after


_SKIP: LiteralString = """
    UPDATE campaign_occurrences SET status = 'skipped', completed_at = %(now)s
    WHERE user_id = %(user_id)s AND id = %(id)s AND status = 'scheduled'
"""
