"""Give a campaign a time, and take it back.

Who schedules a campaign for now has a moment to see that it is the wrong one: it starts when the undo window has
passed, by the database's clock. Until then it is only scheduled, so whoever cancels it, pauses it or takes the time
back has stopped it before anybody's text was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns import audit
from lumiere_sms.campaigns.lifecycle import Moved, find_locked, pause, refusal
from lumiere_sms.campaigns.writing import Author, place_occurrence, revise_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition, ScheduleDefinition
from lumiere_sms.errors import RefusedError, StateError
from lumiere_sms.schedule.instants import resolve_zone


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A campaign that has got a time: the instant and the zone; what it was before, as it was found."""

    id: UUID
    name: str
    occurs_at: datetime
    zone: str
    revision: int
    before: Mapping[str, Any]


def schedule(
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    at: str,
    zone: str | None = None,
    undo_window: timedelta = timedelta(0),
    clock: Clock,
    by: str = "operator",
) -> Scheduled:
    """Give a campaign that is not launched a time: `now`, a local time, or one with an offset.

    `now` means when the `undo_window` has passed. The change is a revision marked as made by command. Raises:
    RefusedError for a time that has passed, StateError for a campaign that is launched or over.
    """
    with database.transaction() as connection:
        found = find_locked(connection, tenant.id, name)
        if found["status"] not in {"draft", "scheduled"}:
            raise refusal(found, "scheduled", "a draft or scheduled")
        now = database_time(connection, clock.database_now())
        definition, zone = _with_schedule(found["definition"], at=at, zone=zone or found["timezone"])
        occurs_at = definition.starts_at() or now + undo_window
        if occurs_at < now:
            raise RefusedError(f"{at} ({zone}) has passed", hint="give a time to come, or --now")
        author = Author("command", by, now)
        _revise(connection, tenant, found, definition=definition, occurs_at=occurs_at, author=author)
    return Scheduled(found["id"], name, occurs_at, zone, found["revision"] + 1, found)


def undo(database: Database, tenant: Tenant, scheduled: Scheduled, *, clock: Clock, by: str = "operator") -> Moved:
    """Take a time back: the campaign has the one that it had before, if any. Where it was launched, pause it.

    Raises: StateError where somebody else has changed it meanwhile, or it is over.
    """
    with database.transaction() as connection:
        found = find_locked(connection, tenant.id, scheduled.name)
        if found["status"] == "scheduled" and found["revision"] == scheduled.revision:
            return _take_back(connection, tenant, found, scheduled=scheduled, clock=clock, by=by)
    if found["status"] in {"draft", "scheduled"}:
        raise StateError(
            f'campaign "{scheduled.name}" was changed by somebody else meanwhile',
            hint=f'lumiere-sms campaign show "{scheduled.name}"',
        )
    return pause(database, tenant.id, name=scheduled.name, reason="taken back after its launch", by=by, clock=clock)


def _take_back(
    connection: Connection,
    tenant: Tenant,
    found: Mapping[str, Any],
    *,
    scheduled: Scheduled,
    clock: Clock,
    by: str,
) -> Moved:
    now = database_time(connection, clock.database_now())
    payload, occurs_at = scheduled.before["definition"], scheduled.before["scheduled_at"]
    if scheduled.before["status"] == "draft" or occurs_at is None or occurs_at <= now:
        payload, occurs_at = {**payload, "schedule": None}, None
    definition = CampaignDefinition.from_payload(payload)
    author = Author(scheduled.before["source"], by, now)
    _revise(connection, tenant, found, definition=definition, occurs_at=occurs_at, author=author)
    return Moved(found["id"], scheduled.name, "scheduled", "scheduled" if occurs_at else "draft")


def _revise(
    connection: Connection,
    tenant: Tenant,
    found: Mapping[str, Any],
    *,
    definition: CampaignDefinition,
    occurs_at: datetime | None,
    author: Author,
) -> None:
    revise_campaign(connection, tenant, found, definition=definition, occurs_at=occurs_at, author=author)
    place_occurrence(connection, tenant.id, campaign_id=found["id"], occurs_at=occurs_at, definition=definition)
    audit.record(
        connection,
        tenant.id,
        actor=author.by,
        action="campaign.schedule",
        subject=found["name"],
        before={"scheduled_at": _iso(found["scheduled_at"])},
        after={"scheduled_at": _iso(occurs_at)},
        now=author.now,
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


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
