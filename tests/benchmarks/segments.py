"""Segments: how long an operator waits for the size of one, and for its preview, among a million customers.

The floor is counting all of the tenant's customers, which no index answers for free. Each figure is the time
of one call, its database included, on a connection that is open.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from measuring import Figure, Goal, turns
from people import add_people
from server import Server, default_tenant

from lumiere_sms.audience.eligibility import count_audience
from lumiere_sms.audience.preview import preview_audience
from lumiere_sms.database.connection import Connection

ROWS = 1_000_000
GOAL = Goal("< 100 ms", at_most=100)
FLOOR = "SELECT count(*) of the tenant's customers"
LAPSED = {"filters": {"last_visit_days": {"min": 60, "max": 90}, "visit_count": {"min": 5}, "tags": ["vip"]}}
REGULARS = {"criteria": {"field": "visit_count", "operator": "gte", "value": 10}}
AT_LEAST = 5  # turns


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Preview and count a narrow and a broad segment of `rows` customers (a million unless told)."""
    database = server.new_database()
    user_id = default_tenant(database)
    add_people(database, user_id, rows or ROWS)
    today = datetime.now(UTC).date()

    def preview(connection: Connection, target: dict[str, Any]) -> None:
        preview_audience(connection, user_id, target=target, today=today)

    def count(connection: Connection, target: dict[str, Any]) -> None:
        count_audience(connection, user_id, target=target, campaign_type="promotional", today=today)

    def everybody(connection: Connection) -> None:
        connection.execute("SELECT count(*) FROM customers WHERE user_id = %s", [user_id]).fetchone()

    with database.transaction() as connection:
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        for name, target in (("lapsed (0.4 %)", LAPSED), ("regulars (75 %)", REGULARS)):
            for what, step in (("preview", preview), ("who gets a campaign", count)):
                found = turns(
                    max(runs, AT_LEAST),
                    lambda step=step, target=target: _milliseconds(step, connection, target),
                    lambda: _milliseconds(everybody, connection),
                )
                values, floors = zip(*found, strict=True)
                goal = GOAL if what == "preview" else None
                yield Figure("segments", f"{what}, {name}", "ms", values, floors, FLOOR, goal, goal_is_of_value=True)
    server.drop(database)


def _milliseconds(step: Callable[..., None], connection: Connection, *arguments: Any) -> float:
    begun = monotonic()
    step(connection, *arguments)
    return 1000 * (monotonic() - begun)
