"""What a definition holds: templates, segments, campaigns, each frozen and checked value by value.

What holds between values (either a template or a message, say) is in rules.py; what holds between
definitions (the template exists) is in references.py. `payload()` is a definition as JSON, its
defaults written out: what the database keeps, and what plans compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from lumiere_sms.audience.criteria import canonical_criteria, filters_to_criteria
from lumiere_sms.definitions.values import (
    NOW,
    RESERVED,
    At,
    Duration,
    Money,
    Name,
    Providers,
    QuietHours,
    Ranges,
    SegmentName,
    Text,
    Variable,
    Variables,
    Word,
    Zone,
)
from lumiere_sms.schedule.instants import instant_of, resolve_zone
from lumiere_sms.schedule.windows import DEFAULT_QUIET_HOURS, PROMOTIONAL_WINDOWS, DailyWindow, SendWindows

DEFAULT_ZONE = "Asia/Tokyo"
#: Keys that a campaign's payload holds only where they are given.
ONLY_IF_GIVEN = frozenset({"budget", "providers", "routing"})

Category = Literal["promotional", "reminder", "notification", "welcome"]
Priority = Literal["urgent", "high", "normal", "low"]
Criteria = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
Filters = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
BatchSize = Annotated[int, Field(ge=1, le=10_000)]
SendRate = Annotated[int, Field(ge=1, le=100_000)]
Routing = Literal["primary", "round_robin", "weighted", "cheapest"]
Retries = Annotated[int, Field(ge=0, le=10)]


class Definition(BaseModel):
    """What all definitions have in common: frozen, no unknown keys, camelCase read as well as snake_case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, loc_by_alias=False
    )

    def payload(self) -> dict[str, Any]:
        """Return the definition as plain JSON, keys sorted, defaults written out."""
        return _sorted(self.model_dump(mode="json"))

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Make the definition of a payload again."""
        return cls.model_validate(payload)


class TemplateDefinition(Definition):
    """A text with variables that campaigns share."""

    name: Name
    category: Category | None = Field(default=None, description="What texts of this template are for.")
    description: str | None = Field(default=None, description="For people; never sent.")
    subject: str | None = Field(default=None, description="Kept beside the text; not sent.")
    content: Text = Field(description="The text. {{ first_name }} is replaced for each recipient.")
    variables: tuple[Variable, ...] = Field(default=(), description="The variables that the text uses.")
    transliterate: bool = Field(
        default=False, description="Write characters that cost a part in GSM-7 where a faithful one exists."
    )
    tags: tuple[Word, ...] = Field(default=(), description="Your own labels.")
    is_active: bool = Field(default=True, description="false: no campaign may use it.")
    is_default: bool = Field(default=False, description="The template of its category; one per category.")


class SegmentDefinition(Definition):
    """An audience: by criteria or filters, or a fixed list of people."""

    name: SegmentName
    description: str | None = Field(default=None, description="For people.")
    criteria: Criteria | None = Field(default=None, description="A tree of and, or, not and {field, operator, value}.")
    filters: Filters | None = Field(default=None, description="Short form: last_visit_days, visit_count, tags.")
    members: Annotated[tuple[Word, ...], Field(min_length=1)] | None = Field(
        default=None, description="A fixed list: customer numbers or phone numbers."
    )
    is_active: bool = Field(default=True, description="false: no campaign may use it.")

    def payload(self) -> dict[str, Any]:
        """Return the definition as plain JSON, keys sorted, filters written as criteria."""
        return _sorted(self.model_dump(mode="json") | {"criteria": self.tree(), "filters": None})

    @property
    def is_dynamic(self) -> bool:
        """Whether the segment is evaluated anew at each launch."""
        return self.members is None

    def tree(self) -> dict[str, Any] | None:
        """Return the criteria, filters among them, as one tree; None for a fixed list."""
        return _joined(self.criteria, self.filters)


def _schedule(value: Any) -> Any:
    return {"at": value} if isinstance(value, str) else value


class ScheduleDefinition(Definition):
    """When a campaign is launched."""

    at: At = Field(description="now, a local time like 2031-04-01 10:00, or ISO 8601 with an offset.")
    timezone: Zone | None = Field(
        default=None, description="The zone of that local time; the campaign's where none is given."
    )

    def instant(self, zone: str) -> datetime | None:
        """Return the instant, in UTC, that the wish means in `zone`; None for now."""
        if self.at == NOW:
            return None
        at = datetime.fromisoformat(self.at)
        return at.astimezone(UTC) if at.tzinfo else instant_of(at, resolve_zone(self.timezone or zone))


class DefaultsDefinition(Definition):
    """What campaigns of these files have that say nothing else."""

    timezone: Zone | None = Field(default=None, description="IANA zone, such as Asia/Tokyo.")
    window: Ranges | None = Field(default=None, description="When texts may leave, in the recipient's zone.")
    quiet_hours: QuietHours | None = Field(
        default=None, description="When no text ever leaves, in the recipient's zone."
    )
    expires_after: Duration | None = Field(
        default=None, description="What has not left by then is dropped, never sent late."
    )
    priority: Priority | None = Field(default=None, description="Who goes first when several campaigns wait.")
    batch_size: BatchSize | None = Field(default=None, description="How many recipients are claimed at once.")
    send_rate_per_minute: SendRate | None = Field(default=None, description="The most parts of this campaign a minute.")
    max_retries: Retries | None = Field(
        default=None, description="How often a carrier's passing failure is tried again: reminders only."
    )
    providers: Providers | None = Field(
        default=None, description="Through which providers, in the order they are tried; each may have a weight."
    )
    routing: Routing | None = Field(default=None, description="How texts are shared out over the providers.")
    variables: Variables = Field(default={}, description="Values for the texts' own variables.")


class CampaignDefinition(Definition):
    """One planned sending: who, what, when, and its limits."""

    name: Name
    description: str | None = Field(default=None, description="For people; never sent.")
    type: Literal["blast", "promotional"] = Field(
        default="blast", description="promotional needs consent to advertising."
    )
    template: Name | None = Field(default=None, description="The template to send; or write a message.")
    message: Text | None = Field(default=None, description="The text to send; or name a template.")
    segment: Name | None = Field(default=None, description="The audience; all for everybody.")
    criteria: Criteria | None = Field(default=None, description="Narrows the segment: a tree as in segments.")
    filters: Filters | None = Field(
        default=None, description="Narrows the segment: last_visit_days, visit_count, tags."
    )
    schedule: Annotated[ScheduleDefinition, BeforeValidator(_schedule)] | None = Field(
        default=None, description="When; a campaign without one stays a draft."
    )
    timezone: Zone = Field(default=DEFAULT_ZONE, description="IANA zone, such as Asia/Tokyo.")
    window: Ranges | None = Field(default=None, description="When texts may leave, in the recipient's zone.")
    quiet_hours: QuietHours | None = Field(
        default=None, description="When no text ever leaves, in the recipient's zone."
    )
    expires_after: Duration | None = Field(
        default=None, description="What has not left by then is dropped, never sent late."
    )
    priority: Priority = Field(default="normal", description="Who goes first when several campaigns wait.")
    batch_size: BatchSize = Field(default=50, description="How many recipients are claimed at once.")
    send_rate_per_minute: SendRate = Field(default=60, description="The most parts of this campaign a minute.")
    max_retries: Retries = Field(
        default=3, description="How often a carrier's passing failure is tried again: reminders only."
    )
    budget: Money | None = Field(
        default=None, description="The most it may cost, such as 25.00 USD; then it is paused."
    )
    providers: Providers | None = Field(
        default=None, description="Through which providers, in the order they are tried; each may have a weight."
    )
    routing: Routing | None = Field(default=None, description="How texts are shared out over the providers.")
    variables: Variables = Field(default={}, description="Values for the text's own variables.")

    def payload(self) -> dict[str, Any]:
        """Return the definition as plain JSON, keys sorted, windows written out, filters as criteria."""
        windows = self.windows()
        plain = self.model_dump(mode="json", exclude={"schedule": {"timezone"}})
        plain["window"] = [str(window) for window in windows.windows] or None
        plain["quiet_hours"] = str(windows.quiet)
        plain |= {"criteria": self.target()["criteria"], "filters": None}
        return _sorted({key: one for key, one in plain.items() if one is not None or key not in ONLY_IF_GIVEN})

    def windows(self) -> SendWindows:
        """Return when texts may leave. Urgent ones wait for quiet hours only, not for the type's windows."""
        own = tuple(DailyWindow.parse(text) for text in self.window or ())
        of_type = PROMOTIONAL_WINDOWS if self.type == "promotional" and self.priority != "urgent" else ()
        quiet = DailyWindow.parse(self.quiet_hours) if self.quiet_hours else DEFAULT_QUIET_HOURS
        return SendWindows(own or tuple(of_type), quiet=quiet)

    def target(self) -> dict[str, Any]:
        """Return the audience as `sms_campaigns.target_criteria` keeps it: a segment's name and a tree, or null."""
        segment = None if self.segment in RESERVED else self.segment
        return {"segment": segment, "criteria": _joined(self.criteria, self.filters)}

    def starts_at(self) -> datetime | None:
        """Return the instant of the schedule, in UTC; None for a draft and for now."""
        return self.schedule.instant(self.timezone) if self.schedule else None


Kind = Literal["template", "segment", "campaign"]
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that a set of files defines, by name, in the order it stands there."""

    templates: Mapping[str, TemplateDefinition]
    segments: Mapping[str, SegmentDefinition]
    campaigns: Mapping[str, CampaignDefinition]
    files: tuple[str, ...] = ()
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)

    def place_of(self, kind: Kind, name: str) -> Place:
        """Return file, line and column of a definition, counted from 1."""
        return self.places[kind, name]


def _joined(criteria: dict[str, Any] | None, filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Make one tree of both, in the one spelling that is stored and compared."""
    trees = [filters_to_criteria(filters)] if filters else []
    if criteria:
        trees.insert(0, canonical_criteria(criteria))
    return {"and": trees} if len(trees) > 1 else trees[0] if trees else None


def _sorted(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted(one) if isinstance(one, dict) else one for key, one in sorted(plain.items())}
