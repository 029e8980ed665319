"""A run that is over, or in doubt, goes on because a person says so: when its recipients may leave, and its reopening.

Nothing ever leaves outside its windows, so who is texted again waits for the next one. Whose last window has ended
is texted only where the person gives more time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.database.connection import Connection
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.windows import SendWindows, send_times


@dataclass(frozen=True, slots=True)
class Opening:
    """When texts in a zone may go from now on, and until when beyond their own end; None: no longer than that."""

    zone: str
    send_after: datetime
    expires_at: datetime | None = None


def newest_run(
    connection: Connection, user_id: UUID, campaign_id: UUID, *, now: datetime | None
) -> dict[str, Any] | None:
    """Return the newest run of a campaign that has been launched, with the database's instant, and hold it.

    The campaign is held already.
    """
    return connection.execute(_NEWEST_RUN, {"user_id": user_id, "campaign_id": campaign_id, "now": now}).fetchone()


def openings(
    definition: Mapping[str, Any], zones: Iterable[str], *, now: datetime, more_time: timedelta | None = None
) -> list[Opening]:
    """Return when each zone's texts may go, by the windows of the run's definition; a zone without any is left out."""
    windows = CampaignDefinition.from_payload(definition).windows()
    found = (_opening(windows, zone, now=now, more_time=more_time) for zone in zones)
    return [opening for opening in found if opening is not None]


def reopen(connection: Connection, user_id: UUID, *, campaign_id: UUID, occurrence_id: UUID) -> None:
    """Let a completed run and its campaign go on: completed -> running. What is paused stays so."""
    binds = {"user_id": user_id, "campaign_id": campaign_id, "occurrence_id": occurrence_id}
    connection.execute(_REOPEN_CAMPAIGN, binds)
    connection.execute(_REOPEN_RUN, binds)


def _opening(windows: SendWindows, zone: str, *, now: datetime, more_time: timedelta | None) -> Opening | None:
    if more_time is not None:
        times = send_times(now, windows=windows, zone=ZoneInfo(zone), expires_after=more_time)
        return None if times is None else Opening(zone, *times)
    opens_at = windows.first_open(now, ZoneInfo(zone))
    if opens_at == now and windows.closes_at(now, ZoneInfo(zone)) <= now + USABLE:
        opens_at = windows.first_open(now + USABLE, ZoneInfo(zone))
    return None if opens_at is None else Opening(zone, opens_at)


_NEWEST_RUN: LiteralString = """
    SELECT id, definition, coalesce(%(now)s::timestamptz, now()) AS now FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND launched_at IS NOT NULL
    ORDER BY occurs_at DESC
    LIMIT 1
    FOR NO KEY UPDATE
"""
_REOPEN_CAMPAIGN: LiteralString = """
    UPDATE sms_campaigns SET status = 'running', completed_at = NULL
    WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND status = 'completed'
"""
_REOPEN_RUN: LiteralString = """
    UPDATE campaign_occurrences SET status = 'running', completed_at = NULL
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'completed'
"""
