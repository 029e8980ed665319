"""When a simulation stops: at every instant at which something may happen, and in slots while texts are on their way.

The clock leaps. An *event* is met to the second: an occurrence, a wave, the end of a standing day, a local midnight.
Texts go in slots of minutes: what the pace lets go until the end of a slot goes at its beginning, and texts whose send
times are strewn over a slot go at its end. Slots end two minutes before a full five, since no text is claimed in the
last two minutes of its window: so none that would have gone in a window misses it, nor goes beyond it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.schedule.instants import instant_of

SLOT = timedelta(minutes=5)
_MOMENT = timedelta(seconds=1)
_DAY = timedelta(days=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant to stop at. `is_event`: what is due is done; `is_late`: texts have come due since the last one."""

    at: datetime
    is_event: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the rows say is to come: the next event, the next text's send time, the next step or round of a sequence.

    `is_paced` says that a text waits for nothing but the pace; `is_open` that somebody may enter a sequence since
    texts went.
    """

    event: datetime | None = None
    text: datetime | None = None
    step: datetime | None = None
    is_paced: bool = False
    is_open: bool = False


def slot_end(now: datetime) -> datetime:
    """Return the end of the slot that holds `now`, or, a second before it, of the next one.

    >>> slot_end(datetime(2026, 3, 15, 9, 0, tzinfo=UTC)).isoformat()
    '2026-03-15T09:03:00+00:00'
    """
    return now + SLOT - (now + USABLE + _MOMENT - _EPOCH) % SLOT + _MOMENT


def time_to_fill(moment: Moment, event: datetime | None) -> timedelta:
    """Return how far ahead the pace is taken at a moment: to the end of the slot, not beyond the next event."""
    now = moment.at
    if moment.is_late:
        return SLOT
    return min(slot_end(now), event or slot_end(now)) - now


def next_moment(now: datetime, outlook: Outlook, *, zones: Iterable[str]) -> Moment:
    """Return where to leap from `now`; at the next midnight of the `zones` at the latest."""
    events = [midnight_after(now, zone) for zone in zones]
    events += [outlook.event] if outlook.event else []
    events += [slot_end(now)] if outlook.is_open else []
    found = [Moment(min(events), is_event=True)]
    found += [Moment(slot_end(now))] if outlook.is_paced else []
    found += [_soft(now, outlook.step, is_event=True)] if outlook.step else []
    found += [_soft(now, outlook.text)] if outlook.text else []
    return min(found, key=lambda moment: (moment.at, not moment.is_event))


def _soft(now: datetime, at: datetime, *, is_event: bool = False) -> Moment:
    """Meet what comes after a pause when it comes, and what follows close behind at the end of the slot."""
    if at - now >= SLOT:
        return Moment(at, is_event)
    eve = slot_end(at - _MOMENT) - _MOMENT
    return Moment(eve if eve >= at else eve + SLOT, is_event, is_late=True)


def midnight_after(now: datetime, zone: str) -> datetime:
    """Return the next local midnight of a zone.

    >>> midnight_after(datetime(2026, 3, 15, 9, 0, tzinfo=UTC), "Asia/Tokyo").isoformat()
    '2026-03-15T15:00:00+00:00'
    """
    place = ZoneInfo(zone)
    return instant_of(datetime.combine(now.astimezone(place).date() + _DAY, time()), place)
