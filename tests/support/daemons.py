"""Daemons that do what is due: several at one moment, and such as die over it."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from threading import Barrier, Thread
from typing import Any

import psycopg
from support.salon import prices

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.database.connection import Database
from lumiere_sms.testing.clocks import FrozenClock


def at_once(*doings: Any) -> None:
    """Do several things at the same time."""
    barrier = Barrier(len(doings))

    def started(doing: Any) -> None:
        barrier.wait()
        doing()

    threads = [Thread(target=started, args=[doing]) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def dies_at(number: int, database_url: str, now: datetime) -> bool:
    """Do what is due in a process of its own that is killed before its statement of that number; say whether it was."""
    return killed_at(number, database_url, lambda own: do_what_is_due(own, clock=FrozenClock(now), prices=prices))


def killed_at(number: int, database_url: str, doing: Callable[[Database], Any]) -> bool:
    """Do something in a process of its own that is killed before its statement of that number; say whether it was."""
    if (child := os.fork()) == 0:
        statements = iter(range(1, 1_000_000))
        execute = psycopg.Cursor.execute

        def counted(*arguments: Any, **options: Any) -> Any:
            if next(statements) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(*arguments, **options)

        psycopg.Cursor.execute = counted
        try:
            with closing(Database(database_url)) as own:
                doing(own)
            os._exit(0)
        finally:
            os._exit(1)  # the other process goes on with the tests
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, "it did not come to its end"
    return os.WIFSIGNALED(status)
