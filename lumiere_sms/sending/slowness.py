"""Which provider delivers slowly: it gets less of what is balanced by weight, 10 points at a time.

What is slow is not broken, so nothing is moved at once (the rule of GOV.UK Notify): a provider loses 10 of its 100
points each minute in which 15 % of its last texts took over 5 minutes to arrive, and has them back, 10 every 5
minutes, when it was quick for a quarter of an hour.
"""

from datetime import datetime, timedelta
from typing import LiteralString

from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider

EVERY = 60.0  # seconds
SLOW = timedelta(minutes=5)
SLOW_PART = 0.15
FEWEST = 20  # texts that say anything


def weigh(database: Database, provider: Provider, *, now: datetime | None) -> None:
    """Take weight from a provider that is slow, or give it back; safe to be called by every daemon, every minute."""
    if not (provider.has_receipts or provider.has_events):
        return
    binds = {"provider": provider.name, "now": now, "slow": SLOW}
    with database.transaction(read_only=True) as connection:
        found = connection.execute(statement(__package__, "slow_deliveries"), binds).fetchone() or {}
    is_slow = found["texts"] >= FEWEST and found["slow"] >= SLOW_PART * found["texts"]
    with database.transaction(limits=LET_GO) as connection:
        moved = connection.execute(_LESS if is_slow else _MORE, binds).fetchone()
    if moved:
        event("weight moved", provider=provider.name, weight=moved["weight"], slow=found["slow"], texts=found["texts"])


_LESS: LiteralString = """
    UPDATE provider_health
    SET weight = greatest(weight - 10, 0), weight_at = coalesce(%(now)s::timestamptz, now())
    WHERE provider = %(provider)s
      AND (weight_at IS NULL OR weight_at <= coalesce(%(now)s::timestamptz, now()) - interval '55 seconds')
    RETURNING weight
"""
#: `weight_at` is put so that the next 10 points follow after 5 minutes.
_MORE: LiteralString = """
    UPDATE provider_health
    SET weight = least(weight + 10, 100), weight_at = coalesce(%(now)s::timestamptz, now()) - interval '10 minutes'
    WHERE provider = %(provider)s AND weight < 100
      AND weight_at <= coalesce(%(now)s::timestamptz, now()) - interval '15 minutes'
    RETURNING weight
"""
