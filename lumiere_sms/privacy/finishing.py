"""Finishes erasures: what was on the wire when a person was erased, and who it was when the law's date is over.

A daemon's job. Each step is a transaction of its own and safe on any number of hosts at once.
"""

from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.time import database_time
from lumiere_sms.privacy.erasing import LONGEST_LAUNCH, erase
from lumiere_sms.privacy.subjects import subject_of

_LOOK_AGAIN = timedelta(minutes=5)


def finish_erasures(database: Database, *, clock: Clock) -> int:
    """Look at the erasures that are due; return how many are finished now, or need not be provable any more."""
    now = clock.database_now()
    with database.transaction(read_only=True) as connection:
        due = connection.execute(_DUE, {"now": now}).fetchall()
    finished = 0
    for each in due:
        with database.transaction() as connection:
            finished += _finish(connection, each["user_id"], each["id"], now=now)
    return finished


def _finish(connection: Connection, user_id: UUID, id_: UUID, *, now: datetime | None) -> bool:
    binds: dict[str, Any] = {"user_id": user_id, "id": id_, "now": database_time(connection, now)}
    held = connection.execute(_HOLD, binds).fetchone()
    if held is None:
        return False
    if held["look_at"] is None:
        return connection.execute(_FORGET, binds).rowcount == 1
    if held["look_at"] > binds["now"]:
        return False
    subject = subject_of(connection, user_id, id_)
    left = erase(connection, user_id, subject, now=now).on_the_wire if subject.numbers else 0
    is_over = not left and held["erased_at"] + LONGEST_LAUNCH <= binds["now"]
    wait = _LOOK_AGAIN if left else LONGEST_LAUNCH
    connection.execute(_LOOKED, {**binds, "look_at": None if is_over else binds["now"] + wait})
    return is_over


_DUE: LiteralString = """
    -- cross-tenant: a daemon serves all; nothing is locked
    SELECT user_id, id FROM erasures
    WHERE coalesce(look_at, keep_until) <= coalesce(%(now)s::timestamptz, now())
    ORDER BY user_id, id
    LIMIT 1000
"""
_HOLD: LiteralString = """
    SELECT erased_at, look_at FROM erasures WHERE user_id = %(user_id)s AND id = %(id)s FOR UPDATE SKIP LOCKED
"""
_FORGET: LiteralString = """
    DELETE FROM erasures WHERE user_id = %(user_id)s AND id = %(id)s AND keep_until <= %(now)s AND look_at IS NULL
"""
_LOOKED: LiteralString = "UPDATE erasures SET look_at = %(look_at)s WHERE user_id = %(user_id)s AND id = %(id)s"
