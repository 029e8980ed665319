"""Which of a provider's records is the text whose answer was lost.

No record names the attempt, so a text is known by what was submitted: the sender, the exact words and the
time. A record that agrees in all three and belongs to no other attempt is the text; which of two equal
texts it is makes no difference to the person who got it. One that agrees in two of the three and belongs
to nobody proves nothing either way: the provider's clock may differ from ours, or it keeps the words
otherwise than they were given (a trial account's preface, characters made plain). A person decides then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from lumiere_sms.campaigns.resolving import BY_HAND
from lumiere_sms.providers.base import Receipt

EARLIEST, LATEST = timedelta(seconds=-5), timedelta(seconds=120)  # from the arm to the record, by two clocks
OF_NO_CONCERN = timedelta(days=1)  # between the two: another day's text


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission to the number that is looked at; `outcome` is None while its answer is awaited."""

    user_id: UUID
    id: UUID
    sender: str
    body: str
    started_at: datetime
    outcome: str | None
    provider_message_id: str | None = None

    @property
    def may_own_any(self) -> bool:
        """Say whether a record may be this attempt's though nothing names it: its answer is to come, or never will."""
        return self.outcome is None or (self.provider_message_id or "").startswith(BY_HAND)


class Verdict(StrEnum):
    """What a look at the records says of an attempt."""

    FOUND = "found"
    NOT_LISTED = "not_listed"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look said of one attempt: the record that it is, or in words why there is none."""

    attempt: Attempt
    verdict: Verdict
    record: Receipt | None = None
    words: str = "not in the provider's records"


def match(attempts: Sequence[Attempt], records: Sequence[Receipt]) -> list[Sighting]:
    """Judge every unknown attempt to a number by the provider's records of that number.

    `attempts` are all of the last three days, whatever became of them; read after the records, so that whatever
    had been armed when the records were written is among them.
    """
    named = {each.provider_message_id for each in attempts}
    free = [each for each in records if each.provider_message_id not in named]
    doubtful = [each for each in attempts if each.outcome == "unknown"]
    owners = [each for each in attempts if each.may_own_any]
    found = _pair(doubtful, [each for each in free if not any(_is(owner, each) for owner in owners)])
    taken = {record.provider_message_id for record in found.values()}
    left = [each for each in free if each.provider_message_id not in taken]
    return [
        Sighting(each, Verdict.FOUND, found[each.id]) if each.id in found else _unfound(each, left, owners)
        for each in doubtful
    ]


def _pair(attempts: Sequence[Attempt], records: Sequence[Receipt]) -> dict[UUID, Receipt]:
    """Give each record to one attempt that it can be, the nearest in time first."""
    pairs = [
        (distance, attempt.id, record)
        for attempt in attempts
        for record in records
        if (distance := _distance(attempt, record)) is not None
    ]
    found: dict[UUID, Receipt] = {}
    given: set[str] = set()
    for _, attempt_id, record in sorted(pairs, key=lambda pair: pair[:2]):
        if attempt_id not in found and record.provider_message_id not in given:
            found[attempt_id] = record
            given.add(record.provider_message_id)
    return found


def _distance(attempt: Attempt, record: Receipt) -> timedelta | None:
    """Return how far apart in time the two are; None where the record cannot be the attempt's."""
    if not _is(attempt, record) or record.created_at is None:
        return None
    return abs(record.created_at - attempt.started_at)


def _unfound(attempt: Attempt, left: Sequence[Receipt], owners: Sequence[Attempt]) -> Sighting:
    """Say what stands against an attempt's absence: nothing, or a record that nobody owns and that is like it."""
    for record in left:
        if _likeness(attempt, record) < _ALIKE or _is_far(attempt, record):
            continue
        rivals = [owner for owner in owners if _is(owner, record)]
        if not rivals:
            return Sighting(attempt, Verdict.DOUBTFUL, words=_difference(attempt, record))
        if any(rival.body == attempt.body for rival in rivals):
            return Sighting(attempt, Verdict.DOUBTFUL, words="another text with the same words is not settled yet")
    return Sighting(attempt, Verdict.NOT_LISTED)


_ALIKE, _SAME = 2, 3


def _is(attempt: Attempt, record: Receipt) -> bool:
    return _likeness(attempt, record) == _SAME


def _likeness(attempt: Attempt, record: Receipt) -> int:
    """Count in how many of sender, words and time the two agree."""
    return (record.sender == attempt.sender) + (record.body == attempt.body) + _is_in_time(attempt, record)


def _is_in_time(attempt: Attempt, record: Receipt) -> bool:
    return record.created_at is not None and EARLIEST <= record.created_at - attempt.started_at <= LATEST


def _is_far(attempt: Attempt, record: Receipt) -> bool:
    return record.created_at is not None and abs(record.created_at - attempt.started_at) > OF_NO_CONCERN


def _difference(attempt: Attempt, record: Receipt) -> str:
    said = f"the provider's text {record.provider_message_id} belongs to nobody and is like this one, but "
    if record.sender != attempt.sender:
        return f"{said}comes from another sender"
    if record.body != attempt.body:
        return f"{said}has other words"
    if record.created_at is None:
        return f"{said}has no date"
    apart = round((record.created_at - attempt.started_at).total_seconds())
    return f"{said}is dated {abs(apart):,} s {'after' if apart > 0 else 'before'} the attempt"
