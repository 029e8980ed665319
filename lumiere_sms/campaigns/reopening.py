"""A run that is over, or in doubt, goes on because a person says so: when its recipients may leave, and its reopening.

Nothing ever leaves outside its windows, so who is texted again waits for the next one. Whose last window has ended
is texted only where the person gives more time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.timing import read_preferred
from lumiere_sms.database.connection import Connection
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.windows import SendWindows, send_times


class Hours(NamedTuple):
    """What decides when people may be texted: their zone, preferred hours, and a sequence's step, by its number."""

    zone: str
    preferred_time: str | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """When texts to people of the same hours may go from now on, and until when beyond their own end.

    None: no longer than that. `yields` says that what they prefer does not hold any more.
    """

    hours: Hours
    send_after: datetime
    expires_at: datetime | None = None
    yields: bool = False


def runs_to_go_on(
    connection: Connection, user_id: UUID, campaign: Mapping[str, Any], *, statuses: Sequence[str], now: datetime | None
) -> list[dict[str, Any]]:
    """Return the runs of a campaign that a person may let go on, with the database's instant, and hold them.

    That is the newest that has been launched; of a standing campaign, whose runs are days, each that has somebody in
    one of `statuses`. The campaign is held already.
    """
    is_standing = campaign["type"] in {"drip", "reminder"}
    binds = {"user_id": user_id, "campaign_id": campaign["id"], "statuses": list(statuses), "now": now}
    return connection.execute(_DAYS if is_standing else _NEWEST_RUN, binds).fetchall()


def openings(
    definition: Mapping[str, Any], hours: Iterable[Hours], *, now: datetime, more_time: timedelta | None = None
) -> list[Opening]:
    """Return when texts may go, by the windows of the run's definition; hours that leave no time are left out.

    Where what people prefer is not open before `more_time` is over, it yields.
    """
    run = CampaignDefinition.from_payload(definition)
    found = (_opening(run.windows_at(each.step), each, now=now, more_time=more_time) for each in hours)
    return [opening for opening in found if opening is not None]


def reopen(connection: Connection, user_id: UUID, *, campaign_id: UUID, occurrence_id: UUID) -> None:
    """Let a completed run and its campaign go on: completed -> running. What is paused stays so."""
    binds = {"user_id": user_id, "campaign_id": campaign_id, "occurrence_id": occurrence_id}
    connection.execute(_REOPEN_CAMPAIGN, binds)
    connection.execute(_REOPEN_RUN, binds)


def _opening(windows: SendWindows, hours: Hours, *, now: datetime, more_time: timedelta | None) -> Opening | None:
    zone, narrow = ZoneInfo(hours.zone), windows.preferring(read_preferred(hours.preferred_time))
    if more_time is not None:
        if times := send_times(now, windows=narrow, zone=zone, expires_after=more_time):
            return Opening(hours, *times)
        times = send_times(now, windows=windows, zone=zone, expires_after=more_time)
        return None if times is None else Opening(hours, *times, yields=True)
    opens_at = narrow.first_open(now, zone)
    if opens_at == now and narrow.closes_at(now, zone) <= now + USABLE:
        opens_at = narrow.first_open(now + USABLE, zone)
    return None if opens_at is None else Opening(hours, opens_at)


_NEWEST_RUN: LiteralString = """
    SELECT id, definition, coalesce(%(now)s::timestamptz, now()) AS now FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND launched_at IS NOT NULL
    ORDER BY occurs_at DESC
    LIMIT 1
    FOR NO KEY UPDATE
"""
_DAYS: LiteralString = """
    SELECT occurrence.id, occurrence.definition, coalesce(%(now)s::timestamptz, now()) AS now
    FROM campaign_occurrences AS occurrence
    WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
      AND occurrence.launched_at IS NOT NULL AND EXISTS (
          SELECT FROM campaign_recipients AS recipient
          WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
            AND recipient.status = ANY (%(statuses)s::text[]))
    ORDER BY occurrence.id
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
