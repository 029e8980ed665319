"""`campaign retry`: a person lets recipients go again whose text was refused, was not delivered, or is in doubt.

    failed | bounced ─► pending     with codes, only those that failed with one of them
    unknown ─► pending              the person takes the risk that somebody gets two

The newest run of the campaign is meant, of one that takes people in day by day every day's; it goes on where it was
completed. Who is suppressed or opted out stays as they are, and so does whoever has no window left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.lifecycle import find_locked, refusal
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.reopening import Hours, openings, reopen, runs_to_go_on
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import RefusedError, StateError

FAILED, DOUBTFUL = ("failed", "bounced"), ("unknown",)
_RETRIED = frozenset({"running", "paused", "completed"})


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom a person wants texted again, and why. `more_time` from now on, where their last window may have ended."""

    statuses: tuple[str, ...]
    codes: tuple[str, ...] = ()
    more_time: timedelta | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """How many recipients wait again; how many stay since they are suppressed, or have no window left."""

    name: str
    waiting: int
    suppressed: int
    too_late: int


def count_retries(database: Database, user_id: UUID, *, name: str, wish: Wish, clock: Clock) -> int:
    """Return how many recipients a retry would be about, so that a person can be asked. Raises: StateError."""
    with database.transaction() as connection:
        return _find(connection, user_id, name, wish=wish, now=clock.database_now()).total


def retry(database: Database, user_id: UUID, *, name: str, wish: Wish, by: str = "operator", clock: Clock) -> Retried:
    """Let recipients of a campaign go again, at their next window, on record.

    Raises: StateError where there are none, RefusedError where none of them may be texted.
    """
    now = clock.database_now()
    with database.transaction() as connection:
        found = _find(connection, user_id, name, wish=wish, now=now)
        waiting = 0
        for run in found.runs:
            if again := _let_go(connection, user_id, run, wish=wish, now=now):
                reopen(connection, user_id, campaign_id=found.campaign_id, occurrence_id=run.row["id"])
            waiting += again
        retried = _retried(found, name, waiting=waiting)
        if not retried.waiting:
            raise _refusal(retried)
        audit.record(
            connection,
            user_id,
            actor=by,
            action="campaign.retry",
            subject=name,
            reason=wish.reason,
            before={"statuses": list(wish.statuses), "codes": list(wish.codes), "campaign": found.status},
            after={"pending": retried.waiting},
            now=now,
        )
    return retried


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that is held, and whom of it a retry would be about, by what decides when they may be texted."""

    row: Mapping[str, Any]
    hours: Mapping[Hours, Mapping[str, Any]]

    def count(self, what: str) -> int:
        return sum(row[what] for row in self.hours.values())


@dataclass(frozen=True, slots=True)
class _Found:
    campaign_id: UUID
    status: str
    runs: Sequence[_Run]

    @property
    def total(self) -> int:
        return sum(run.count("recipients") for run in self.runs)


def _find(connection: Connection, user_id: UUID, name: str, *, wish: Wish, now: datetime | None) -> _Found:
    campaign = find_locked(connection, user_id, name)
    rows = runs_to_go_on(connection, user_id, campaign, statuses=wish.statuses, now=now)
    if campaign["status"] not in _RETRIED:
        raise refusal(campaign, "retried", "a running, paused or completed")
    runs = [_Run(row, _hours(connection, user_id, row, wish=wish)) for row in rows]
    if not any(run.hours for run in runs):
        with_codes = f" with code {', '.join(wish.codes)}" if wish.codes else ""
        raise StateError(
            f'campaign "{name}" has nobody who is {" or ".join(wish.statuses)}{with_codes}',
            hint=f'lumiere-sms campaign recipients "{name}"',
        )
    return _Found(campaign["id"], campaign["status"], runs)


def _hours(
    connection: Connection, user_id: UUID, run: Mapping[str, Any], *, wish: Wish
) -> dict[Hours, Mapping[str, Any]]:
    rows = connection.execute(statement(__package__, "retries_by_zone"), _binds(user_id, run, wish))
    return {Hours(row["timezone"], row["preferred_time"], row["step"]): row for row in rows}


def _let_go(connection: Connection, user_id: UUID, run: _Run, *, wish: Wish, now: datetime | None) -> int:
    open_ = openings(run.row["definition"], run.hours, now=run.row["now"], more_time=wish.more_time)
    binds = {
        **_binds(user_id, run.row, wish),
        "zones": [each.hours.zone for each in open_],
        "preferred_times": [each.hours.preferred_time for each in open_],
        "steps": [each.hours.step for each in open_],
        "send_after": [each.send_after for each in open_],
        "expires_at": [each.expires_at for each in open_],
        "yields": [each.yields for each in open_],
        "usable": USABLE,
        "now": now,
    }
    return connection.execute(statement(__package__, "retry_recipients"), binds).rowcount


def _binds(user_id: UUID, run: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "occurrence_id": run["id"],
        "statuses": list(wish.statuses),
        "codes": list(wish.codes),
    }


def _retried(found: _Found, name: str, *, waiting: int) -> Retried:
    suppressed = sum(run.count("suppressed") for run in found.runs)
    return Retried(name, waiting, suppressed, found.total - suppressed - waiting)


def _refusal(retried: Retried) -> RefusedError:
    if retried.too_late:
        hint = f'give them more time: lumiere-sms campaign retry "{retried.name}" … --expires-after 24h'
        return RefusedError(f'the last window of "{retried.name}" has ended; nobody may be texted any more', hint=hint)
    hint = "a number that is suppressed or opted out is not texted again"
    return RefusedError(f'all {retried.suppressed:,} of "{retried.name}" have been suppressed', hint=hint)
