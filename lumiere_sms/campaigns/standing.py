"""What standing campaigns do: take people into the open day, step by step or appointment by appointment.

Done every second, and each part only where it is due: somebody's next step when it is, a look for people who enter or
have appointments once in `LOOK_EVERY`. A look is leased, in a transaction of its own, so that of several daemons one
does it; were it done twice, keys that are unique keep everybody at one text. What a look finds is committed at once
or not at all, and who dies over it is followed by the next look.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from lumiere_sms.campaigns.days import Day, hold_day, lease_day, turn_page
from lumiere_sms.campaigns.enrolling import enter
from lumiere_sms.campaigns.freezing import Prices, Tally
from lumiere_sms.campaigns.launch import Launched
from lumiere_sms.campaigns.reminding import remind
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.campaigns.stepping import take_steps
from lumiere_sms.campaigns.ways import way_of
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import tenant_of
from lumiere_sms.database.time import database_time
from lumiere_sms.errors import ConfigurationError, LumiereError
from lumiere_sms.logs import event

#: How often it is looked for people who enter a sequence, and for appointments that were made or moved.
LOOK_EVERY = timedelta(minutes=1)

Progress = Callable[[int], None]
_LIMITS: LiteralString = (
    f"{LET_GO}; SET LOCAL statement_timeout = '10min'; SET LOCAL cursor_tuple_fraction = 1.0; SET LOCAL jit = off"
)


def turn_pages(database: Database, *, clock: Clock) -> None:
    """Let the day of every edited standing campaign end, and its next one be due now, as the new revision."""
    for each in _due(database, clock):
        if each["is_edited"]:
            with database.transaction(limits=LET_GO) as connection:
                now = database_time(connection, clock.database_now())
                turn_page(connection, each["user_id"], campaign_id=each["campaign_id"], now=now)


def take_in(
    database: Database,
    *,
    clock: Clock,
    prices: Prices,
    progress: Progress = lambda _: None,
) -> list[Launched]:
    """Take into open days whom it is time for; return what was written, or why a campaign was paused instead."""
    turn = _Turn(database, clock, prices, progress)
    taken = [turn.take(each) for each in _due(database, clock) if not each["is_edited"]]
    return [launched for launched in taken if launched is not None]


def _due(database: Database, clock: Clock) -> list[dict[str, Any]]:
    with database.transaction(read_only=True) as connection:
        return connection.execute(statement(__package__, "standing_due"), {"now": clock.database_now()}).fetchall()


@dataclass(frozen=True, slots=True)
class _Turn:
    """What the days that are looked at in one turn have in common."""

    database: Database
    clock: Clock
    prices: Prices
    progress: Progress

    def take(self, due: Mapping[str, Any]) -> Launched | None:
        """Do what is due in one day; None where nobody got a text written. What cannot go on is paused."""
        user_id, occurrence_id = due["user_id"], due["occurrence_id"]
        try:
            looked = due["is_look_due"] and self._lease(user_id, occurrence_id)
            return _joined([*self._take(user_id, occurrence_id, is_looking=looked)])
        except ConfigurationError:
            raise  # the database, the settings: no fault of the campaign's
        except psycopg.errors.UniqueViolation as error:  # another daemon wrote it first: the next look sees that
            event("looked at twice", occurrence=occurrence_id, error=str(error).splitlines()[0])
            return None
        except LumiereError as error:
            return self._pause(due, str(error))
        except (psycopg.DataError, psycopg.IntegrityError) as error:  # a customer's row cannot be read or written
            return self._pause(due, f"a customer's data cannot be used: {str(error).splitlines()[0]}")

    def _lease(self, user_id: UUID, occurrence_id: UUID) -> bool:
        with self.database.transaction(limits=LET_GO) as connection:
            now = self.clock.database_now()
            return lease_day(connection, user_id, occurrence_id=occurrence_id, every=LOOK_EVERY, now=now)

    def _take(self, user_id: UUID, occurrence_id: UUID, *, is_looking: bool) -> Iterator[Launched]:
        if is_looking:
            with self._held(user_id, occurrence_id) as (connection, day):
                if day:
                    yield self._look(connection, day)
        people = 1
        while people:  # one transaction after the other, so that none holds many people for long
            with self._held(user_id, occurrence_id) as (connection, day):
                if day is None or day.definition.type != "drip":
                    return
                taken = take_steps(connection, tenant_of(connection, user_id), day)
                people = taken.people
                if taken.tally.matched:
                    yield self._note(connection, day, taken.tally, name="add_to_day")

    @contextmanager
    def _held(self, user_id: UUID, occurrence_id: UUID) -> Iterator[tuple[Connection, Day | None]]:
        with self.database.transaction(limits=_LIMITS) as connection:
            now = self.clock.database_now()
            yield connection, hold_day(connection, user_id, occurrence_id=occurrence_id, now=now)

    def _look(self, connection: Connection, day: Day) -> Launched:
        tenant = tenant_of(connection, day.user_id)
        if day.definition.type == "reminder":
            return self._note(connection, day, remind(connection, tenant, day), name="set_day")
        if entered := enter(connection, tenant, day, progress=self.progress):
            event("entered", campaign=day.name, people=entered)
        return Launched(day.user_id, day.name, day.occurrence_id)

    def _note(self, connection: Connection, day: Day, tally: Tally, *, name: str) -> Launched:
        """Add what was counted to the day's figures, and say that there is something to claim."""
        tenant = tenant_of(connection, day.user_id)
        way = way_of(self.prices, tenant, day.definition)
        prices = way.prices if way else self.prices
        cost = tally.cost(prices)
        excluded = tally.exclusions.total()
        counted = {"matched": tally.matched, "excluded": excluded, "written": tally.matched - excluded, "cost": cost}
        binds = {**day.binds, **counted, "exclusions": Jsonb(dict(tally.exclusions))}
        connection.execute(statement(__package__, name), binds)
        if tally.recipients:
            connection.execute("NOTIFY lumiere_sms")
        return Launched.of(day.user_id, day.name, day.occurrence_id, tally=tally, prices=prices)

    def _pause(self, due: Mapping[str, Any], problem: str) -> Launched | None:
        reason, now = f"cannot go on: {problem}", self.clock.database_now()
        with self.database.transaction() as connection:
            if not pause_by_rule(connection, due["user_id"], due["campaign_id"], reason=reason, now=now):
                return None
        return Launched(due["user_id"], due["name"], due["occurrence_id"], problem=problem)


def _joined(taken: Sequence[Launched]) -> Launched | None:
    """Return what several transactions of one turn wrote as one; None where they wrote to nobody."""
    written = [each for each in taken if each.kept]
    if not written:
        return None
    exclusions = sum((Counter(each.exclusions) for each in taken), Counter[str]())
    return replace(
        written[0],
        matched=sum(each.matched for each in taken),
        kept=sum(each.kept for each in taken),
        parts=sum(each.parts for each in taken),
        exclusions=dict(exclusions),
        cost_estimate=sum((each.cost_estimate for each in taken), Decimal(0)),
    )
