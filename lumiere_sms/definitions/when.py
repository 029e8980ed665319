"""When a campaign's texts are wished for: once, again and again, in steps, or before an appointment."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from lumiere_sms.definitions.base import Criteria, Definition
from lumiere_sms.definitions.repeating import RepeatDefinition
from lumiere_sms.definitions.values import NOW, At, Duration, Name, Range, Ranges, Text, Zone, one_or_more
from lumiere_sms.schedule.instants import instant_of, resolve_zone

Deed = Literal["replied", "visited", "opted_out"]
_DEED = {"enum": [*get_args(Deed)]}
Deeds = Annotated[
    tuple[Deed, ...],
    BeforeValidator(one_or_more),
    WithJsonSchema({"anyOf": [_DEED, {"type": "array", "items": _DEED}]}),
]
#: What the HTTP API calls the keys of a schedule.
SCHEDULE_WORDS = {"scheduledAt": "at", "scheduled_at": "at", "repeatPattern": "repeat", "repeat_pattern": "repeat"}

_REMIND = re.compile(r"(.+?)\s+before(?:\s*,\s*(.+))?", re.ASCII | re.IGNORECASE)


class ScheduleDefinition(Definition):
    """When a campaign is launched."""

    at: At = Field(description="now, a local time like 2031-04-01 10:00, or ISO 8601 with an offset.")
    timezone: Zone | None = Field(
        default=None, description="The zone of that local time; the campaign's where none is given."
    )
    repeat: RepeatDefinition | None = Field(default=None, description="How it recurs from then on.")

    def instant(self, zone: str) -> datetime | None:
        """Return the instant, in UTC, that the wish means in `zone`; None for now."""
        if self.at == NOW:
            return None
        at = datetime.fromisoformat(self.at)
        return at.astimezone(UTC) if at.tzinfo else instant_of(at, resolve_zone(self.timezone or zone))

    def first_local(self, zone: str, *, now: datetime | None = None) -> datetime:
        """Return the naive wall time in `zone` that it recurs from; `now`, an instant, is what a wish for now means."""
        at = now if self.at == NOW else datetime.fromisoformat(self.at)
        assert at is not None, "who wishes for now says when that is"
        return at.astimezone(resolve_zone(self.timezone or zone)).replace(tzinfo=None) if at.tzinfo else at


def read_schedule(value: Any) -> Any:
    """Read the short form, and the words of the HTTP API: scheduledAt, repeatPattern."""
    if isinstance(value, str):
        return {"at": value}
    if not isinstance(value, Mapping):
        return value
    first: dict[str, str] = {}
    for key in map(str, value):
        other = first.setdefault(SCHEDULE_WORDS.get(key, key), key)
        if other != key:
            raise ValueError(f'"{other}" and "{key}" exclude each other; keep one of them')
    return {SCHEDULE_WORDS.get(key, key): one for key, one in value.items()}


class StepDefinition(Definition):
    """One text of a sequence; `after` is counted from the enrolment for the first, else from the step before."""

    name: Name | None = Field(default=None, description="What reports call it; its number where none is given.")
    after: Duration | None = Field(default=None, description="How long after the one before; at once if left out.")
    template: Name | None = Field(default=None, description="The template to send; or write a message.")
    message: Text | None = Field(default=None, description="The text to send; or name a template.")
    window: Ranges | None = Field(default=None, description="When this step may leave; the campaign's if left out.")
    unless: Deeds = Field(default=(), description="Who did this since the enrolment gets no more steps.")


class EnrolDefinition(Definition):
    """Who enters a sequence again, and who leaves it before its end."""

    again_after: Duration | None = Field(default=None, description="Who left or finished may enter again after this.")
    leave_when: Criteria | None = Field(default=None, description="Who these criteria hold for gets no more steps.")


class RemindDefinition(Definition):
    """When before an appointment its reminder goes."""

    before: Annotated[Duration, Field(ge=timedelta(minutes=15), le=timedelta(days=60))] = Field(
        description="How long before the appointment: 1d is the day before, 2h two hours."
    )
    window: Range | None = Field(default=None, description="Between which times of that day, such as 18:00-19:00.")


def read_remind(value: Any) -> Any:
    """Read the short form: `1 day before, 18:00-19:00`."""
    if not isinstance(value, str):
        return value
    if (found := _REMIND.fullmatch(value.strip())) is None:
        raise ValueError(f'"{value}" is no reminder; write "1 day before, 18:00-19:00" or "2h before"')
    before = re.sub(r"(\d)\s*([dhmw])(?:ays?|ours?|inutes?|eeks?)\b", r"\1\2", found[1].lower())
    return {"before": before} | ({"window": found[2]} if found[2] else {})
