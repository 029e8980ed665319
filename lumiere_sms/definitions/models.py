"""What a definition holds: templates, segments, campaigns, each frozen and checked value by value.

What holds between values (either a template or a message, say) is in rules.py; what holds between
definitions (the template exists) is in references.py. `payload()` is a definition as JSON, its
defaults written out: what the database keeps, and what plans compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from lumiere_sms.audience.criteria import canonical_criteria, filters_to_criteria
from lumiere_sms.definitions.base import Criteria, Definition, Filters, sorted_keys
from lumiere_sms.definitions.closing import ClosingDefinition
from lumiere_sms.definitions.places import Written
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.definitions.trials import CanaryDefinition, Percent, VariantDefinition, WinnerDefinition
from lumiere_sms.definitions.values import (
    RESERVED,
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
from lumiere_sms.definitions.when import (
    EnrolDefinition,
    RemindDefinition,
    ScheduleDefinition,
    StepDefinition,
    read_remind,
    read_schedule,
)
from lumiere_sms.providers.choices import Goal
from lumiere_sms.schedule.days import ALWAYS_OPEN
from lumiere_sms.schedule.windows import (
    DEFAULT_QUIET_HOURS,
    PROMOTIONAL_WINDOWS,
    REMINDER_WINDOWS,
    WHOLE_DAY,
    DailyWindow,
    SendWindows,
)

DEFAULT_ZONE = "Asia/Tokyo"
#: Keys that a campaign's payload holds only where they are given.
ONLY_IF_GIVEN = frozenset(
    {
        "best_time",
        "budget",
        "canary",
        "closed",
        "enrol",
        "holdout",
        "if_too_slow",
        "providers",
        "remind",
        "routing",
        "shared_phones",
        "spread",
        "steps",
        "stop_when",
        "strategy",
        "variants",
        "winner",
    }
)

#: When texts of a type leave where nobody says anything else. The others: whenever it is not quiet.
_OF_TYPE = {"promotional": PROMOTIONAL_WINDOWS, "reminder": REMINDER_WINDOWS}
_DAY = timedelta(days=1)

Category = Literal["promotional", "reminder", "notification", "welcome"]
Priority = Literal["urgent", "high", "normal", "low"]
BatchSize = Annotated[int, Field(ge=1, le=10_000)]
SendRate = Annotated[int, Field(ge=1, le=100_000)]
Routing = Literal["primary", "round_robin", "weighted", "cheapest"]
Strategy = Literal["time-optimized", "cost-optimized", "provider-balanced"]
TooSlow = Literal["refuse", "spread", "expire"]
Sharing = Literal["one", "merge"]
Retries = Annotated[int, Field(ge=0, le=10)]


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
        return sorted_keys(self.model_dump(mode="json") | {"criteria": self.tree(), "filters": None})

    @property
    def is_dynamic(self) -> bool:
        """Whether the segment is evaluated anew at each launch."""
        return self.members is None

    def tree(self) -> dict[str, Any] | None:
        """Return the criteria, filters among them, as one tree; None for a fixed list."""
        return _joined(self.criteria, self.filters)


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
    strategy: Strategy | None = Field(default=None, description="What the plan and the routing strive for.")
    closed: ClosingDefinition | None = Field(
        default=None, description="Days on which no text leaves; your business's closing days if left out."
    )
    best_time: Literal["window", "learned"] | None = Field(
        default=None, description="learned: at the hour at which this person has answered before."
    )
    spread: Literal["none", "window"] | None = Field(
        default=None, description="window: spread evenly over the window instead of as early as the pace allows."
    )
    if_too_slow: TooSlow | None = Field(
        default=None, description="What becomes of texts that the pace cannot send in time; else spread over days."
    )
    variables: Variables = Field(default={}, description="Values for the texts' own variables.")


class CampaignDefinition(Definition):
    """One planned sending: who, what, when, and its limits."""

    name: Name
    description: str | None = Field(default=None, description="For people; never sent.")
    type: Literal["blast", "promotional", "drip", "reminder"] = Field(
        default="blast", description="promotional and drip need consent to advertising, reminder consent to reminders."
    )
    template: Name | None = Field(default=None, description="The template to send; or write a message.")
    message: Text | None = Field(default=None, description="The text to send; or name a template.")
    segment: Name | None = Field(default=None, description="The audience; all for everybody.")
    criteria: Criteria | None = Field(default=None, description="Narrows the segment: a tree as in segments.")
    filters: Filters | None = Field(
        default=None, description="Narrows the segment: last_visit_days, visit_count, tags."
    )
    schedule: Annotated[ScheduleDefinition, BeforeValidator(read_schedule)] | None = Field(
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
    closed: ClosingDefinition | None = Field(
        default=None, description="Days on which no text leaves; your business's closing days if left out."
    )
    best_time: Literal["window", "learned"] | None = Field(
        default=None, description="learned: at the hour at which this person has answered before."
    )
    spread: Literal["none", "window"] | None = Field(
        default=None, description="window: spread evenly over the window instead of as early as the pace allows."
    )
    strategy: Strategy | None = Field(default=None, description="What the plan and the routing strive for.")
    if_too_slow: TooSlow | None = Field(
        default=None, description="What becomes of texts that the pace cannot send in time; else spread over days."
    )
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="The texts of a drip campaign, in their order."
    )
    enrol: EnrolDefinition | None = Field(default=None, description="Who enters a drip again, and who leaves it.")
    remind: Annotated[RemindDefinition, BeforeValidator(read_remind)] | None = Field(
        default=None, description="When before the appointment, such as 1 day before, 18:00-19:00."
    )
    variants: dict[Name, VariantDefinition] | None = Field(default=None, description="Wordings that are tried out.")
    holdout: Percent | None = Field(default=None, description="The share that gets nothing, to measure the effect.")
    winner: WinnerDefinition | None = Field(default=None, description="How the rest gets the better variant.")
    canary: CanaryDefinition | None = Field(default=None, description="A few who go first.")
    shared_phones: Sharing | None = Field(
        default=None, description="merge: one text for all who share a number, with {{ names }}; else one of them."
    )
    stop_when: Text | None = Field(
        default=None, description="A SQL query on your own tables; the campaign is paused where it says true."
    )

    def payload(self) -> dict[str, Any]:
        """Return the definition as plain JSON, keys sorted, filters as criteria; of windows what it says itself."""
        plain = self.model_dump(mode="json", exclude={"schedule": {"timezone"}})
        plain |= {"criteria": self.target()["criteria"], "filters": None}
        if self.schedule:
            repeat = plain["schedule"].pop("repeat") or {}
            plain["schedule"] |= {"repeat": {k: one for k, one in repeat.items() if one is not None}} if repeat else {}
        return sorted_keys({key: one for key, one in plain.items() if one is not None or key not in ONLY_IF_GIVEN})

    def under(self, rules: TenantRules) -> "CampaignDefinition":
        """Return the definition with all that holds for when its texts leave, as a run is pinned to it.

        What it does not say itself its tenant's rules say, by its type; what they do not say is as ever.
        """
        of_tenant = None if self._is_of_the_day else rules.windows.get("urgent" if self.is_urgent else self.type)
        windows = self._own_windows() or of_tenant
        as_ever = tuple(map(str, self._windows_of_type())) or (str(WHOLE_DAY),)
        is_closing = not self.is_urgent and self.type != "reminder"
        found = {
            "window": windows or as_ever,
            "quiet_hours": self.quiet_hours or rules.quiet_hours or str(DEFAULT_QUIET_HOURS),
            "closed": self.closed or (ClosingDefinition.of(rules) if is_closing else ClosingDefinition()),
        }
        return self.model_copy(update=found)

    def windows(self) -> SendWindows:
        """Return when texts may leave, by what it says itself. Urgent ones wait for quiet hours only."""
        own = tuple(DailyWindow.parse(text) for text in self._own_windows() or ())
        quiet = DailyWindow.parse(self.quiet_hours) if self.quiet_hours else DEFAULT_QUIET_HOURS
        windows = () if WHOLE_DAY in own else own or self._windows_of_type()
        return SendWindows(windows, quiet=quiet, open_days=self.closed.open_days() if self.closed else ALWAYS_OPEN)

    def _own_windows(self) -> tuple[str, ...] | None:
        of_reminder = self.remind.window if self.remind else None
        return (of_reminder,) if of_reminder else self.window

    def _windows_of_type(self) -> tuple[DailyWindow, ...]:
        return () if self.is_urgent or self._is_of_the_day else _OF_TYPE.get(self.type, ())

    @property
    def _is_of_the_day(self) -> bool:
        """Whether it reminds so many hours before, not at some time of an earlier day: it waits for no window."""
        return bool(self.remind and self.remind.before % _DAY)

    def target(self) -> dict[str, Any]:
        """Return the audience as `sms_campaigns.target_criteria` keeps it: a segment's name and a tree, or null."""
        segment = None if self.segment in RESERVED else self.segment
        return {"segment": segment, "criteria": _joined(self.criteria, self.filters)}

    @property
    def is_urgent(self) -> bool:
        """Whether it waits for quiet hours only."""
        return self.priority == "urgent"

    @property
    def is_plainly_written(self) -> bool:
        """Whether its strategy has characters that cost a part written in GSM-7, where a faithful one exists."""
        return self.strategy == Goal.COST.value

    @property
    def is_merging(self) -> bool:
        """Whether one text goes to all who share a number, with the names of all of them."""
        return self.shared_phones == "merge"

    @property
    def is_standing(self) -> bool:
        """Whether it takes people in day by day, instead of once at its time."""
        return self.type in {"drip", "reminder"}

    def of_step(self, number: int) -> Self:
        """Return the campaign as one step of its sequence has it, counted from 1: with that text, in that window."""
        step = (self.steps or ())[number - 1]
        own = {"template": step.template, "message": step.message, "window": step.window or self.window, "steps": None}
        return self.model_copy(update=own)

    def step_names(self) -> tuple[str, ...]:
        """Return what the steps of its sequence are called: by their names, or by their numbers."""
        return tuple(step.name or str(number) for number, step in enumerate(self.steps or (), start=1))

    def windows_of_steps(self) -> dict[str, SendWindows]:
        """Return when the texts of each step may leave, by its number; nothing where none has a window of its own."""
        if not any(step.window for step in self.steps or ()):
            return {}
        return {str(number): self.of_step(number).windows() for number in range(1, len(self.steps or ()) + 1)}

    def windows_at(self, step: str) -> SendWindows:
        """Return when the texts of a recipient's step may leave: the step's own hours, else the campaign's."""
        return self.windows_of_steps().get(step.partition("/")[0]) or self.windows()

    def step_wordings(self) -> dict[str, Self]:
        """Return the campaign as each step has it, by the step's name."""
        return {name: self.of_step(number) for number, name in enumerate(self.step_names(), start=1)}

    def wordings(self) -> dict[str, Self]:
        """Return the campaign with one variant each, in the order of the variants' names."""
        return {
            name: self.model_copy(update={"template": one.template, "message": one.message, "variants": None})
            for name, one in sorted((self.variants or {}).items())
        }

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
    texts: Mapping[tuple[str, str, str], Written] = field(default_factory=dict, repr=False, compare=False)

    def place_of(self, kind: Kind, name: str) -> Place:
        """Return file, line and column of a definition, counted from 1."""
        return self.places[kind, name]

    def written(self, kind: Kind, name: str, content: str) -> Written | None:
        """Return where a text of a definition stands; None where no file has it."""
        return self.texts.get((kind, name, content))


def _joined(criteria: dict[str, Any] | None, filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Make one tree of both, in the one spelling that is stored and compared."""
    trees = [filters_to_criteria(filters)] if filters else []
    if criteria:
        trees.insert(0, canonical_criteria(criteria))
    return {"and": trees} if len(trees) > 1 else trees[0] if trees else None
