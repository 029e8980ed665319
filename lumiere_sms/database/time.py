"""The database's clock: the one that all hosts share, whatever their own say."""

from datetime import datetime

from lumiere_sms.database.connection import Connection


def database_time(connection: Connection, now: datetime | None) -> datetime:
    """Return the instant at which the transaction began, or `now`, where a virtual clock stands for it."""
    row = connection.execute("SELECT coalesce(%(now)s::timestamptz, now()) AS now", {"now": now}).fetchone()
    assert row is not None
    instant: datetime = row["now"]
    return instant
