"""Says of texts in doubt that nobody can look up what the doubt rests on: a person reads it and decides.

A provider that reports by itself has a quarter of an hour to name the attempt; one that keeps no records and
reports nothing leaves the doubt as it is from the beginning.
"""

from datetime import timedelta
from typing import Any

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.base import Provider

EVENTS_WITHIN = timedelta(minutes=15)


def note_unprovable(database: Database, provider: Provider, *, clock: Clock) -> int:
    """Write the finding of what is newly beyond proof; return how many texts that are."""
    if provider.has_records:
        return 0
    binds: dict[str, Any] = {
        "provider": provider.name,
        "now": clock.database_now(),
        "within": EVENTS_WITHIN if provider.has_events else timedelta(0),
        "finding": _finding(provider),
    }
    with database.transaction(read_only=True) as connection:
        tenants = connection.execute(statement(__package__, "unprovable_tenants"), binds).fetchall()
    noted = 0
    for each in tenants:
        with database.transaction(limits=LET_GO) as connection:
            noted += connection.execute(
                statement(__package__, "note_unprovable"), {**binds, "user_id": each["user_id"]}
            ).rowcount
    return noted


def _finding(provider: Provider) -> str:
    if provider.has_events:
        return f"{provider.name} reported nothing of it within {EVENTS_WITHIN.seconds // 60} minutes"
    return f"{provider.name} keeps no records that could be looked at"
