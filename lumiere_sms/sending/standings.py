"""How the providers are: rows that all daemons share, and the only statements that change them.

    closed ─open─► open ─a check answers─► probing ─three answers in all─► closed
                    ▲                        │
                    └────── it fails ────────┘

`probe_at` is a ticket: who moves it forward probes, the others do not. `now` is None where the database's own clock
speaks.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO

CLOSED, OPEN, PROBING = "closed", "open", "probing"
PROBE_EVERY = timedelta(seconds=15)
CHECK_EVERY = timedelta(seconds=30)
PROBES = 3  # answers in a row that close it again
GRACE = timedelta(seconds=3)  # for a text to be the probe, before a check is
NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider is. `is_due` says that a probe is; `weight` is 100 unless it delivers slowly."""

    state: str = CLOSED
    reason: str | None = None
    is_due: bool = False
    is_drained: bool = False
    weight: int = 100

    @property
    def takes_texts(self) -> bool:
        """Say whether texts go through it as a matter of course."""
        return self.state == CLOSED and not self.is_drained

    @property
    def may_be_tried(self) -> bool:
        """Say whether it is time to see what it makes of one text."""
        return self.state == PROBING and self.is_due and not self.is_drained

    @property
    def why(self) -> str:
        """Why it takes no texts."""
        return "it is drained" if self.is_drained else self.reason or ""


def read_standings(text: str | None) -> Mapping[str, Standing]:
    """Read what runnable.sql says of all providers, in one text."""
    found = json.loads(text or "{}")
    return {name: Standing(**fields) for name, fields in found.items()}


def read_spent(text: str | None) -> Collection[tuple[str, str]]:
    """Read what runnable.sql says of (provider, sender) pairs that may not send for now, in one text."""
    return {(provider, sender) for provider, sender in json.loads(text or "[]")}


def register(database: Database, provider: str) -> None:
    """Give a provider its row."""
    with database.transaction(limits=LET_GO) as connection:
        connection.execute(
            "INSERT INTO provider_health (provider) VALUES (%(provider)s) ON CONFLICT (provider) DO NOTHING",
            {"provider": provider},
        )


def standing_of(connection: Connection, provider: str, *, now: datetime | None) -> Standing:
    """Return how one provider is; one that has no row yet is well."""
    row = connection.execute(_STANDING, {"provider": provider, "now": now}).fetchone()
    return Standing(**row) if row else Standing()


def leave_alone(connection: Connection, provider: str, *, reason: str, now: datetime | None) -> bool:
    """Let no text go through a provider until probes say so: closed | probing -> open; say whether that is news."""
    binds = {"provider": provider, "reason": reason, "now": now, "pause": PROBE_EVERY}
    return connection.execute(_OPEN, binds).rowcount == 1


def take_probe(
    connection: Connection, provider: str, *, state: str, grace: timedelta = NONE, now: datetime | None
) -> bool:
    """Take the ticket for a probe in this state, if one has been there for a `grace`; of all who ask, one gets it."""
    binds = {"provider": provider, "state": state, "grace": grace, "now": now, "pause": PROBE_EVERY}
    return connection.execute(_TAKE_PROBE, binds).rowcount == 1


def pass_probe(connection: Connection, provider: str, *, now: datetime | None) -> str:
    """Count an answer of a provider that is left alone: open -> probing -> closed; return the state it has then."""
    binds = {"provider": provider, "now": now, "pause": PROBE_EVERY, "enough": PROBES}
    row = connection.execute(_COUNT_ANSWER, binds).fetchone()
    return row["state"] if row else ""


def take_check(connection: Connection, provider: str, *, now: datetime | None) -> bool:
    """Take the turn to check an idle provider; of all who ask within half a minute, one gets it."""
    binds = {"provider": provider, "now": now, "pause": CHECK_EVERY}
    return connection.execute(_TAKE_CHECK, binds).rowcount == 1


def keep_check(connection: Connection, provider: str, *, said: str, now: datetime | None) -> None:
    """Note what a provider said when it was checked."""
    binds = {"provider": provider, "said": said[:500], "now": now}
    connection.execute(_KEEP_CHECK, binds)


def set_drained(connection: Connection, provider: str, *, is_drained: bool) -> bool:
    """Let nothing new go through a provider, or texts again (which closes it too); say whether there is one."""
    return connection.execute(_DRAIN if is_drained else _ENABLE, {"provider": provider}).rowcount == 1


@dataclass(frozen=True, slots=True)
class Known:
    """A provider that was ever in use, as its row has it; `said` is what it answered when it was `checked_at`."""

    provider: str
    state: str
    reason: str | None
    opened_at: datetime | None
    is_drained: bool
    weight: int
    checked_at: datetime | None
    said: str | None

    @property
    def why_not(self) -> str:
        """Why no text goes through it, or an empty text."""
        if self.is_drained:
            return f"{self.provider} is drained"
        return "" if self.state == CLOSED else f"{self.provider} is left alone: {self.reason}"


def known_providers(connection: Connection) -> tuple[Known, ...]:
    """Return all providers that were ever in use, by name."""
    return tuple(Known(**row) for row in connection.execute(_ALL))


_STANDING: LiteralString = """
    SELECT state, reason, is_drained, weight,
        coalesce(probe_at <= coalesce(%(now)s::timestamptz, now()), true) AS is_due
    FROM provider_health WHERE provider = %(provider)s
"""
_OPEN: LiteralString = """
    INSERT INTO provider_health AS known (provider, state, reason, opened_at, probe_at)
    VALUES (%(provider)s, 'open', %(reason)s, coalesce(%(now)s::timestamptz, now()),
        coalesce(%(now)s::timestamptz, now()) + %(pause)s::interval)
    ON CONFLICT (provider) DO UPDATE
    SET state = 'open', reason = excluded.reason, probes = 0, opened_at = excluded.opened_at,
        probe_at = excluded.probe_at
    WHERE known.state <> 'open'
"""
_TAKE_PROBE: LiteralString = """
    UPDATE provider_health SET probe_at = coalesce(%(now)s::timestamptz, now()) + %(pause)s
    WHERE provider = %(provider)s AND state = %(state)s
      AND probe_at <= coalesce(%(now)s::timestamptz, now()) - %(grace)s::interval
"""
_COUNT_ANSWER: LiteralString = """
    UPDATE provider_health
    SET probes = probes + 1, state = CASE WHEN probes + 1 >= %(enough)s THEN 'closed' ELSE 'probing' END,
        probe_at = greatest(probe_at, coalesce(%(now)s::timestamptz, now()) + %(pause)s),
        reason = CASE WHEN probes + 1 >= %(enough)s THEN NULL ELSE reason END
    WHERE provider = %(provider)s AND state <> 'closed'
    RETURNING state
"""
_TAKE_CHECK: LiteralString = """
    UPDATE provider_health SET checked_at = coalesce(%(now)s::timestamptz, now())
    WHERE provider = %(provider)s
      AND (checked_at IS NULL OR checked_at <= coalesce(%(now)s::timestamptz, now()) - %(pause)s)
"""
_KEEP_CHECK: LiteralString = """
    UPDATE provider_health SET checked_at = coalesce(%(now)s::timestamptz, now()), said = %(said)s
    WHERE provider = %(provider)s
"""
_DRAIN: LiteralString = "UPDATE provider_health SET is_drained = true WHERE provider = %(provider)s"
_ENABLE: LiteralString = """
    UPDATE provider_health SET is_drained = false, state = 'closed', probes = 0, reason = NULL, weight = 100
    WHERE provider = %(provider)s
"""
_ALL: LiteralString = """
    SELECT provider, state, reason, opened_at, is_drained, weight, checked_at, said FROM provider_health
    ORDER BY provider
"""
