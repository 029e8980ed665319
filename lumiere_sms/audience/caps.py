"""How often one person is texted: a frequency cap, and until when it has them wait.

A cap counts what was sent to a number within a time, over all campaigns of one type: what a provider took, and what
it may have taken. What it refused or never got does not count, whether a text arrived does not matter. The cap for
what is urgent counts urgent texts, whatever their type, and an urgent campaign has that cap alone.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg.sql import SQL, Composable

from lumiere_sms.database.sql import statement

URGENT = "urgent"
#: Why somebody gets no text, or gets it later.
FREQUENCY_CAP = "frequency_cap"
_SPARE = timedelta(days=2)  # a local day and the farthest zone


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` texts of a `kind` to one number `within` a time; one too many is left out, or waits."""

    kind: str
    most: int
    within: timedelta
    excludes: bool


def kind_of(campaign_type: str, priority: str) -> str:
    """Return what a campaign's caps are kept for: its type, unless it is urgent."""
    return URGENT if priority == URGENT else campaign_type


def capped_until(cap: Cap | None, *, today: date) -> tuple[Composable, dict[str, Any]]:
    """Return the text of what tells until when a cap has a customer wait, and its binds; NULL for who need not.

    `today` is the local day from which on a text would leave.
    """
    if cap is None:
        return SQL("NULL::timestamptz"), {}
    since = today - cap.within - _SPARE
    binds = {"cap_kind": cap.kind, "cap_most": cap.most, "cap_within": cap.within, "cap_since": since}
    return SQL("({})").format(SQL(statement(__package__, "capped_until"))), binds
