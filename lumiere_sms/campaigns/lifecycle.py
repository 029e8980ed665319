"""What an operator does to a campaign: schedule, pause, resume, cancel, delete.

    draft ─schedule─► scheduled ─launch─► running ─► completed
                          │  ▲               │  ▲
                          └──┴── paused ◄────┴──┘     resume leads back to where it was
    draft | scheduled | running | paused ─cancel─► cancelled

Each is one statement that names the states it leaves; the row count says whether it happened. The
campaign's row is always locked before its occurrences, as the launch does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.campaigns.writing import Author, place_occurrence, revise_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, ScheduleDefinition
from lumiere_sms.errors import RefusedError, StateError
from lumiere_sms.schedule.instants import resolve_zone

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

    `in_flight` are with the provider just now; `left` wait; `expired` missed their last window; `stopped`
    will get nothing.
    """

    id: UUID
    name: str
    before: str
    after: str
    in_flight: int = 0
    left: int = 0
    expired: int = 0
    stopped: int = 0


def schedule(
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    at: str,
    zone: str | None = None,
    clock: Clock,
    by: str = "operator",
) -> tuple[datetime, str]:
    """Give a campaign that is not launched a time: `now`, a local time, or one with an offset.

    Returns the instant and the zone. The change is a revision marked as made by command. Raises: RefusedError
    for a time that has passed, StateError for a campaign that is launched or over.
    """
    now = clock.now()
    with database.transaction() as connection:
        found = _find_locked(connection, tenant.id, name)
        if found["status"] not in {"draft", "scheduled"}:
            raise _refusal(found, "scheduled", "a draft or scheduled")
        definition, zone = _with_schedule(found["definition"], at=at, zone=zone or found["timezone"])
        occurs_at = definition.starts_at() or now
        if occurs_at < now:
            raise RefusedError(f"{at} ({zone}) has passed", hint="give a time to come, or --now")
        revise_campaign(
            connection, tenant, found, definition=definition, occurs_at=occurs_at, author=Author("command", by, now)
        )
        place_occurrence(connection, tenant.id, campaign_id=found["id"], occurs_at=occurs_at, definition=definition)
    return occurs_at, zone


def pause(
    database: Database, user_id: UUID, *, name: str, reason: str = "paused by hand", by: str = "operator", clock: Clock
) -> Moved:
    """Let nothing more of a campaign be armed. What is in flight just then still settles (`wait_until_settled`)."""
    with database.transaction() as connection:
        found = find_campaign(connection, user_id, name=name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "reason": reason, "by": by}
        if not connection.execute(_PAUSE, binds).rowcount:
            raise _refusal(find_campaign(connection, user_id, name=name), "paused", "a scheduled or running")
    with database.transaction(read_only=True) as connection:
        return Moved(
            found["id"], name, found["status"], "paused", in_flight=in_flight(connection, user_id, found["id"])
        )


def resume(database: Database, user_id: UUID, *, name: str, by: str = "operator", clock: Clock) -> Moved:
    """Let a paused campaign go on; say how many are left and how many missed their last window meanwhile."""
    with database.transaction() as connection:
        found = _find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "by": by}
        moved = connection.execute(statement(__package__, "resume_campaign"), binds).fetchone()
        if moved is None:
            raise _refusal(found, "resumed", "a paused")
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
    """End a campaign for good: who has not been texted will not be; say how many are in flight."""
    with database.transaction() as connection:
        found = _find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "reason": reason, "by": by}
        if not connection.execute(_CANCEL, binds).rowcount:
            raise _refusal(found, "cancelled", "a draft, scheduled, running or paused")
        binds["occurrence_ids"] = [row["id"] for row in connection.execute(_LIVE_OCCURRENCES, binds)]
        # Recipients before their occurrence, as the claim does: the other way round the two would wait for each other.
        stopped = connection.execute(statement(__package__, "cancel_recipients"), binds).rowcount
        connection.execute(_CANCEL_OCCURRENCES, binds)
        flying = in_flight(connection, user_id, found["id"])
        return Moved(found["id"], name, found["status"], "cancelled", in_flight=flying, stopped=stopped)


def delete(database: Database, user_id: UUID, *, name: str, by: str = "operator", clock: Clock) -> Moved:
    """Archive a campaign: it leaves the lists and frees its name, its rows stay as proof of what was sent.

    One whose recipients are in doubt stays where a person can see them. Raises: StateError.
    """
    with database.transaction() as connection:
        found = _find_locked(connection, user_id, name)
        binds = {"user_id": user_id, "id": found["id"], "now": clock.database_now(), "by": by}
        if doubtful := (connection.execute(_DOUBTFUL, binds).fetchone() or {"count": 0})["count"]:
            hint = f'lumiere-sms campaign recipients "{name}" --status unknown'
            raise StateError(f'campaign "{name}" has recipients in doubt ({doubtful}); it cannot be deleted', hint=hint)
        if not connection.execute(_ARCHIVE, binds).rowcount:
            raise _refusal(found, "deleted", "a draft, scheduled, completed or cancelled")
        connection.execute(_CANCEL_OCCURRENCES, binds)
        return Moved(found["id"], name, found["status"], "archived")


def in_flight(connection: Connection, user_id: UUID, campaign_id: UUID) -> int:
    """Count the recipients of a campaign that are with the provider just now."""
    binds = {"user_id": user_id, "id": campaign_id}
    return int((connection.execute(_IN_FLIGHT, binds).fetchone() or {"count": 0})["count"])


def wait_until_settled(
    database: Database, user_id: UUID, *, campaign_id: UUID, sleep: Callable[[float], None], seconds: float = 70
) -> int:
    """Wait until nothing of a campaign is in flight; return how many still are after `seconds`.

    The wait ends by itself where a daemon lives: a lease that is over becomes `unknown` within a minute.
    """
    waited = 0.0
    while True:
        with database.transaction(read_only=True) as connection:
            flying = in_flight(connection, user_id, campaign_id)
        if not flying or waited >= seconds:
            return flying
        sleep(0.25)
        waited += 0.25


def _find_locked(connection: Connection, user_id: UUID, name: str) -> dict[str, Any]:
    """Find a campaign and hold its row; the row read is the one that is held."""
    connection.execute(_LOCK, {"user_id": user_id, "name": name})
    return find_campaign(connection, user_id, name=name)


def _refusal(found: Mapping[str, Any], done: str, needed: str) -> StateError:
    name, status = found["name"], found["status"]
    why = f" ({found['status_reason']})" if found["status_reason"] else ""
    commands = " or ".join(f"`campaign {command}`" for command in POSSIBLE[status])
    return StateError(
        f'campaign "{name}" is {status}{why}; only {needed} campaign can be {done}',
        hint=f"possible now: {commands}",
    )


def _with_schedule(payload: Mapping[str, Any], *, at: str, zone: str) -> tuple[CampaignDefinition, str]:
    """Return the definition with another time; one told in a zone that is not the campaign's keeps its offset."""
    try:
        found = resolve_zone(zone)
        wish = ScheduleDefinition.model_validate({"at": at, "timezone": found.key})
    except ValueError as error:
        raise RefusedError(
            _sentence(error), hint='give "2026-03-15 10:00" and an IANA zone such as Asia/Tokyo'
        ) from error
    instant = wish.instant(found.key)
    told = wish.at if instant is None or found.key == payload["timezone"] else instant.astimezone(found).isoformat()
    return CampaignDefinition.from_payload({**payload, "schedule": {"at": told}}), found.key


def _sentence(error: ValueError) -> str:
    """Return a validator's own words: pydantic puts "Value error, " before them."""
    details = getattr(error, "errors", None)
    said = details()[0]["msg"] if details else str(error)
    return str(said).removeprefix("Value error, ")


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
_IN_FLIGHT: LiteralString = """
    SELECT count(*) FROM campaign_recipients
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND status = 'submitting' AND claimed_until IS NOT NULL
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
