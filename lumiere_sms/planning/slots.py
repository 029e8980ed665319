"""The slots of a plan: how many texts leave in each stretch of the wall clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.departures import Forecast

MOST_SLOTS = 24
LENGTHS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 180, 720, 1440))


@dataclass(frozen=True, slots=True)
class Slot:
    """How many texts leave from `starts_at` until the next slot of this length; `done` in all by its end."""

    starts_at: datetime
    ends_at: datetime
    texts: int
    parts: float
    done: int


def slots_of(found: Forecast, *, zone: str) -> tuple[Slot, ...]:
    """Return the slots in which texts leave, as long as it takes to have no more than two dozen of them.

    They begin on round times of the zone's clock; a slot that nothing leaves in is left out.
    """
    for length in LENGTHS:
        starts = _starts(found, length, ZoneInfo(zone), most=MOST_SLOTS if length < LENGTHS[-1] else None)
        if starts is not None:
            return _filled(found, starts, length)
    return ()


def _filled(found: Forecast, starts: Sequence[datetime], length: timedelta) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    done = 0
    for start in starts:
        end = start + length
        taken = [(each.before(end) - each.before(start), each.parts) for each in found.stretches]
        texts = sum(count for count, _ in taken)
        done += texts
        slots.append(Slot(start, end, texts, round(sum(count * parts for count, parts in taken), 2), done))
    return tuple(slot for slot in slots if slot.texts)


def _starts(found: Forecast, length: timedelta, zone: ZoneInfo, *, most: int | None) -> list[datetime] | None:
    """Return the beginnings of the slots that anything leaves in, in order; None where they are more than `most`."""
    starts: set[datetime] = set()
    for each in found.stretches:
        start = _floor(each.starts_at, length, zone)
        while start <= each.last_at:
            starts.add(start)
            if most is not None and len(starts) > most:
                return None
            start += length
    return sorted(starts)


def _floor(instant: datetime, length: timedelta, zone: ZoneInfo) -> datetime:
    """Return the last round time of a zone's clock at or before an instant (an offset is a multiple of 15 minutes)."""
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    shown = (instant + offset).timestamp()
    return instant - timedelta(seconds=shown % length.total_seconds())
