"""When the last text of a campaign leaves, and how many never do, at a pace and inside its windows.

A campaign's texts are a queue per zone: each opens at its send time, closes with every window and
ends at its expiry. One pace serves them all, the queue that was due first before the others. Pure: no
database, no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.windows import SendWindows

_NOTHING = 1e-6  # parts: what rounding leaves


@dataclass(frozen=True, slots=True)
class Queue:
    """The texts for one zone. They may go from `opens_at` on, and no more from `ends_at` on."""

    zone: ZoneInfo
    opens_at: datetime
    ends_at: datetime
    recipients: int
    parts: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect: the first and the last text leave at `starts_at` and `finishes_at`; `expired` never do."""

    starts_at: datetime | None
    finishes_at: datetime | None
    expired: int


def forecast(queues: Iterable[Queue], *, windows: SendWindows, parts_per_second: float) -> Forecast:
    """Follow the queues until each is empty or has ended."""
    waiting = sorted((queue for queue in queues if queue.parts), key=lambda queue: (queue.opens_at, queue.zone.key))
    left = {queue.zone.key: queue.parts for queue in waiting}
    starts_at = finishes_at = None
    now = min((queue.opens_at for queue in waiting), default=None)
    while now is not None:
        openings = _openings(waiting, left, windows=windows, now=now)
        current = next((queue for queue, opens_at in openings if opens_at <= now), None)
        if current is None:
            now = min((opens_at for _, opens_at in openings), default=None)
            continue
        before = openings[: [queue for queue, _ in openings].index(current)]
        ends = windows.closes_at(now, current.zone), current.ends_at, *(opens_at for _, opens_at in before)
        gone = min(left[current.zone.key], parts_per_second * (min(ends) - now).total_seconds())
        starts_at = starts_at or now
        finishes_at = now = now + timedelta(seconds=gone / parts_per_second)
        left[current.zone.key] -= gone
    expired = sum(round(queue.recipients * left[queue.zone.key] / queue.parts) for queue in waiting)
    return Forecast(starts_at, finishes_at, expired)


def _openings(
    waiting: Sequence[Queue], left: Mapping[str, float], *, windows: SendWindows, now: datetime
) -> list[tuple[Queue, datetime]]:
    """Return the queues that still have something to send, each with when it may go on."""
    open_again = (
        (queue, windows.first_open(max(now, queue.opens_at), queue.zone))
        for queue in waiting
        if left[queue.zone.key] > _NOTHING and now < queue.ends_at
    )
    return [(queue, at) for queue, at in open_again if at is not None and at < queue.ends_at]
