"""Who changed what: the log of what people and rules did to a tenant's affairs. Append-only, and a chain.

Each entry has a number and a hash over itself and the hash before it (chain.py), so that none can be altered, taken
out or slipped in without a trace. Entries are written as the last step of the transaction that makes the change: the
head of the chain, which all of a tenant's writers wait for, is held for the commit alone, and after everything else.

People appear in it as ids, never as numbers or names.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.database.chain import NOTHING_BEFORE, SHOWN, Break, Link, breaks, link
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.told import without_numbers

Progress = Callable[[int, int], None]

MOST_BREAKS = 1_000  # as many as are told
_FETCHED = 5_000


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to be noted before the commit."""

    user_id: UUID
    actor: str
    action: str
    subject: str
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: datetime | None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: numbers above `after`, the `newest` so many of them; of one subject, from an instant on.

    `action` is a pattern, as shells have it: `campaign.*`.
    """

    after: int = 0
    newest: int | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None


EVERY = Wanted()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the whole chain found. `unchained` entries are from before there was one."""

    entries: int
    head: Link
    breaks: tuple[Break, ...]
    unchained: int


def record(  # noqa: PLR0913 - an entry has so many parts
    connection: Connection,
    user_id: UUID,
    *,
    actor: str,
    action: str,
    subject: str,
    reason: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime | None,
    id: UUID | None = None,  # noqa: A002 - what the column is called
) -> UUID:
    """Note a change in the transaction that makes it; return the entry's key, `id` where that was needed before.

    `action` is noun and verb (`campaign.retry`), `subject` what it was done to (a campaign's name, a
    recipient's id, a sender, a file); `before` and `after` hold what changed, as JSON has it.
    Phone numbers in a `reason` are masked.
    """
    reason = without_numbers(reason) if reason else reason
    written = subject.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")  # a file may be named so
    change = _Change(user_id, actor, action, written, reason, before, after, now, id or new_id())
    connection.before_commit(_write, change)
    return change.id


def entries(connection: Connection, user_id: UUID, wanted: Wanted = EVERY) -> list[dict[str, Any]]:
    """Return a tenant's entries in their order, but for those from before there was a chain: they have no number."""
    binds = {"user_id": user_id, **asdict(wanted), "action": wanted.action and _as_like(wanted.action)}
    return connection.execute(_ENTRIES, binds).fetchall()


def end_of(connection: Connection, user_id: UUID) -> Link:
    """Return where a tenant's chain ends."""
    head = connection.execute(_HEAD, {"user_id": user_id}).fetchone()
    return Link(head["seq"], bytes(head["hash"])) if head else Link(0, NOTHING_BEFORE)


def check(
    database: Database, user_id: UUID, *, anchor: Link | None = None, progress: Progress = lambda *_: None
) -> Checked:
    """Read a tenant's whole chain and say where it is broken.

    `anchor` is an end that was written down earlier, somewhere else: who could rewrite the whole chain cannot reach it.
    """
    with database.transaction(limits="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
        end = end_of(connection, user_id)
        older = connection.execute(_UNCHAINED, {"user_id": user_id}).fetchone()
        seen = _Seen(_chain(connection, user_id), anchor=anchor, total=end.seq, progress=progress)
        found = list(islice(breaks(seen, user_id=user_id, head=end), MOST_BREAKS))
    if anchor and not seen.has_anchor:
        said = "its hash is not the one that was given: the chain was rewritten"
        found.insert(0, Break(anchor.seq, said if anchor.seq <= end.seq else "it is not there: the log ends before it"))
    return Checked(seen.entries, end, tuple(found), older["entries"] if older else 0)


def _chain(connection: Connection, user_id: UUID) -> Iterator[dict[str, Any]]:
    with connection.cursor(name="audit_chain") as cursor:
        cursor.execute(_CHAIN, {"user_id": user_id, "shown": SHOWN})
        while found := cursor.fetchmany(_FETCHED):
            yield from found


def _as_like(pattern: str) -> str:
    """Return a shell's pattern as LIKE has it."""
    plain = re.sub(r"([\\%_])", r"\\\1", pattern)
    return plain.replace("*", "%").replace("?", "_")


class _Seen:
    """Counts entries as they are read, and looks whether one is the anchor."""

    def __init__(self, found: Iterator[dict[str, Any]], *, anchor: Link | None, total: int, progress: Progress) -> None:
        self._found, self._anchor, self._total, self._progress = found, anchor, total, progress
        self.entries = 0
        self.has_anchor = anchor == Link(0, NOTHING_BEFORE)  # the end before the first entry

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for entry in self._found:
            self.entries += 1
            if self._anchor and entry["seq"] == self._anchor.seq:
                self.has_anchor = bytes(entry["hash"]) == self._anchor.hash
            if self.entries % _FETCHED == 0:
                self._progress(self.entries, self._total)
            yield entry


def _write(connection: Connection, changes: Sequence[_Change]) -> None:
    """Write what was noted, tenant by tenant in the order of their keys."""
    by_tenant = attrgetter("user_id")
    for user_id, own in groupby(sorted(changes, key=by_tenant), by_tenant):
        _append(connection, user_id, list(own))


def _append(connection: Connection, user_id: UUID, changes: Sequence[_Change]) -> None:
    binds = {"user_id": user_id, "id": new_id(), "hash": NOTHING_BEFORE, "now": changes[-1].at}
    head = connection.execute(_HOLD_HEAD, binds).fetchone()
    assert head is not None, "the statement makes it where there is none"
    rows = [_row(each, at=each.at or head["at"]) for each in changes]
    end = Link(head["seq"], bytes(head["hash"]))
    links = [end := link(end, user_id, row) for row in rows]
    columns = {f"{name}s": [row[name] for row in rows] for name in _COLUMNS}
    columns |= {
        name: [None if each is None else Jsonb(each) for each in columns[name]] for name in ("befores", "afters")
    }
    chained = {"seqs": [each.seq for each in links], "hashes": [each.hash for each in links]}
    binds = {"user_id": user_id, **columns, **chained, "seq": end.seq, "hash": end.hash}
    connection.execute(statement(__package__, "append_entries"), binds)


def _row(change: _Change, *, at: datetime) -> dict[str, Any]:
    return {name: getattr(change, name) for name in _COLUMNS} | {"at": at}


_COLUMNS = ("id", "at", "actor", "action", "subject", "reason", "before", "after")
_HOLD_HEAD: LiteralString = """
    INSERT INTO audit_heads AS head (user_id, id, seq, hash, at)
    VALUES (%(user_id)s, %(id)s, 0, %(hash)b, coalesce(%(now)s::timestamptz, now()))
    ON CONFLICT (user_id) DO UPDATE SET at = excluded.at
    RETURNING head.seq, head.hash, head.at
"""
_CHAIN: LiteralString = """
    SELECT seq, id::text AS id, to_char(at AT TIME ZONE 'UTC', %(shown)s) AS at, actor, action, subject, reason,
        before::text AS before, after::text AS after, hash
    FROM audit_log WHERE user_id = %(user_id)s AND seq IS NOT NULL
    ORDER BY seq
"""
_ENTRIES: LiteralString = """
    SELECT * FROM (
        SELECT seq, id, at, actor, action, subject, reason, before::text AS before, after::text AS after, hash
        FROM audit_log
        WHERE user_id = %(user_id)s AND seq > %(after)s
          AND (%(action)s::text IS NULL OR action LIKE %(action)s::text)
          AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
          AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz)
        ORDER BY seq DESC LIMIT %(newest)s
    ) AS newest ORDER BY seq
"""
_HEAD: LiteralString = "SELECT seq, hash FROM audit_heads WHERE user_id = %(user_id)s"
_UNCHAINED: LiteralString = "SELECT count(*) AS entries FROM audit_log WHERE user_id = %(user_id)s AND seq IS NULL"
