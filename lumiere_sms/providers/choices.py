"""How an operator names providers: in the order they are tried, each with a weight or none.

The same words in a definition (`providers: [twilio:70, aws:30]`), for a tenant and in LUMIERE_SMS_PROVIDER.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lumiere_sms.errors import quoted

LARGEST_WEIGHT = 100

_CHOICE = re.compile(r"([a-z][a-z0-9_-]{0,62})(?::(\d{1,3}))?", re.ASCII)


class Strategy(StrEnum):
    """How texts are shared out over providers."""

    PRIMARY = "primary"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"


class Goal(StrEnum):
    """What a campaign's `strategy` strives for."""

    TIME = "time-optimized"  # done soonest: each provider as much as it is fast
    COST = "cost-optimized"  # each destination by the cheapest, and plainer characters where they save a part
    BALANCE = "provider-balanced"  # by weight, or alike


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider and its weight beside the others'. One of weight 0 only steps in for another."""

    name: str
    weight: int = 1


def read_choices(texts: Iterable[str]) -> tuple[Choice, ...]:
    """Read `name` or `name:weight` of each. Raises: ValueError with a sentence.

    >>> read_choices(["twilio:70", "aws:30"])[1]
    Choice(name='aws', weight=30)
    """
    found = [_split(text) for text in texts]
    names = [name for name, _ in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{quoted(twice)} is named twice")
    weights = [weight for _, weight in found if weight]
    if weights and len(weights) < len(found):
        raise ValueError("give every provider a weight, as in twilio:70 aws:30, or none of them")
    if weights and not any(map(int, weights)):
        raise ValueError("at least one provider needs a weight above 0")
    return tuple(Choice(name, int(weight) if weight else 1) for name, weight in found)


def read_strategy(text: str) -> Strategy:
    """Read the name of a strategy. Raises: ValueError with a sentence."""
    if text not in set(Strategy):
        raise ValueError(f"{quoted(text)} is no way to share texts out; it is {', '.join(Strategy)}")
    return Strategy(text)


def _split(text: str) -> tuple[str, str]:
    match = _CHOICE.fullmatch(text.strip())
    if match is None or int(match[2] or 0) > LARGEST_WEIGHT:
        raise ValueError(f"{quoted(text)} is no provider; write twilio, or with a weight of 0 to 100 twilio:70")
    return match[1], match[2] or ""
