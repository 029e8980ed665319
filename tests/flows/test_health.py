import asyncio
import random
from collections.abc import Callable, Coroutine
from time import monotonic

import pytest

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.sending import standings
from lumiere_sms.sending.health import Health
from lumiere_sms.sending.host import Host
from lumiere_sms.testing.scripted import ScriptedProvider


class Checked(ScriptedProvider):
    """Answers its checks by script: an error, or words; well when there are none left."""

    def __init__(self, *answers: Exception | str) -> None:
        super().__init__()
        self.answers = list(answers)
        self.checks = 0

    async def check(self) -> str:
        self.checks += 1
        answer = self.answers.pop(0) if self.answers else "well"
        if isinstance(answer, Exception):
            raise answer
        return answer


class Silent(ScriptedProvider):
    async def check(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def health_of(database, clock) -> Callable[[ScriptedProvider], Health]:
    standings.register(database, "scripted")

    def make(provider: ScriptedProvider) -> Health:
        health = Health(Host(database, new_id(), clock, random.Random(1)), provider)
        health.tick, health.patience = 0.005, 0.1
        return health

    return make


def state(database) -> str:
    with database.transaction() as connection:
        return standings.standing_of(connection, "scripted", now=None).state


def probed(database) -> tuple[str, int]:
    with database.transaction() as connection:
        row = connection.execute("SELECT state, probes FROM provider_health").fetchone()
    return row["state"], row["probes"]


def watched(*healths: Health, until: Callable[[], bool]) -> None:
    async def watch() -> None:
        watches = [asyncio.create_task(health.watch()) for health in healths]
        while not until():  # noqa: ASYNC110 - what is waited for is a row
            await asyncio.sleep(0.005)
        for each in watches:
            each.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    asyncio.run(watch())


def failing(work: Coroutine[object, object, object]) -> Exception:
    async def catch() -> Exception:
        try:
            await work
        except (RejectedError, UnavailableError) as error:
            return error
        raise AssertionError

    return asyncio.run(catch())


def test_an_idle_provider_is_checked_by_one_daemon_of_all(database, health_of):
    here, there = Checked(), Checked()
    ticks = iter(range(30))

    watched(health_of(here), health_of(there), until=lambda: here.checks + there.checks and next(ticks, None) is None)

    assert here.checks + there.checks == 1


def test_an_idle_provider_is_checked_again_after_half_a_minute(clock, health_of):
    provider = Checked()
    health = health_of(provider)
    watched(health, until=lambda: provider.checks == 1)

    clock.advance(standings.CHECK_EVERY)

    watched(health, until=lambda: provider.checks == 2)


def test_an_idle_provider_that_does_not_answer_is_found_out_before_a_text_is(database, health_of):
    provider = Checked(*[UnavailableError("no connection")] * 5)

    watched(health_of(provider), until=lambda: state(database) == "open")

    assert provider.checks >= 5


def test_one_check_that_fails_is_looked_into_and_forgotten_when_three_answer(database, health_of):
    provider = Checked(UnavailableError("no connection"))
    health = health_of(provider)
    ticks = iter(range(60))

    watched(health, until=lambda: provider.checks >= 4 and next(ticks, None) is None)

    assert (provider.checks, state(database)) == (4, "closed")


def test_an_account_that_refuses_a_check_is_left_alone_at_once(database, health_of):
    failing(health_of(Checked(RejectedError("no permission"))).check())

    assert state(database) == "open"


def test_a_check_that_gets_no_answer_is_a_failure(database, health_of):
    error = failing(health_of(Silent()).check())

    assert "did not answer" in str(error)


def test_an_account_that_refuses_before_the_start_is_for_the_daemon_to_judge(database, health_of):
    failing(health_of(Checked(RejectedError("no permission"))).greet())

    assert state(database) == "closed"


def test_a_provider_that_is_left_alone_is_checked_every_fifteen_seconds_until_three_answer(database, clock, health_of):
    provider = Checked(UnavailableError("down"))
    health = health_of(provider)
    asyncio.run(health.leave_alone("down"))

    for checks, expected in ((1, ("open", 0)), (2, ("probing", 1)), (3, ("probing", 2)), (4, ("closed", 3))):
        clock.advance(standings.PROBE_EVERY + standings.GRACE)
        watched(health, until=lambda so=(checks, expected): (provider.checks, probed(database)) == so)


def test_a_probe_is_one_daemons(database, clock, health_of):
    health_of(Checked())
    with database.transaction() as connection:
        standings.leave_alone(connection, "scripted", reason="down", now=clock.now())
    clock.advance(standings.PROBE_EVERY)

    taken = []
    for _ in range(2):
        with database.transaction() as connection:
            taken.append(standings.take_probe(connection, "scripted", state="open", now=clock.now()))

    assert taken == [True, False]


def test_a_start_that_is_answered_is_a_probe_too(database, clock, health_of):
    with database.transaction() as connection:
        standings.leave_alone(connection, "scripted", reason="down", now=clock.now())

    asyncio.run(health_of(Checked("well")).greet())

    assert state(database) == "probing"


def test_what_a_claim_read_before_the_provider_was_left_alone_is_out_of_date(health_of):
    health = health_of(Checked())
    asyncio.run(health.leave_alone("down"))

    health.see(standings.Standing(), since=0.0, missed=False)

    assert health.is_open


def test_an_enabled_provider_takes_texts_at_once(database, clock, health_of):
    health_of(Checked())
    with database.transaction() as connection:
        standings.leave_alone(connection, "scripted", reason="down", now=clock.now())
        standings.set_drained(connection, "scripted", is_drained=True)
        standings.set_drained(connection, "scripted", is_drained=False)
        standing = standings.standing_of(connection, "scripted", now=clock.now())

    assert standing.takes_texts


def test_a_provider_without_a_row_is_well(database):
    with database.transaction() as connection:
        assert standings.standing_of(connection, "nobody", now=None).takes_texts
        assert not standings.set_drained(connection, "nobody", is_drained=True)
        assert standings.pass_probe(connection, "nobody", now=None) == ""


def test_what_is_read_before_the_end_of_its_writing_does_not_bring_a_provider_back(database, health_of):
    health = health_of(Checked())

    async def leave_alone() -> bool:
        with database.transaction() as connection:
            connection.execute("SELECT FROM provider_health FOR UPDATE")
            leaving = asyncio.create_task(health.leave_alone("down"))
            await asyncio.sleep(0)
            health.see(standings.Standing(), since=monotonic(), missed=False)
            was_open = health.is_open
        await leaving
        return was_open

    assert (asyncio.run(leave_alone()), health.is_open, state(database)) == (True, True, "open")
