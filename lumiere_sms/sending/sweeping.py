"""Puts right what time did: leases that are over, windows that have ended, runs that are finished.

Every statement is safe on any number of hosts at once, so there is no leader.
"""

from collections import Counter

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.logs import event


def sweep(database: Database, *, clock: Clock) -> Counter[str]:
    """Reap, expire, complete; return how many recipients became pending, unknown or expired, and what completed."""
    swept = reap(database, clock=clock) + expire(database, clock=clock)
    for name in complete_finished(database, now=clock.database_now()):
        event("completed", campaign=name)
        swept["completed"] += 1
    return swept


def reap(database: Database, *, clock: Clock) -> Counter[str]:
    """Take back the leases that are over, tenant by tenant."""
    now = clock.database_now()
    with database.transaction() as connection:
        tenants = recipients.expired_leases(connection, now=now)
    reaped: Counter[str] = Counter()
    for user_id in tenants:
        with database.transaction(limits=LET_GO) as connection:
            reaped += recipients.reap(connection, user_id, now=now)
    if reaped:
        event("reaped", **reaped)
    return reaped


def expire(database: Database, *, clock: Clock) -> Counter[str]:
    """Let go of recipients whose last window has ended, occurrence by occurrence, paused ones included."""
    with database.transaction() as connection:
        live = connection.execute(statement(__package__, "live_occurrences"), {"now": clock.database_now()}).fetchall()
    expired = 0
    for each in live:
        with database.transaction(limits=LET_GO) as connection:
            expired += recipients.expire(
                connection, each["user_id"], occurrence_id=each["occurrence_id"], now=each["now"]
            )
    if expired:
        event("expired", recipients=expired)
    return Counter(expired=expired) if expired else Counter()
