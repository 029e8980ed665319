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

from lumiere_sms.campaigns.calendars import Calendar, calendar_of
from lumiere_sms.campaigns.lifecycle import Moved, find_locked, pause, refusal
from lumiere_sms.campaigns.occurrences import lies_ahead, nothing_to_come, place, recurs
from lumiere_sms.campaigns.writing import Author, revise_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.recurrence_rules import recurrence_values
from lumiere_sms.definitions.repeating import RepeatDefinition
from lumiere_sms.definitions.when import ScheduleDefinition
from lumiere_sms.errors import RefusedError, StateError, UsageError
from lumiere_sms.schedule.instants import resolve_zone


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A campaign that has got a time: the instant and the zone; what it was before, as it was found.

    Of one that recurs `calendar` is what lies ahead, and `occurs_at` the first of it; None where its end has come.
    """

    id: UUID
    name: str
    occurs_at: datetime | None
    zone: str
    revision: int
    before: Mapping[str, Any]
    calendar: Calendar | None = None


def schedule(  # noqa: PLR0913 - a schedule has so many parts
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    at: str | None,
    zone: str | None = None,
    repeat: Mapping[str, Any] | None = None,
    undo_window: timedelta = timedelta(0),
    clock: Clock,
    by: str = "operator",
) -> Scheduled:
    """Give a campaign that is not launched a time: `now`, a local time, or one with an offset.

    `now` means when the `undo_window` has passed; no `at` means the time that it has already. `repeat` is how it
    recurs from then on: as a definition's `repeat` says it, an empty one for once, None for as it does already. One
    that recurs is given another calendar between two runs, too.

    The change is a revision marked as made by command. Raises: UsageError for what is no time, RefusedError for one
    that has passed or a recurrence that never comes up, StateError for a campaign that is launched or over.
    """
    with database.transaction() as connection:
        found = find_locked(connection, tenant.id, name)
        _require_open(found)
        now = database_time(connection, clock.database_now())
        definition, zone = _with_schedule(found["definition"], at=at, zone=zone or found["timezone"], repeat=repeat)
        start = definition.starts_at() or (found["scheduled_at"] if at is None else None) or now + undo_window
        if at is not None or not found["started_at"] or repeat:
            _refuse_the_past(tenant, definition, start=start, now=now)
        author = Author("command", by, now)
        occurs_at = _revise(connection, tenant, found, definition=definition, start=start, author=author)
        calendar = calendar_of(tenant, definition, start=start, after=occurs_at or now, since=now)
    return Scheduled(found["id"], name, occurs_at, zone, found["revision"] + 1, found, calendar)


def _require_open(found: Mapping[str, Any]) -> None:
    goes_on = recurs(found["definition"]) and found["status"] in {"running", "paused"}
    if found["status"] not in {"draft", "scheduled"} and not goes_on:
        raise refusal(found, "scheduled", "a draft or scheduled")


def _refuse_the_past(tenant: Tenant, definition: CampaignDefinition, *, start: datetime, now: datetime) -> None:
    if definition.is_standing and definition.schedule and definition.schedule.repeat:
        why = f"a {definition.type} does not repeat: from its start on it goes on every day"
        raise RefusedError(why, hint="give --at alone")
    wrong = next(iter(recurrence_values(definition)), None)
    if wrong is not None:
        raise UsageError(wrong.message, hint=wrong.hint)
    if definition.schedule and definition.schedule.repeat:
        if said := nothing_to_come(tenant, definition, start=start, now=now):
            raise RefusedError(said[0], hint=said[1])
    elif start < now:
        at = f"{start.astimezone(resolve_zone(definition.timezone)):%Y-%m-%d %H:%M} ({definition.timezone})"
        raise RefusedError(f"{at} has passed", hint="give a time to come, or --now")


def undo(database: Database, tenant: Tenant, scheduled: Scheduled, *, clock: Clock, by: str = "operator") -> Moved:
    """Take a time back: the campaign has the one that it had before, if any. Where it was launched, pause it.

    Raises: StateError where somebody else has changed it meanwhile, or it is over.
    """
    with database.transaction() as connection:
        found = find_locked(connection, tenant.id, scheduled.name)
        if _is_untouched(connection, tenant, found, scheduled):
            return _take_back(connection, tenant, found, scheduled=scheduled, clock=clock, by=by)
    if found["status"] in {"draft", "scheduled"}:
        raise StateError(
            f'campaign "{scheduled.name}" was changed by somebody else meanwhile',
            hint=f'lumiere-sms campaign show "{scheduled.name}"',
        )
    return pause(database, tenant.id, name=scheduled.name, reason="taken back after its launch", by=by, clock=clock)


def _is_untouched(connection: Connection, tenant: Tenant, found: Mapping[str, Any], scheduled: Scheduled) -> bool:
    """Say whether a campaign is as scheduling it left it, with that run still to come; one that recurs may run."""
    before = scheduled.before["status"]
    if found["status"] != ("scheduled" if before == "draft" else before) or found["revision"] != scheduled.revision:
        return False
    return lies_ahead(connection, tenant.id, campaign_id=found["id"], occurs_at=scheduled.occurs_at)


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
    definition = CampaignDefinition.from_payload(payload)
    is_past = occurs_at is None or nothing_to_come(tenant, definition, start=occurs_at, now=now)
    if scheduled.before["status"] == "draft" or is_past:
        definition, occurs_at = definition.model_copy(update={"schedule": None}), None
    author = Author(scheduled.before["source"], by, now)
    action = "campaign.undo"
    _revise(connection, tenant, found, definition=definition, start=occurs_at, author=author, action=action)
    after = scheduled.before["status"] if occurs_at or found["started_at"] else "draft"
    return Moved(found["id"], scheduled.name, found["status"], after)


def _revise(
    connection: Connection,
    tenant: Tenant,
    found: Mapping[str, Any],
    *,
    definition: CampaignDefinition,
    start: datetime | None,
    author: Author,
    action: str = "campaign.schedule",
) -> datetime | None:
    revise_campaign(connection, tenant, found, definition=definition, occurs_at=start, author=author)
    occurs_at = place(connection, tenant, campaign_id=found["id"], definition=definition, start=start, now=author.now)
    audit.record(
        connection,
        tenant.id,
        actor=author.by,
        action=action,
        subject=found["name"],
        before=_told(found["scheduled_at"], found["definition"]),
        after=_told(start, definition.payload()),
        now=author.now,
    )
    return occurs_at


def _with_schedule(
    payload: Mapping[str, Any], *, at: str | None, zone: str, repeat: Mapping[str, Any] | None
) -> tuple[CampaignDefinition, str]:
    """Return the definition with another time; one told in a zone that is not the campaign's keeps its offset."""
    before = payload["schedule"] or {}
    at, recurrence = at or before.get("at"), _recurrence(before.get("repeat") if repeat is None else repeat)
    if at is None:
        raise RefusedError(f'campaign "{payload["name"]}" has no time yet', hint='give --at "2031-04-01 10:00"')
    try:
        found = resolve_zone(zone)
        wish = ScheduleDefinition.model_validate({"at": at, "timezone": found.key, "repeat": recurrence})
    except ValueError as error:
        raise UsageError(
            _sentence(error), hint='give "2026-03-15 10:00" and an IANA zone such as Asia/Tokyo'
        ) from error
    if wish.repeat and found.key != payload["timezone"]:
        why = f"a recurring campaign goes by its own zone, {payload['timezone']}, not by {found.key}"
        raise RefusedError(why, hint="write its timezone into the file and apply it")
    instant = wish.instant(found.key)
    told = wish.at if instant is None or found.key == payload["timezone"] else instant.astimezone(found).isoformat()
    return CampaignDefinition.from_payload({**payload, "schedule": {"at": told, "repeat": wish.repeat}}), found.key


def _recurrence(repeat: Mapping[str, Any] | None) -> RepeatDefinition | None:
    """Read how it recurs; None for once."""
    try:
        return RepeatDefinition.model_validate(repeat) if repeat else None
    except ValueError as error:
        raise UsageError(_sentence(error)) from error


def _sentence(error: ValueError) -> str:
    """Return a validator's own words: pydantic puts "Value error, " before them."""
    details = getattr(error, "errors", None)
    said = details()[0]["msg"] if details else str(error)
    return str(said).removeprefix("Value error, ")


def _told(instant: datetime | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    repeat = (payload["schedule"] or {}).get("repeat")
    return {"scheduled_at": instant.isoformat() if instant else None} | ({"repeat": repeat} if repeat else {})
