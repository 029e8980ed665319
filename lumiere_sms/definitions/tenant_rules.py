"""A tenant's own rules for when its people are texted, and how often: what `users.rules` keeps."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.repeating import Days, Weekdays
from lumiere_sms.definitions.values import Duration, QuietHours, Ranges
from lumiere_sms.schedule.days import OpenDays, has_holidays, read_country

#: What windows and caps are kept for: the types of campaigns, and what is urgent, whatever its type.
Kind = Literal["blast", "promotional", "drip", "reminder", "urgent"]
NO_HOLIDAYS = "none"


def _country(text: str) -> str:
    return NO_HOLIDAYS if text.strip().lower() == NO_HOLIDAYS else read_country(text)


Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "examples": ["JP", "none"]})]


class CapRule(Definition):
    """At most so many texts to one person within a time, over all campaigns of one type."""

    most: Annotated[int, Field(ge=1, le=100)] = Field(description="How many texts.")
    within: Duration = Field(description="Within how long.")
    then: Literal["postpone", "exclude"] = Field(
        default="postpone", description="What becomes of a text too many: it waits until it may go, or is left out."
    )


class TenantRules(Definition):
    """All of a tenant's own rules; what is left out is as the package has it."""

    windows: dict[Kind, Ranges] = Field(default={}, description="When texts may leave, by type.")
    quiet_hours: QuietHours | None = Field(default=None, description="When no text ever leaves.")
    closed_weekdays: Weekdays | None = Field(default=None, description="Weekdays without business; 1 is Monday.")
    closed_days: Days = Field(default=(), description="Single days without business.")
    holidays: Country | None = Field(
        default=None,
        description="Whose public holidays are kept, ISO 3166, or none; those of its country if left out.",
    )
    frequency_caps: dict[Kind, CapRule] = Field(default={}, description="How often one person is texted, by type.")

    def open_days(self, country: str) -> OpenDays:
        """Return on which days there is business, in a `country` whose public holidays are kept if nothing is said."""
        kept = self.holidays or (country if has_holidays(country) else None)
        return OpenDays(
            frozenset(self.closed_weekdays or ()),
            frozenset(map(date.fromisoformat, self.closed_days)),
            None if kept == NO_HOLIDAYS else kept,
        )
