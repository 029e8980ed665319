"""What the Twilio stand-in does wrong when it is told to.

A fault's name says what happens and whether the text had been accepted by then: `cut_after` accepts the
text, then cuts the connection instead of answering. Shares are drawn from a hash of the seed, the phone and
the ordinal of that phone's request, so a run with the same seed does the same whatever the order in which
requests arrive.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """One way in which a POST goes wrong."""

    THROTTLE = "throttle"  # 429 with Retry-After; not accepted
    ERROR_BEFORE = "error_before"  # 500; not accepted
    ERROR_AFTER = "error_after"  # 500; accepted
    CUT_BEFORE = "cut_before"  # the connection is reset; not accepted
    CUT_AFTER = "cut_after"  # the connection is reset; accepted
    SILENCE_BEFORE = "silence_before"  # no answer ever; not accepted
    SILENCE_AFTER = "silence_after"  # no answer ever; accepted
    HTML_BEFORE = "html_before"  # 403 and a page, as a proxy writes it; not accepted
    HTML_AFTER = "html_after"  # 200 and a page; accepted

    @property
    def accepts(self) -> bool:
        """Say whether the text is accepted all the same."""
        return self.value.endswith("_after")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that refuses a text with one of the provider's codes: Twilio's are numbers, AWS's are words."""

    code: int | str
    status: int = 400


#: One step of a script: a fault, a refusal, or None for a request that goes well.
Step = Fault | Refusal | None


@dataclass(frozen=True, slots=True)
class Faults:
    """How the stand-in behaves; as it stands, everything goes well and a text is delivered after a second.

    `script` is used up first, one step a request; `by_phone` holds for every request to a number; then `shares`
    (fault → probability) are drawn. `fail_delivery` is the share of accepted texts that the carrier does not
    deliver, with one of `failure_codes`; `list_lag` how long an accepted text is missing from the list, and
    `late_lists` the share of texts for which that holds; `list_errors` the share of lists that end in a 500.
    """

    shares: Mapping[Fault, float] = field(default_factory=dict)
    script: tuple[Step, ...] = ()
    by_phone: Mapping[str, Step] = field(default_factory=dict)
    latency: timedelta = timedelta()
    deliver_after: timedelta = timedelta(seconds=1)
    fail_delivery: float = 0.0
    failure_codes: tuple[int, ...] = (30003, 30005, 30006, 30007, 30008)
    list_lag: timedelta = timedelta()
    late_lists: float = 1.0
    list_errors: float = 0.0
    retry_after: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse shares that are none. Raises: ValueError."""
        shares = [*self.shares.values(), self.fail_delivery, self.late_lists, self.list_errors]
        if any(not 0 <= share <= 1 for share in shares) or sum(self.shares.values()) > 1:
            raise ValueError("a share lies between 0 and 1, and all faults together make at most 1")

    def draw(self, phone: str, ordinal: int) -> Step:
        """Return what happens to the `ordinal`-th request to `phone`, the script apart."""
        if phone in self.by_phone:
            return self.by_phone[phone]
        if not self.shares:
            return None
        left = self._chance("request", phone, ordinal).random()
        for fault, share in self.shares.items():
            left -= share
            if left < 0:
                return fault
        return None

    def failure_code(self, phone: str, ordinal: int) -> int | None:
        """Return the code with which the carrier fails to deliver, or None for a text that arrives."""
        chance = self._chance("delivery", phone, ordinal)
        return chance.choice(self.failure_codes) if chance.random() < self.fail_delivery else None

    def lag(self, sid: str) -> timedelta:
        """Return how long a text is missing from the list."""
        is_late = self.list_lag and self._chance("list", sid).random() < self.late_lists
        return self.list_lag if is_late else timedelta()

    def fails_list(self, ordinal: int) -> bool:
        """Say whether the `ordinal`-th request for a list fails."""
        return self._chance("lists", ordinal).random() < self.list_errors

    def _chance(self, *about: object) -> Random:
        return Random(":".join(str(part) for part in (self.seed, *about)))  # noqa: S311 - repeatable on purpose


def parse_shares(texts: Iterable[str]) -> dict[Fault, float]:
    """Read `name=probability` pairs. Raises: ValueError with a sentence.

    >>> parse_shares(["cut_after=0.05"])
    {<Fault.CUT_AFTER: 'cut_after'>: 0.05}
    """
    return dict(_parse_share(text) for text in texts)


def _parse_share(text: str) -> tuple[Fault, float]:
    name, _, share = text.partition("=")
    if name not in set(Fault):
        raise ValueError(f'"{name}" is not a fault; there are {", ".join(Fault)}')
    if not re.fullmatch(r"0|1|[01]?\.\d+", share) or not 0 <= float(share) <= 1:
        raise ValueError(f'"{text}" needs a probability between 0 and 1, as in {name}=0.05')
    return Fault(name), float(share)


def parse_wait(text: str) -> timedelta:
    """Read a short time: "250ms", "1.5s", "2m". Raises: ValueError with a sentence.

    >>> parse_wait("250ms")
    datetime.timedelta(microseconds=250000)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text)
    if not found:
        raise ValueError(f'"{text}" is not a time; write it as 250ms, 1.5s or 2m')
    return (
        float(found[1])
        * {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1)}[found[2]]
    )
