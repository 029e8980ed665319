"""A tenant's own rules for when its people are texted, and how often: what `users.rules` keeps."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.repeating import Days, Weekdays
from lumiere_sms.definitions.retaining import RetentionRules
from lumiere_sms.definitions.values import Duration, QuietHours, Ranges, Text
from lumiere_sms.errors import quoted
from lumiere_sms.schedule.days import OpenDays, has_holidays, read_country

#: What windows and caps are kept for: the types of campaigns, and what is urgent, whatever its type.
Kind = Literal["blast", "promotional", "drip", "reminder", "urgent"]
NO_HOLIDAYS = "none"


def _country(text: str) -> str:
    return NO_HOLIDAYS if text.strip().lower() == NO_HOLIDAYS else read_country(text)


Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "examples": ["JP", "none"]})]


LONGEST_URL = 60  # it stands in every text
_URL = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?", re.ASCII)


def _opt_out_url(text: str) -> str:
    text = text.strip()
    told = [
        (not text.startswith("https://"), "it must begin with https://"),
        ("?" in text or "#" in text, "it may have no ? and no #: the token is put behind it"),
        (len(text) > LONGEST_URL, f"it has {len(text)} characters, and may have {LONGEST_URL}: it is in every text"),
        (not _URL.fullmatch(text), "it must be a plain address of ASCII letters, such as https://s.example/"),
    ]
    for is_wrong, why in told:
        if is_wrong:
            raise ValueError(f"{quoted(text)} is no opt-out address: {why}")
    return text if text.endswith("/") else f"{text}/"


OptOutUrl = Annotated[str, AfterValidator(_opt_out_url), WithJsonSchema({"type": "string", "format": "uri"})]


class CapRule(Definition):
    """At most so many texts to one person within a time, over all campaigns of one type."""

    most: Annotated[int, Field(ge=1, le=100)] = Field(description="How many texts.")
    within: Duration = Field(description="Within how long.")
    then: Literal["postpone", "exclude"] = Field(
        default="postpone", description="What becomes of a text too many: it waits until it may go, or is left out."
    )


class Answers(Definition):
    """What is texted back by itself, by what an answer means; nothing where nothing is written."""

    stop: Text | None = Field(default=None, description="Confirms a refusal, once; the last text to that number.")
    start: Text | None = Field(default=None, description="To whom texts go again.")
    help: Text | None = Field(default=None, description="Who you are, and how to be left alone.")
    other: Text | None = Field(default=None, description="To everything else: that nobody reads here, say.")


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
    opt_out_url: OptOutUrl | None = Field(
        default=None, description="What links by which somebody refuses begin with; the rest is twelve characters."
    )
    max_parts: Annotated[int, Field(ge=1, le=30)] | None = Field(
        default=None, description="The most parts a text may have; more stop apply. If left out, more than 3 are told."
    )
    answers: Answers = Field(default=Answers(), description="What is texted back by itself.")
    frequency_caps: dict[Kind, CapRule] = Field(default={}, description="How often one person is texted, by type.")
    double_opt_in: bool = Field(
        default=False, description="Whether consent to advertising that is noted by hand has to be confirmed by text."
    )
    opt_in_request: Text | None = Field(
        default=None,
        description="What asks somebody by text whether they agree; what is usual in its country if left out.",
    )
    retention: RetentionRules | None = Field(default=None, description="How long what is about people is kept.")

    def open_days(self, country: str) -> OpenDays:
        """Return on which days there is business, in a `country` whose public holidays are kept if nothing is said."""
        kept = self.holidays or (country if has_holidays(country) else None)
        return OpenDays(
            frozenset(self.closed_weekdays or ()),
            frozenset(map(date.fromisoformat, self.closed_days)),
            None if kept == NO_HOLIDAYS else kept,
        )
