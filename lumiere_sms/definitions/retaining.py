"""How long a tenant keeps what is about people: a part of its rules. What no rule is about is kept."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.errors import quoted

#: Consent must be provable for a month after the last advertising text; caps and reports look back as long.
SHORTEST = timedelta(days=31)
LONGEST = timedelta(days=36_525)


_TIME = re.compile(r"(\d{1,6})\s*([dwy])", re.ASCII | re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "y": 365}


def read_kept(text: str) -> timedelta:
    """Read how long something is kept: days, weeks or years of 365 days. Raises: ValueError.

    >>> read_kept("400d").days, read_kept("2y").days
    (400, 730)
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{quoted(text)} does not say how long; write 400d, 60w or 2y")
    kept = timedelta(days=min(int(found[1]) * _DAYS[found[2].lower()], LONGEST.days + 1))
    if kept < SHORTEST:
        why = "consent must be provable for a month after an advertising text"
        raise ValueError(f"{quoted(text)} is too short: at least {SHORTEST.days}d are kept, since {why}")
    if kept > LONGEST:
        raise ValueError(f"{quoted(text)} is longer than a hundred years")
    return kept


def kept_text(kept: timedelta) -> str:
    """Write how long something is kept as `read_kept` reads it."""
    return f"{kept.days}d"


Kept = Annotated[
    timedelta,
    BeforeValidator(lambda value: read_kept(value) if isinstance(value, str) else value),
    PlainSerializer(kept_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*[dwyDWY]\s*$", "examples": ["400d", "2y"]}),
]


#: What is kept for a time of its own.
Data = Literal["texts", "answers", "events", "people"]
DATA: tuple[Data, ...] = get_args(Data)


class RetentionRules(Definition):
    """How long each kind of data is kept."""

    texts: Kept | None = Field(default=None, description="What was written to each person, once its run is over.")
    answers: Kept | None = Field(default=None, description="What people wrote back.")
    events: Kept | None = Field(default=None, description="What providers reported of each text.")
    people: Kept | None = Field(
        default=None, description="Customers of whom nothing was seen or heard, and to whom nothing was sent."
    )

    def told(self) -> Iterator[tuple[Data, timedelta]]:
        """Yield what has a rule, and for how long it is kept."""
        for data in DATA:
            kept: timedelta | None = getattr(self, data)
            if kept is not None:
                yield data, kept
