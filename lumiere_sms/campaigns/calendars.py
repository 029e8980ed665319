"""What lies ahead of a recurring campaign, for people to look at before it happens."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice, takewhile
from typing import Any

from lumiere_sms.campaigns.occurrences import coming, open_days
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.recurrence import in_words, limits_in_words, note, turns

NEXT = 5


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A day that the recurrence names and on which it does not come up: why, and to which day it is moved, if any."""

    day: date
    why: str
    moved_to: date | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a campaign recurs: in words, the next instants, what is left out until the last of them, what to know."""

    words: str
    limits: tuple[str, ...]
    zone: str
    upcoming: tuple[datetime, ...]
    left_out: tuple[LeftOut, ...] = ()
    note: str = ""


def calendar_of(
    tenant: Tenant, definition: CampaignDefinition, *, start: datetime, after: datetime, since: datetime | None = None
) -> Calendar | None:
    """Return what lies ahead of a campaign from `after` on; None for one that does not recur.

    `start` is when it was scheduled for: what its schedule says, or what `now` meant. What is left out is told from
    `since` on, else from `after`.
    """
    schedule = definition.schedule
    if schedule is None or schedule.repeat is None:
        return None
    rule, zone = schedule.repeat.recurrence(), definition.timezone
    first_local = schedule.first_local(zone, now=start)
    upcoming = tuple(islice(coming(tenant, definition, start=start, after=after), NEXT))
    left_out = tuple(_left_out(tenant, definition, first_local, since=since or after, upcoming=upcoming))
    words, limits = in_words(rule, first_local), limits_in_words(rule)
    return Calendar(words, limits, zone, upcoming, left_out, note(rule, first_local))


def stored_calendar(tenant: Tenant, campaign: dict[str, Any], *, now: datetime) -> Calendar | None:
    """Return what lies ahead of a campaign, a row as found; None where it does not recur, or is over."""
    if campaign["status"] not in {"scheduled", "running", "paused"} or campaign["scheduled_at"] is None:
        return None
    definition = CampaignDefinition.from_payload(campaign["definition"])
    return calendar_of(tenant, definition, start=campaign["scheduled_at"], after=now)


def _left_out(
    tenant: Tenant,
    definition: CampaignDefinition,
    first_local: datetime,
    *,
    since: datetime,
    upcoming: tuple[datetime, ...],
) -> list[LeftOut]:
    assert definition.schedule is not None, "who recurs has a schedule"
    assert definition.schedule.repeat is not None, "and repeats"
    if not upcoming:
        return []
    zone = resolve_zone(definition.timezone)
    begin, end = (at.astimezone(zone).replace(tzinfo=None) for at in (since, upcoming[-1]))
    named = turns(definition.schedule.repeat.recurrence(), first_local, open_days(tenant, definition))
    ahead = (turn for turn in takewhile(lambda turn: turn.named <= end, named) if turn.named >= begin and turn.why)
    return [LeftOut(turn.named.date(), turn.why, turn.falls.date() if turn.falls else None) for turn in ahead]
