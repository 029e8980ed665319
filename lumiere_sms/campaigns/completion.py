"""When a run is over: a question to the rows, never a counter.

An occurrence is completed when none of its recipients is pending, claimed, submitting or unknown; a
campaign when it has no occurrence left. An unknown recipient keeps its campaign running and shown
until a person or a proof decides.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.rules import BY_RULE
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement

_HOLD_CAMPAIGN: LiteralString = """
    SELECT campaign.name FROM sms_campaigns AS campaign
    WHERE campaign.user_id = %(user_id)s AND campaign.id = (
        SELECT occurrence.campaign_id FROM campaign_occurrences AS occurrence
        WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s)
    FOR NO KEY UPDATE
"""


def complete_finished(database: Database, *, now: datetime | None) -> list[str]:
    """Complete what is over; return the names of the campaigns that are completed now.

    `now` is None where the database's own clock speaks.
    """
    with database.transaction(read_only=True) as connection:
        finished = connection.execute(statement(__package__, "finished_occurrences"), {"now": now}).fetchall()
    return [
        name for each in finished if (name := _complete_alone(database, each["user_id"], each["occurrence_id"], now))
    ]


def complete(connection: Connection, user_id: UUID, *, occurrence_id: UUID, now: datetime | None) -> str | None:
    """Complete one occurrence that is over, and its campaign with the last; return the name of that campaign.

    The campaign is held first, as by everybody who changes both; so of two occurrences that end at once the second
    sees the first.
    """
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    held = connection.execute(_HOLD_CAMPAIGN, binds).fetchone()
    occurrence = connection.execute(statement(__package__, "complete_occurrence"), binds).fetchone()
    if occurrence is None or held is None:
        return None
    binds["campaign_id"] = occurrence["campaign_id"]
    campaign = connection.execute(statement(__package__, "complete_campaign"), binds).fetchone()
    action = "campaign.complete" if campaign else "occurrence.complete"
    about: dict[str, Any] = {"actor": BY_RULE, "action": action, "subject": held["name"]}
    audit.record(connection, user_id, **about, after={"status": "completed"}, now=now)
    return campaign["name"] if campaign else None


def reopen(
    connection: Connection,
    user_id: UUID,
    *,
    campaign_ids: Collection[UUID],
    occurrence_ids: Collection[UUID],
    now: datetime | None,
) -> None:
    """Let what was completed run again, since recipients of it are texted again: completed -> running.

    The campaigns are held already.
    """
    binds = {"user_id": user_id, "ids": list(campaign_ids), "occurrence_ids": list(occurrence_ids), "now": now}
    reopened = connection.execute(_REOPEN_CAMPAIGNS, binds).fetchall()
    connection.execute(_REOPEN_OCCURRENCES, binds)
    for each in reopened:
        states = {"before": {"status": "completed"}, "after": {"status": "running"}}
        about: dict[str, Any] = {"actor": BY_RULE, "action": "campaign.reopen", "subject": each["name"], **states}
        audit.record(connection, user_id, **about, now=now)


def _complete_alone(database: Database, user_id: UUID, occurrence_id: UUID, now: datetime | None) -> str | None:
    with database.transaction(limits=LET_GO) as connection:
        return complete(connection, user_id, occurrence_id=occurrence_id, now=now)


_REOPEN_CAMPAIGNS: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'running', completed_at = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[]) AND status = 'completed'
    RETURNING name
"""
_REOPEN_OCCURRENCES: LiteralString = """
    UPDATE campaign_occurrences SET status = 'running', completed_at = NULL
    WHERE user_id = %(user_id)s AND id = ANY (%(occurrence_ids)s::uuid[]) AND status = 'completed'
"""
