import asyncio
import logging

import pytest

from lumiere_sms.daemon import Summary, _guard
from lumiere_sms.database.connection import DatabaseLostError
from lumiere_sms.errors import ConfigurationError, LumiereError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(DatabaseLostError("gone"), "database lost", id="a database that is lost"),
        pytest.param(ConfigurationError("full"), "job refused", id="a disk that is full"),
        pytest.param(ZeroDivisionError(), "job failed", id="a bug"),
    ],
)
def test_a_job_that_fails_is_said_and_takes_nothing_along(caplog, error, said):
    async def job() -> None:
        raise error

    with caplog.at_level(logging.INFO, "lumiere_sms"):
        asyncio.run(_guard("launch", job))

    assert [record.getMessage() for record in caplog.records] == [said]


def test_a_job_at_the_start_passes_on_what_an_operator_mends():
    async def job() -> None:
        raise ConfigurationError("no prices")

    with pytest.raises(ConfigurationError, match="no prices"):
        asyncio.run(_guard("launch", job, passing=LumiereError))


def test_a_summary_is_one_line_that_says_what_needs_a_person():
    summary = Summary(
        ("spring",), {"accepted": 3, "unknown": 1}, unknown=1, paused=("summer",), why="down", exit_code=8
    )

    assert str(summary) == (
        "launched 1; 3 accepted, 1 unknown; 1 unknown: lumiere-sms campaign recipients NAME --status unknown;"
        " paused by a rule: summer; held up: down"
    )


def test_a_summary_of_nothing_says_so():
    assert str(Summary((), {}, unknown=0, paused=(), why="")) == "launched 0; nothing to send"


def test_ctrl_c_in_the_first_launch_ends_the_run_and_is_not_taken_for_a_failed_job():
    async def launching() -> None:
        await asyncio.sleep(60)

    async def interrupted() -> None:
        task = asyncio.create_task(_guard("launch", launching))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
