"""Budgets in tests: set one, look at one, and a worker that claims, arms and settles until nothing goes any more."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from support.seeds import Seeded, arm

from lumiere_sms.campaigns import budgets, recipients
from lumiere_sms.campaigns.budget_setting import Scope, Wish, read_wish, set_budget
from lumiere_sms.campaigns.recipients import Asked, Cursor, Outcome, Result, Rooms
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import find_tenant

SENDER = "+15005550006"


def budget(
    database: Database, amount: str, *, clock: Clock, slug: str = "default", currency: str = "USD", **scope: str
) -> Scope:
    wish: Wish = read_wish(amount, currency=currency, listed=currency, by="operator", now=clock.database_now())
    return set_budget(database, find_tenant(database, slug), wish, **scope, clock=clock)


def sums(database: Database) -> list[tuple[str, ...]]:
    """Return reserved, committed and adjusted of every budget, the oldest first."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT reserved, committed, adjusted FROM budgets ORDER BY id").fetchall()
    return [tuple(f"{row[name]:.2f}" for name in ("reserved", "committed", "adjusted")) for row in rows]


def ask_for(connection: Connection, seeded: Seeded, *, daemon: UUID, limit: int, now: datetime) -> list[Asked]:
    claimed, _ = recipients.claim(
        connection,
        seeded.user_id,
        occurrence_id=seeded.occurrence_id,
        daemon=daemon,
        limit=limit,
        rooms=Rooms((1000,), (1000,)),
        now=now,
        cursor=Cursor(),
    )
    return [recipients.ask(each, campaign_id=seeded.campaign_id, sender=SENDER) for each in claimed]


def arm_some(database: Database, seeded: Seeded, *, texts: int, now: datetime) -> list[Asked]:
    """Claim and arm; return those that passed."""
    daemon = new_id()
    with database.transaction() as connection:
        asked = ask_for(connection, seeded, daemon=daemon, limit=texts, now=now)
    with database.transaction() as connection:
        armed = arm(connection, seeded.user_id, asked, daemon=daemon, now=now)
    return [each for each in asked if each.attempt_id in armed.passed]


def settle(database: Database, seeded: Seeded, asked: list[Asked], outcome: Outcome, *, now: datetime) -> None:
    """Settle as the dispatcher does: budgets are held first, and counted in the same transaction."""
    ids = [each.attempt_id for each in asked]
    results = [_result(each, outcome) for each in asked]
    with database.transaction() as connection:
        budgets.hold(connection, seeded.user_id, ids)
        recipients.settle(connection, seeded.user_id, results, now=now)
        if outcome is Outcome.ACCEPTED:
            budgets.commit(connection, seeded.user_id, ids, now=now)
        elif outcome is not Outcome.UNKNOWN:
            budgets.release(connection, seeded.user_id, ids, now=now)


def _result(asked: Asked, outcome: Outcome) -> Result:
    found: dict[str, Any] = {"message_id": f"M{asked.attempt_id}"} if outcome is Outcome.ACCEPTED else {}
    cost = Decimal("0.01") * asked.parts
    return Result(
        asked.attempt_id, asked.id, asked.fence, asked.campaign_id, outcome, cost=cost, currency="USD", **found
    )
