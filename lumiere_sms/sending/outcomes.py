"""What a provider's answer means for a recipient.

    Accepted             accepted     sent, at list price until the provider says its own
    RejectedError        rejected     failed for good; where what all texts share is at fault (the account, the
                                      sender) rather than this one, the recipient waits for the mend
    UnavailableError     unavailable  nothing was accepted: again after 1, 2, 4 … 60 s with full jitter
    anything else        unknown      it may have been accepted: never again by itself

Full jitter: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from lumiere_sms.campaigns.recipients import Outcome, Result
from lumiere_sms.errors import ConfigurationError, ProviderError, RejectedError, UnavailableError
from lumiere_sms.providers.base import Accepted, Action, Reason
from lumiere_sms.providers.prices import PriceOf
from lumiere_sms.sending.claiming import Work

LONGEST_BACKOFF = 60.0  # seconds
AT_ONCE = 8  # refusals in a row after which a text goes again at once where it has another provider
UNLIKELY_PARTS = 1_000  # what a provider says beyond this is no count
SHARED_FAULTS = frozenset({Reason.ACCOUNT, Reason.SENDER, Reason.PACE})
OF_PROVIDER = frozenset({Reason.UNKNOWN, Reason.ACCOUNT, Reason.CARRIER})  # no fault of text, sender or pace


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt came to, what it asks for beyond the recipient, and how long to leave the sender alone."""

    work: Work
    result: Result
    action: Action = Action.NONE
    retry_after: float = 0.0  # seconds
    about: Reason = Reason.UNKNOWN  # what the provider's code is about, where it refused


def accepted(work: Work, taken: Accepted, *, price_of: PriceOf) -> Answer:
    """Judge a text that the provider took."""
    parts = taken.parts if taken.parts and taken.parts < UNLIKELY_PARTS else work.claimed.segments_used
    found = {"message_id": _storable(taken.provider_message_id), "parts": parts}
    try:
        price = price_of(work.claimed.phone_number)
    except ConfigurationError:  # no price list: what it costs is known when the provider says so, if ever
        return Answer(work, _result(work, Outcome.ACCEPTED, **found))
    cost = price.amount * parts
    return Answer(work, _result(work, Outcome.ACCEPTED, **found, cost=cost, currency=price.currency))


def refused(work: Work, error: BaseException, *, about: Reason, chance: Random) -> Answer:
    """Judge whatever else a call ended in; `about` is what the provider's code is about."""
    outcome = _outcome(error, about)
    action, code, retry_after = Action.NONE, None, 0.0
    if isinstance(error, ProviderError):
        action, code, retry_after = Action(error.action), _storable(error.code) or None, error.retry_after
    if outcome is Outcome.UNAVAILABLE:
        reason, wait = None, _rest(work, action, chance)
    else:
        reason, wait = "opted_out" if action is Action.OPT_OUT else about.value, timedelta(0)
    detail = _storable(str(error)) or type(error).__name__
    result = _result(work, outcome, code=code, detail=detail, reason=reason, wait=wait)
    return Answer(work, result, action, retry_after, about)


def not_sent(work: Work) -> Answer:
    """Judge a call that did not begin in time: nothing is on the wire."""
    return Answer(work, _result(work, Outcome.NOT_SENT, detail="the arm was too long ago"))


def taken(answer: Answer) -> Answer:
    """Judge an acceptance whose id belongs to another attempt already: what became of this one is not known.

    Where two equal texts to a number are in doubt, the provider's records give the one that it has to either.
    """
    detail = "the provider's id of this text belongs to another attempt"
    return replace(answer, result=_result(answer.work, Outcome.UNKNOWN, detail=detail))


def is_failure(answer: Answer) -> bool:
    """Say whether an answer says that the provider is not well, whatever the text."""
    if answer.result.outcome is Outcome.UNAVAILABLE:
        return answer.about in OF_PROVIDER and answer.action is not Action.CUT_PACE
    return answer.result.outcome is Outcome.UNKNOWN


def goes_at_once(answer: Answer) -> bool:
    """Say whether a refused text waits for nothing but to be claimed again."""
    return answer.result.outcome is Outcome.UNAVAILABLE and not answer.result.wait


def pauses_provider(answer: Answer) -> bool:
    """Say whether an answer is reason enough to let nothing more go through the provider."""
    return answer.action is Action.PAUSE_PROVIDER and answer.about in OF_PROVIDER


def backoff(tries: int, chance: Random) -> timedelta:
    """Return how long to rest after `tries` refusals and this one: up to 1, 2, 4 … 60 s, with full jitter."""
    return timedelta(seconds=chance.uniform(0, min(LONGEST_BACKOFF, 2.0 ** min(tries, 10))))


def _rest(work: Work, action: Action, chance: Random) -> timedelta:
    """Return how long a refused text rests; not at all, at first, where another provider may take it soon."""
    tries = work.claimed.retry_count
    if work.has_other and action is not Action.CUT_PACE:
        return timedelta(0) if tries < AT_ONCE else backoff(tries - AT_ONCE, chance)
    return backoff(tries, chance)


def _storable(words: str) -> str:
    """Return words as PostgreSQL keeps them: without NUL, nor halves of characters, which JSON may hold."""
    return words.replace("\0", "").encode(errors="replace").decode()


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
