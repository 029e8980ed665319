"""What a provider's answer means for a recipient.

    Accepted             accepted     sent, at list price until the provider says its own
    RejectedError        rejected     failed for good; where what all texts share is at fault (the account, the
                                      sender) rather than this one, the recipient waits for the mend
    UnavailableError     unavailable  nothing was accepted: again after 1, 2, 4 … 60 s with full jitter
    anything else        unknown      it may have been accepted: never again by itself

Full jitter: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from lumiere_sms.campaigns.recipients import Outcome, Result
from lumiere_sms.errors import ProviderError, RejectedError, UnavailableError
from lumiere_sms.providers.base import Accepted, Action, Reason
from lumiere_sms.providers.prices import Price
from lumiere_sms.sending.claiming import Work

LONGEST_BACKOFF = 60.0  # seconds
UNLIKELY_PARTS = 1_000  # what a provider says beyond this is no count
SHARED_FAULTS = frozenset({Reason.ACCOUNT, Reason.SENDER, Reason.PACE})

#: The list price of a part to a number.
PriceOf = Callable[[str], Price]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt came to, what it asks for beyond the recipient, and how long to leave the sender alone."""

    work: Work
    result: Result
    action: Action = Action.NONE
    retry_after: float = 0.0  # seconds


def accepted(work: Work, taken: Accepted, *, price_of: PriceOf) -> Answer:
    """Judge a text that the provider took."""
    parts = taken.parts if taken.parts and taken.parts < UNLIKELY_PARTS else work.claimed.segments_used
    price = price_of(work.claimed.phone_number)
    cost, currency = price.amount * parts, price.currency
    message_id = taken.provider_message_id
    return Answer(
        work, _result(work, Outcome.ACCEPTED, message_id=message_id, parts=parts, cost=cost, currency=currency)
    )


def refused(work: Work, error: BaseException, *, about: Reason, chance: Random) -> Answer:
    """Judge whatever else a call ended in; `about` is what the provider's code is about."""
    outcome = _outcome(error, about)
    action, code, retry_after = Action.NONE, None, 0.0
    if isinstance(error, ProviderError):
        action, code, retry_after = Action(error.action), _storable(error.code) or None, error.retry_after
    if outcome is Outcome.UNAVAILABLE:
        reason, wait = None, backoff(work.claimed.retry_count, chance)
    else:
        reason, wait = "opted_out" if action is Action.OPT_OUT else about.value, timedelta(0)
    detail = _storable(str(error)) or type(error).__name__
    result = _result(work, outcome, code=code, detail=detail, reason=reason, wait=wait)
    return Answer(work, result, action, retry_after)


def not_sent(work: Work) -> Answer:
    """Judge a call that did not begin in time: nothing is on the wire."""
    return Answer(work, _result(work, Outcome.NOT_SENT, detail="the arm was too long ago"))


def backoff(tries: int, chance: Random) -> timedelta:
    """Return how long to rest after `tries` refusals and this one: up to 1, 2, 4 … 60 s, with full jitter."""
    return timedelta(seconds=chance.uniform(0, min(LONGEST_BACKOFF, 2.0 ** min(tries, 10))))


def _storable(words: str) -> str:
    return words.replace("\0", "")  # PostgreSQL keeps every other character


def _outcome(error: BaseException, about: Reason) -> Outcome:
    match error:
        case UnavailableError():
            return Outcome.UNAVAILABLE
        case RejectedError():
            return Outcome.UNAVAILABLE if about in SHARED_FAULTS else Outcome.REJECTED
        case _:
            return Outcome.UNKNOWN


def _result(work: Work, outcome: Outcome, **found: Any) -> Result:
    asked = work.asked
    return Result(asked.attempt_id, asked.id, asked.fence, asked.campaign_id, outcome, **found)
