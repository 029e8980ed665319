"""What an operator does to a campaign: pause, resume, cancel, delete (schedule: scheduling.py).

    draft ─schedule─► scheduled ─launch─► running ─► completed
                          │  ▲               │  ▲
                          └──┴── paused ◄────┴──┘     resume leads back to where it was
    draft | scheduled | running | paused ─cancel─► cancelled

Each is one statement that names the states it leaves; the row count says whether it happened, and the
audit log keeps who did it. The campaign's row is always locked before its occurrences, as the launch does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.in_flight import Flying, in_flight
from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import StateError

#: What can be done to a campaign in each state, as commands.
POSSIBLE = {
    "draft": ("schedule", "cancel", "delete"),
    "scheduled": ("schedule", "pause", "cancel", "delete"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
    "completed": ("report", "delete"),
    "cancelled": ("report", "delete"),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """What a command did: the states, and how many recipients are where because of it.

    `in_flight` were with the provider just then; `left` wait; `expired` missed their last window; `stopped`
    will get nothing.
    """

    id: UUID
    name: str
    before: str
    after: str
    in_flight: tuple[Flying, ...] = ()
    left: int = 0
    expired: int = 0
    stopped: int = 0


def pause(
    database: Database, user_id: UUID, *, name: str, reason: str = "paused by hand", by: str = "operator", clock: Clock
) -> Moved:
    """Let nothing more of a campaign be armed. What is in flight just then still settles (in_flight.landed).

    The arm shares the campaign's row, so this waits for those that are being committed and none is after it.
    """
    with database.transaction() as connection:
        found = find_campaign(connection, user_id, name=name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "reason": reason, "by": by}
        if not connection.execute(_PAUSE, binds).rowcount:
            raise refusal(find_campaign(connection, user_id, name=name), "paused", "a scheduled or running")
        _record(connection, binds, found, done="pause", after="paused")
    with database.transaction(read_only=True) as connection:
        flying = in_flight(connection, user_id, found["id"])
    return Moved(found["id"], name, found["status"], "paused", in_flight=flying)


def resume(database: Database, user_id: UUID, *, name: str, by: str = "operator", clock: Clock) -> Moved:
    """Let a paused campaign go on; say how many are left and how many missed their last window meanwhile."""
    with database.transaction() as connection:
        found = find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "by": by}
        moved = connection.execute(statement(__package__, "resume_campaign"), binds).fetchone()
        if moved is None:
            raise refusal(found, "resumed", "a paused")
        _record(connection, binds, found, done="resume", after=moved["status"])
        counts = connection.execute(_LEFT, binds).fetchone() or {}
        return Moved(found["id"], name, "paused", moved["status"], left=counts["left"], expired=counts["expired"])


def cancel(
    database: Database,
    user_id: UUID,
    *,
    name: str,
    reason: str = "cancelled by hand",
    by: str = "operator",
    clock: Clock,
) -> Moved:
    """End a campaign for good: who has not been texted will not be; say who is in flight."""
    with database.transaction() as connection:
        found = find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "reason": reason, "by": by}
        if not connection.execute(_CANCEL, binds).rowcount:
            raise refusal(found, "cancelled", "a draft, scheduled, running or paused")
        binds["occurrence_ids"] = [row["id"] for row in connection.execute(_LIVE_OCCURRENCES, binds)]
        # A claim that holds them is waited for here; it waits for nobody's recipients itself, it skips them.
        stopped = connection.execute(statement(__package__, "cancel_recipients"), binds).rowcount
        connection.execute(_CANCEL_OCCURRENCES, binds)
        connection.execute(statement(__package__, "close_enrolments"), binds)
        _record(connection, binds, found, done="cancel", after="cancelled")
        flying = in_flight(connection, user_id, found["id"])
        return Moved(found["id"], name, found["status"], "cancelled", in_flight=flying, stopped=stopped)


def delete(database: Database, user_id: UUID, *, name: str, by: str = "operator", clock: Clock) -> Moved:
    """Archive a campaign: it leaves the lists and frees its name, its rows stay as proof of what was sent.

    One whose recipients are in doubt stays where a person can see them. Raises: StateError.
    """
    with database.transaction() as connection:
        found = find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "by": by}
        if doubtful := (connection.execute(_DOUBTFUL, binds).fetchone() or {"count": 0})["count"]:
            hint = f'lumiere-sms campaign recipients "{name}" --status unknown'
            raise StateError(f'campaign "{name}" has recipients in doubt ({doubtful}); it cannot be deleted', hint=hint)
        if not connection.execute(_ARCHIVE, binds).rowcount:
            raise refusal(found, "deleted", "a draft, scheduled, completed or cancelled")
        connection.execute(_CANCEL_OCCURRENCES, binds)
        _record(connection, binds, found, done="delete", after="archived")
        return Moved(found["id"], name, found["status"], "archived")


def find_locked(connection: Connection, user_id: UUID, name: str) -> dict[str, Any]:
    """Find a campaign and hold its row; the row read is the one that is held."""
    connection.execute(_LOCK, {"user_id": user_id, "name": name})
    return find_campaign(connection, user_id, name=name)


def refusal(found: Mapping[str, Any], done: str, needed: str) -> StateError:
    """Say that a campaign cannot be `done` to, since it is not `needed`, and what could be."""
    name, status = found["name"], found["status"]
    why = f" ({found['status_reason']})" if found["status_reason"] else ""
    commands = " or ".join(f"`campaign {command}`" for command in POSSIBLE[status])
    return StateError(
        f'campaign "{name}" is {status}{why}; only {needed} campaign can be {done}',
        hint=f"possible now: {commands}",
    )


def _record(
    connection: Connection, binds: Mapping[str, Any], found: Mapping[str, Any], *, done: str, after: str
) -> None:
    audit.record(
        connection,
        binds["user_id"],
        actor=binds["by"],
        action=f"campaign.{done}",
        subject=found["name"],
        reason=binds.get("reason"),
        before={"status": found["status"]},
        after={"status": after},
        now=binds["now"],
    )


_LOCK: LiteralString = """
    SELECT id FROM sms_campaigns
    WHERE user_id = %(user_id)s AND name = %(name)s AND archived_at IS NULL
    FOR NO KEY UPDATE
"""
_PAUSE: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'paused', status_reason = %(reason)s, status_by = %(by)s,
        updated_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = %(id)s AND status IN ('scheduled', 'running')
"""
_CANCEL: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'cancelled', status_reason = %(reason)s, status_by = %(by)s,
        updated_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = %(id)s AND status IN ('draft', 'scheduled', 'running', 'paused')
"""
_LIVE_OCCURRENCES: LiteralString = """
    SELECT id FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND status IN ('scheduled', 'running')
    ORDER BY id
    FOR NO KEY UPDATE  -- a wave that is being frozen holds it first, and so does a claim
"""
_CANCEL_OCCURRENCES: LiteralString = """
    UPDATE campaign_occurrences
    SET status = 'cancelled', completed_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND status IN ('scheduled', 'running')
"""
_ARCHIVE: LiteralString = """
    UPDATE sms_campaigns
    SET archived_at = coalesce(%(now)s::timestamptz, now()), updated_at = coalesce(%(now)s::timestamptz, now()),
        status_by = %(by)s, status = CASE status WHEN 'scheduled' THEN 'cancelled' ELSE status END
    WHERE user_id = %(user_id)s AND id = %(id)s AND status IN ('draft', 'scheduled', 'completed', 'cancelled')
"""
_DOUBTFUL: LiteralString = """
    SELECT count(*) FROM campaign_recipients
    WHERE user_id = %(user_id)s AND status IN ('submitting', 'unknown') AND occurrence_id IN (
        SELECT id FROM campaign_occurrences WHERE user_id = %(user_id)s AND campaign_id = %(id)s)
"""
_LEFT: LiteralString = """
    SELECT count(*) FILTER (WHERE status IN ('pending', 'claimed')
            AND expires_at > coalesce(%(now)s::timestamptz, now())) AS left,
        count(*) FILTER (WHERE status = 'expired' OR status = 'pending'
            AND expires_at <= coalesce(%(now)s::timestamptz, now())) AS expired
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = ANY (ARRAY(
        SELECT id FROM campaign_occurrences WHERE user_id = %(user_id)s AND campaign_id = %(id)s))
"""
