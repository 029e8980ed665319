"""The chain of the audit log: what each entry's hash is taken over, and what a broken one says. Pure.

An entry's hash is SHA-256 over the hash before it, its number and its own content as JSON in one writing (RFC 8785
in spirit: keys sorted, no blanks; numbers by their value, since PostgreSQL keeps 1e3 as 1000).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

#: An instant as it is hashed, in PostgreSQL's words.
SHOWN = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'
#: What stands before the first entry.
NOTHING_BEFORE = bytes(32)
_TEXTS, _JSON = ("actor", "action", "subject", "reason"), ("before", "after")


class Link(NamedTuple):
    """An entry's number, from 1 on, and its hash."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain is broken: at which number, and what is wrong there."""

    seq: int
    problem: str


def link(before: Link, user_id: UUID, entry: Mapping[str, Any]) -> Link:
    """Return the link of an entry behind `before`.

    Its JSON is given as values, or as the text that PostgreSQL shows; its instant as one, or as SHOWN makes text of it.

    >>> from datetime import datetime, UTC
    >>> noon = {"id": UUID(int=2), "at": datetime(2026, 3, 15, 12, tzinfo=UTC), "actor": "sato", "action": "a.b",
    ...         "subject": "s", "reason": None, "before": None, "after": {"rate": 1e3}}
    >>> link(Link(0, NOTHING_BEFORE), UUID(int=1), noon) == link(
    ...     Link(0, NOTHING_BEFORE), UUID(int=1), {**noon, "after": '{"rate": 1000}'})
    True
    """
    seq = before.seq + 1
    at = entry["at"]
    at = at if isinstance(at, str) else at.astimezone(UTC).isoformat(timespec="microseconds")
    texts, values = (entry[name] for name in _TEXTS), (_canonical(entry[name]) for name in _JSON)
    content = [str(user_id), seq, str(entry["id"]), at, *texts, *values]
    return Link(seq, sha256(before.hash + _ENCODER.encode(content).encode()).digest())


def breaks(entries: Iterable[Mapping[str, Any]], *, user_id: UUID, head: Link) -> Iterator[Break]:
    """Yield what is wrong with a chain's entries, which come in their order; `head` is where they should end.

    One that was altered is named, and the look goes on from the hash that it should have had.
    """
    last = Link(0, NOTHING_BEFORE)
    for entry in entries:
        stored = Link(entry["seq"], bytes(entry["hash"]))
        if stored.seq != last.seq + 1:
            yield Break(last.seq + 1, _gone(last.seq + 1, stored.seq - 1))
            last = Link(stored.seq - 1, b"")
        if last.hash and link(last, user_id, entry) != stored:
            yield Break(stored.seq, _ALTERED)
        last = stored
    if last.seq < head.seq:
        yield Break(last.seq + 1, _gone(last.seq + 1, head.seq))
    elif last != head:
        yield Break(last.seq, "the chain does not end here: its end was altered, or entries were slipped in")


def _gone(first: int, last: int) -> str:
    return "it is gone" if first == last else f"it is gone, and all to {last:,}"


def _canonical(value: Mapping[str, Any] | str | None) -> Any:
    """Return a JSON object, or its text, with numbers by their value."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return _DECODER.decode(text)


def _number(text: str) -> list[str]:
    return ["#", f"{Decimal(text).normalize() or Decimal():f}"]


#: Made once: to make them takes as long as to use them.
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number)
_ALTERED = "it is not what was written, or the one before it is not"
