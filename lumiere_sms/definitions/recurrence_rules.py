"""What makes a recurrence impossible, or not what was meant: between the values of a schedule."""

from collections.abc import Iterator
from datetime import datetime

from lumiere_sms.definitions.base import Complaint
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.repeating import RepeatDefinition
from lumiere_sms.definitions.values import NOW
from lumiere_sms.definitions.when import ScheduleDefinition
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.recurrence import occurrences

_AT = ("schedule", "repeat")


def recurrence_values(campaign: CampaignDefinition) -> Iterator[Complaint]:
    """Yield what is wrong with how a campaign recurs."""
    schedule = campaign.schedule
    if schedule is None or schedule.repeat is None:
        return
    found = [*_of_days(schedule.repeat), *_of_the_end(schedule, schedule.repeat, campaign.timezone)]
    yield from found or _never(schedule, schedule.repeat, campaign.timezone)


def _of_days(repeat: RepeatDefinition) -> Iterator[Complaint]:
    """Yield which of the keys that choose days do not go with the type, or with each other."""
    monthly = repeat.type == "monthly"
    if repeat.days_of_week and repeat.type == "daily":
        yield _wrong("days_of_week", "a daily recurrence knows no weekdays", "write type: weekly")
    if repeat.day_of_month and not monthly:
        yield _wrong("day_of_month", f"a {repeat.type} recurrence knows no day of the month", "write type: monthly")
    if repeat.nth and not monthly:
        yield _wrong("nth", f"a {repeat.type} recurrence knows no nth weekday", "write type: monthly")
    if monthly and repeat.day_of_month and (repeat.nth or repeat.days_of_week):
        key = "nth" if repeat.nth else "days_of_week"
        yield _wrong(key, f'"day_of_month" and "{key}" exclude each other', "keep one of them")
    elif monthly and repeat.nth and not repeat.days_of_week:
        yield _wrong("nth", "it does not say the nth of which weekdays", "add days_of_week: [tue]")
    elif monthly and repeat.days_of_week and not repeat.nth:
        yield _wrong("days_of_week", "it does not say which of these weekdays of a month", "add nth: 1, or nth: last")


def _of_the_end(schedule: ScheduleDefinition, repeat: RepeatDefinition, zone: str) -> Iterator[Complaint]:
    if repeat.end_date is None or schedule.at == NOW:
        return
    first = schedule.first_local(zone)
    until = repeat.recurrence().until
    if isinstance(until, datetime):
        until = until.astimezone(resolve_zone(zone)).replace(tzinfo=None) if until.tzinfo else until
        is_over = until < first
    else:
        is_over = until is not None and until < first.date()
    if is_over:
        said = f"it ends on {repeat.end_date}, before it begins ({first:%Y-%m-%d %H:%M})"
        yield _wrong("end_date", said, "write a later end_date, or an earlier at")


def _never(schedule: ScheduleDefinition, repeat: RepeatDefinition, zone: str) -> Iterator[Complaint]:
    """Yield that no day fits. Where it begins now, that is seen when it is applied."""
    if schedule.at == NOW:
        return
    first = schedule.first_local(zone)
    if next(occurrences(repeat.recurrence(), first, resolve_zone(zone)), None) is not None:
        return
    why, hint = "no month that it counts has such a day", "write day_of_month: last, or another interval"
    if repeat.end_date:
        why = f"no day between {first:%Y-%m-%d} and {repeat.end_date} fits"
        hint = "write a later end_date, or fewer exceptions"
    yield Complaint(_AT, f"it never occurs: {why}", hint, at_key=True)


def _wrong(key: str, message: str, hint: str) -> Complaint:
    return Complaint((*_AT, key), message, hint, at_key=key != "end_date")
