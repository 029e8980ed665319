"""When the texts of a campaign would leave, and what becomes of a campaign that is too slow for its windows.

What `plan` shows and what the launch refuses or spreads both come from here, so they cannot differ. A campaign is
followed alone: what others send at the same time through the same senders is for `simulate` to show.

    if_too_slow: refuse   it is not applied, and not launched, where its texts cannot all leave in time
                 spread   it lasts longer: its texts go on in the windows of the following days, until it comes up
                          again or for a month; what is too slow even so is refused
                 expire   what has not left in time expires
    (not said)            spread; refused where it says itself, by `expires_after`, how long its texts are good for
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.freezing import Recipe, Tally, Waiting
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.timing import timer
from lumiere_sms.campaigns.ways import Way
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.departures import Forecast, Pace, Queue, forecast, together
from lumiere_sms.schedule.instants import instant_of
from lumiere_sms.schedule.windows import DailyWindow

LONGEST_SPREAD = timedelta(days=31)

_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_REFUSED_HINT = "raise its pace, widen its windows or expires_after, or write if_too_slow: spread, or expire"
_TOO_LONG_HINT = "raise its pace, widen its windows, or write if_too_slow: expire"
_ONLY = ""  # the lane of a campaign whose way is not known


@dataclass(frozen=True, slots=True)
class Pacing:
    """What limits the pace of a campaign: its own limit, its tenant's, those of the senders on its way.

    `granted` is the pace of its provider where no way is known.
    """

    definition: CampaignDefinition
    way: Way | None
    granted: float = float("inf")

    @property
    def parts_per_second(self) -> float:
        """How fast its texts go in all."""
        return min(self._rates.values())

    @property
    def limit(self) -> str:
        """What holds them back: the campaign, the tenant or the provider."""
        rates = self._rates
        return min(rates, key=lambda name: rates[name])

    @property
    def parts_per_day(self) -> int | None:
        """The least of the limits by the day, None where there is none."""
        way = self.way
        paces = [pace for pace in (way.tenant_pace, *way.paces.values()) if pace and pace.daily] if way else []
        return min((pace.daily.parts for pace in paces if pace.daily), default=None)

    @property
    def is_by_provider(self) -> bool:
        """Whether each provider goes at its own pace, rather than all at one that they share."""
        way = self.way
        return way is not None and (self.limit == "provider" or any(pace.daily for pace in way.paces.values()))

    def lane(self, name: str, part: float) -> Pace:
        """Return how fast the `part` goes that one provider takes: what all share is shared out by the part."""
        way = self.way
        shared = Pace(self.definition.send_rate_per_minute / 60 * part)
        own = way.paces[name] if way and name in way.paces else Pace(way.parts_per_second if way else self.granted)
        tenant = way.tenant_pace if way and way.tenant_pace else Pace(float("inf"))
        rate = min(shared.parts_per_second, own.parts_per_second, tenant.parts_per_second * part)
        return Pace(rate, own.daily or tenant.daily)

    @property
    def _rates(self) -> dict[str, float]:
        way = self.way
        rates = {"campaign": self.definition.send_rate_per_minute / 60}
        if way and way.tenant_pace:
            rates["tenant"] = way.tenant_pace.parts_per_second
        return {**rates, "provider": way.parts_per_second if way else self.granted}


def expected(tally: Tally, recipe: Recipe, *, pacing: Pacing) -> Forecast:
    """Return when those who were counted would get their texts, and how many would not.

    Who waits for a canary or a winner gets theirs when that is decided at the earliest.
    """
    return _follow(_in_waves(tally, recipe, pacing), recipe, pacing)


def _follow(waiting: Mapping[Waiting, int], recipe: Recipe, pacing: Pacing) -> Forecast:
    lanes = _lanes(waiting, recipe, pacing.way if pacing.is_by_provider else None)
    whole = sum(queue.parts for queues in lanes.values() for queue in queues) or 1.0
    found = []
    for name, queues in lanes.items():
        pace = pacing.lane(name, sum(queue.parts for queue in queues) / whole)
        if queues:
            rate, daily = pace.parts_per_second, pace.daily
            found.append(forecast(queues, windows=recipe.windows, parts_per_second=rate, usable=USABLE, daily=daily))
    return together(found)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a campaign is launched, in the light of its pace: by `recipe`, which may last longer, or not at all.

    `refusal` says why not, `hint` what would help.
    """

    recipe: Recipe
    refusal: str = ""
    hint: str = ""


def fit(tally: Tally, recipe: Recipe, *, pacing: Pacing, until: datetime | None = None) -> Fit:
    """Return how a campaign is launched whose people were counted by `recipe`; it comes up again at `until`."""
    definition = pacing.definition
    found = expected(tally, recipe, pacing=pacing)
    if not found.expired or definition.if_too_slow == "expire":
        return Fit(recipe)
    if definition.if_too_slow == "refuse" or (definition.if_too_slow is None and recipe.expires_after is not None):
        return Fit(recipe, _too_slow(found.expired), _REFUSED_HINT)
    return _spread(tally, recipe, pacing=pacing, end=min(recipe.wish + LONGEST_SPREAD, until or _NEVER))


def _spread(tally: Tally, recipe: Recipe, *, pacing: Pacing, end: datetime) -> Fit:
    """Return a campaign's recipe that lasts as long as its texts need, until `end` at most."""
    longest = replace(recipe, expires_after=end - recipe.wish)
    slowly = expected(_until(tally, end), longest, pacing=pacing)
    if slowly.expired or slowly.finishes_at is None:
        shown = f"{end.astimezone(ZoneInfo(recipe.zone)):%Y-%m-%d %H:%M}"
        return Fit(recipe, _too_slow(slowly.expired, f", even if they are spread until {shown}"), _TOO_LONG_HINT)
    return Fit(replace(recipe, expires_after=min(_whole_days(slowly.finishes_at, recipe), end - recipe.wish)))


def _too_slow(expired: int, even: str = "") -> str:
    """Say how many texts would not leave in time."""
    texts = f"{expired:,} of its texts" if expired > 1 else "1 of its texts"
    return f"it is too slow for its windows: about {texts} would expire{even}"


def _in_waves(tally: Tally, recipe: Recipe, pacing: Pacing) -> Mapping[Waiting, int]:
    """Return who waits, those of later waves until theirs is due; each wave takes of everybody alike.

    What follows a canary is decided on a while after its last text has left, the rest a while after the trial's first.
    """
    waves = _waves(tally, pacing.definition)
    left = sum(waves.values())
    if len(waves) < 2 or not left:  # noqa: PLR2004 - one wave is no waves
        return tally.waiting
    canary, winner = pacing.definition.canary, pacing.definition.winner
    waiting, still, at = Counter[Waiting](), Counter(tally.waiting), None
    for phase, count in waves.items():
        wave = _some_of(still, count)
        still, left = still - wave, left - count
        wave = wave if at is None else _put_off(wave, recipe, at)
        waiting += wave
        if phase == "canary" and canary:
            at = (_follow(wave, recipe, pacing).finishes_at or recipe.wish) + canary.wait
        elif phase == "trial" and winner:
            at = min((opens_at for _, _, _, opens_at, _, _ in wave), default=recipe.wish) + winner.after
    return waiting


def _some_of(waiting: Counter[Waiting], count: int) -> Counter[Waiting]:
    """Return so many of those who wait, as many of each kind as there are of all."""
    some, left = Counter[Waiting](), waiting.total()
    for kind, people in waiting.items():
        some[kind] = round(people * count / left)
        count, left = count - some[kind], left - people
    return +some


def _put_off(wave: Mapping[Waiting, int], recipe: Recipe, at: datetime) -> Counter[Waiting]:
    """Return who waits for a wave that is launched at an instant; who has no window any more then expires."""
    times, later = timer(recipe.timetable).common, Counter[Waiting]()
    for (zone, country, preferred, _, ends_at, parts), people in wave.items():
        timing = times(at, zone, preferred)
        opening = (ends_at, ends_at) if isinstance(timing, str) else (timing.send_after, timing.expires_at)
        later[zone, country, preferred, *opening, parts] += people
    return later


def _waves(tally: Tally, definition: CampaignDefinition) -> Mapping[str, int]:
    """Return how many each wave takes in, in their order."""
    canary, winner = definition.canary, definition.winner
    people, rest = sum(tally.waiting.values()), tally.variants[""] if winner else 0
    few = min(canary.size, people) if canary else 0
    found = {"canary": few, "trial" if winner else "rest": max(0, people - rest - few)}
    if winner:
        found["rest"] = people - sum(found.values())
    return {phase: count for phase, count in found.items() if count}


def _lanes(waiting: Mapping[Waiting, int], recipe: Recipe, way: Way | None) -> Mapping[str, Sequence[Queue]]:
    """Return the queues of each provider."""
    texts: dict[str, dict[Any, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for (zone, country, preferred, opens_at, ends_at, parts), count in waiting.items():
        for name, taken in _shares(way, country, count):
            queue = texts[name][zone, preferred, opens_at, ends_at]
            queue[0] += taken
            queue[1] += taken * parts
    return {name: list(_queues(those, recipe)) for name, those in texts.items()}


def _queues(texts: Mapping[Any, Sequence[int]], recipe: Recipe) -> Iterator[Queue]:
    for (zone, preferred, opens_at, ends_at), (count, parts) in texts.items():
        windows = recipe.windows.preferring(DailyWindow.parse(preferred)) if preferred else None
        if count:
            yield Queue(ZoneInfo(zone), opens_at, ends_at, count, parts, windows)


def _shares(way: Way | None, country: str, count: int) -> Iterator[tuple[str, int]]:
    """Yield how many of so many texts each provider takes; what rounding leaves goes to the last."""
    parts = (way.takes(country) if way else {}) or {_ONLY: 1.0}
    left = count
    for place, (name, part) in enumerate(parts.items(), start=1):
        taken = left if place == len(parts) else min(left, round(count * part))
        left -= taken
        yield name, taken


def _until(tally: Tally, end: datetime) -> Tally:
    """Return a tally whose texts may go until `end`."""
    longer = Tally(variants=tally.variants)
    for (zone, country, preferred, opens_at, _, parts), count in tally.waiting.items():
        longer.waiting[zone, country, preferred, opens_at, end, parts] += count
    return longer


def _whole_days(finishes_at: datetime, recipe: Recipe) -> timedelta:
    """Return how long a campaign lasts that has to the end of the day, in its zone, on which its last text leaves."""
    zone = ZoneInfo(recipe.zone)
    last_day = (finishes_at + USABLE).astimezone(zone).date()
    return instant_of(datetime.combine(last_day + _DAY, time()), zone) - recipe.wish
