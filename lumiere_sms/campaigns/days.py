"""The days of a standing campaign: a drip or reminder campaign is a run a day, from local midnight to local midnight.

A day takes people in as long as it is open (`open_until`), and is completed when it is not and none of its texts waits.
Whoever opens a day writes the next one in the same transaction, under a key that is unique, so no day is opened twice
and none is missing. A day is pinned to one revision: when the campaign is edited, the day ends there and the next one
begins at once. What was written before keeps its text; who has got a text is known by keys that no day is part of.

Who adds recipients to a day holds its campaign FOR SHARE, as the arm does: texts go on leaving meanwhile, but nobody
pauses, cancels or completes it before they are committed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.appointments import midnight_after
from lumiere_sms.schedule.instants import resolve_zone


@dataclass(frozen=True, slots=True)
class Day:
    """An open day of a standing campaign that is held: texts from `occurs_at` until `open_until` are its own.

    `since` is from when on its definition has been the campaign's.
    """

    user_id: UUID
    occurrence_id: UUID
    campaign_id: UUID
    name: str
    occurs_at: datetime
    open_until: datetime
    since: datetime
    now: datetime
    definition: CampaignDefinition

    @property
    def binds(self) -> dict[str, Any]:
        """What statements about the day name it by."""
        return {
            "user_id": self.user_id,
            "occurrence_id": self.occurrence_id,
            "campaign_id": self.campaign_id,
            "since": self.since,
            "now": self.now,
        }


def open_day(
    connection: Connection, user_id: UUID, run: Mapping[str, Any], *, definition: CampaignDefinition, now: datetime
) -> None:
    """Let a due day begin, pinned to `definition`, and write the next one. Campaign and day are held.

    A day that is opened late, since no daemon ran, lasts until the next midnight from now on.
    """
    until = midnight_after(max(now, run["occurs_at"]), resolve_zone(definition.timezone))
    binds = {
        "user_id": user_id,
        "id": new_id(),
        "occurrence_id": run["occurrence_id"],
        "campaign_id": run["campaign_id"],
        "revision": run["revision"],
        "definition": Jsonb(definition.payload()),
        "open_until": until,
        "now": now,
        "priority": definition.priority,
        "batch_size": definition.batch_size,
        "send_rate_per_minute": definition.send_rate_per_minute,
    }
    connection.execute(statement(__package__, "open_day"), binds)
    connection.execute(_START, binds)
    connection.execute(statement(__package__, "place_day"), binds)


def hold_day(connection: Connection, user_id: UUID, *, occurrence_id: UUID, now: datetime | None) -> Day | None:
    """Hold an open day so that recipients may be added to it; None where it or its campaign is not open any more."""
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    campaign = connection.execute(_HOLD, binds).fetchone()
    found = campaign and connection.execute(statement(__package__, "read_day"), binds).fetchone()
    if campaign is None or found is None:
        return None
    definition = CampaignDefinition.from_payload(found.pop("definition"))
    return Day(user_id, name=campaign["name"], definition=definition, **found)


def turn_page(connection: Connection, user_id: UUID, *, campaign_id: UUID, now: datetime) -> None:
    """End the open day of an edited campaign, and let the next one begin now; nothing where another daemon does."""
    binds = {"user_id": user_id, "campaign_id": campaign_id, "now": now}
    if connection.execute(_HOLD_TO_CHANGE, binds).fetchone() is None:
        return
    if connection.execute(_CLOSE, binds).rowcount:
        connection.execute(_BRING_FORWARD, binds)


def lease_day(
    connection: Connection, user_id: UUID, *, occurrence_id: UUID, every: timedelta, now: datetime | None
) -> bool:
    """Take a look at a day upon oneself; False where it is another daemon's, or not due."""
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "every": every, "now": now}
    return connection.execute(statement(__package__, "lease_day"), binds).fetchone() is not None


_START: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'running', started_at = coalesce(started_at, %(now)s), updated_at = %(now)s
    WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND status IN ('scheduled', 'running')
"""
_HOLD: LiteralString = """
    SELECT campaign.id, campaign.name FROM sms_campaigns AS campaign
    WHERE campaign.user_id = %(user_id)s AND campaign.status = 'running' AND campaign.id = (
        SELECT occurrence.campaign_id FROM campaign_occurrences AS occurrence
        WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s)
    FOR SHARE OF campaign SKIP LOCKED
"""
_HOLD_TO_CHANGE: LiteralString = """
    SELECT id FROM sms_campaigns
    WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND status = 'running'
    FOR NO KEY UPDATE SKIP LOCKED
"""
_CLOSE: LiteralString = """
    UPDATE campaign_occurrences AS occurrence
    SET open_until = %(now)s, advance_at = NULL
    FROM sms_campaigns AS campaign
    WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
      AND campaign.user_id = %(user_id)s AND campaign.id = %(campaign_id)s
      AND occurrence.status = 'running' AND occurrence.open_until > %(now)s
      AND occurrence.revision <> campaign.revision
"""
#: Not at an instant at which another run of the campaign is.
_BRING_FORWARD: LiteralString = """
    UPDATE campaign_occurrences
    SET occurs_at = greatest(%(now)s, (
        SELECT max(other.occurs_at) + interval '1 microsecond' FROM campaign_occurrences AS other
        WHERE other.user_id = %(user_id)s AND other.campaign_id = %(campaign_id)s AND other.status <> 'scheduled'))
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
