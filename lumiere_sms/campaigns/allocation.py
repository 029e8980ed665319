"""Who gets which wording, and who gets nothing so that the effect can be measured: fixed by a hash, never drawn.

Two hashes of the campaign's name and the customer's key give two points that have nothing to do with each other,
each even over 10,000. The first says whether somebody is held out, the second which wording is theirs: a hold-out
that is made larger moves nobody from one wording to another. Weights are shares of those who are not held out;
where they leave something over, it is the rest, who wait for the winner.

The name and not the key of the campaign, so that a plan tells them apart as the launch will, before there is a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from uuid import UUID

from lumiere_sms.definitions.models import CampaignDefinition

POINTS = 10_000  # a percentage has two decimals


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where somebody falls. `variant` is empty where there are none, and for the rest, who wait for the winner.

    Who is held out has the variant that they would have got.
    """

    variant: str = ""
    is_held_out: bool = False
    is_rest: bool = False


#: Tells where a customer falls.
Allocate = Callable[[UUID], Allocation]
EVERYBODY_ALIKE = Allocation()


@dataclass(frozen=True, slots=True)
class Trials:
    """How a campaign shares people out: `held_out` and the weights are in hundredths of a percent."""

    name: str
    held_out: int
    weights: tuple[tuple[str, int], ...]
    has_winner: bool

    @classmethod
    def of(cls, definition: CampaignDefinition) -> "Trials | None":
        """Return how a campaign shares people out; None where it texts everybody the same."""
        if definition.variants is None and not definition.holdout:
            return None
        variants = sorted((definition.variants or {}).items())  # as the database keeps them, whatever the file's order
        weights = ((name, _points(variant.weight)) for name, variant in variants)
        return cls(definition.name, _points(definition.holdout or 0), tuple(weights), definition.winner is not None)

    def allocator(self) -> Allocate:
        """Return what tells where customers fall; for a million of them in some two seconds."""
        bounds, texted = self._shares()
        spared = [Allocation(each.variant, is_held_out=True, is_rest=each.is_rest) for each in texted]
        key, held_out = blake2b(self.name.encode(), digest_size=32).digest(), self.held_out

        def allocation_of(customer_id: UUID) -> Allocation:
            first, second = points_of(key, customer_id)
            place = sum(bound <= second for bound in bounds)
            return spared[place] if first < held_out else texted[place]

        return allocation_of

    def _shares(self) -> tuple[list[int], list[Allocation]]:
        """Return where the points of each wording end, and who has them.

        What a rounding leaves over (33.33 % three times) is the last wording's where there is no winner to wait for.
        """
        bounds = list(accumulate(weight for _, weight in self.weights))
        texted = [Allocation(name) for name, _ in self.weights] or [Allocation()]
        return (bounds, [*texted, Allocation(is_rest=True)]) if self.has_winner else (bounds[:-1], texted)


@dataclass(frozen=True, slots=True)
class Wave:
    """Whom one wave of a run takes in. `most` is how many texts it has at most, `winner` what the rest gets."""

    phase: str = ""
    most: int | None = None
    winner: str = ""

    def wants(self, allocation: Allocation) -> bool:
        """Say whether somebody is of this wave.

        The canary's are texts only, so nobody is held out of it. Before there is a winner the rest waits; afterwards
        everybody who has come into the audience meanwhile gets the winner too.
        """
        if self.phase == "canary" and allocation.is_held_out:
            return False
        return bool(self.winner) or not allocation.is_rest

    def variant_of(self, allocation: Allocation) -> str:
        """Return the wording that somebody of this wave gets."""
        return self.winner or allocation.variant


def points_of(key: bytes, customer_id: UUID) -> tuple[int, int]:
    """Return the two points of a customer, each of 0 to 9,999."""
    digest = blake2b(customer_id.bytes, digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "big") * POINTS >> 64, int.from_bytes(digest[8:], "big") * POINTS >> 64


def _points(percent: float) -> int:
    return round(percent * POINTS / 100)
