"""Plan: who, what, when and cost of a campaign to a million customers, against only reading those customers.

A plan freezes everybody as a launch would and keeps the counts; the floor reads the same rows of the same audience
query through the same cursor, and does nothing with them. Memory is the peak above what the process held before.
"""

from collections.abc import Iterator
from functools import partial
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from measuring import Figure, Goal, environment, resident_mib, run_side, turns
from people import add_people, one, vacuum
from server import Server, default_tenant

from lumiere_sms.database.connection import Database

ROWS = 1_000_000
SECONDS = Goal("≤ 30 s", at_most=30)
MEMORY = Goal("≤ 64 MiB above idle", at_most=64)
DEFINITIONS = """
campaigns:
  thanks:
    message: "{{ last_name | sama }}、いつもありがとうございます。次回のご予約をお待ちしております。"
    segment: all
    schedule: "2031-04-01 10:00"
    send_rate_per_minute: 100000
"""


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Plan a campaign to `rows` customers (a million unless told) in turns with reading them."""
    database = server.new_database()
    add_people(database, default_tenant(database), rows or ROWS)
    vacuum(database)
    env = environment(DATABASE_URL=database.url)
    found = turns(runs, lambda: run_side("plan", "planned", env=env), lambda: run_side("plan", "read", env=env))
    server.drop(database)
    ours, floor = zip(*found, strict=True)
    times, floors = (tuple(side["seconds"] for side in sides) for sides in (ours, floor))
    yield Figure(
        "plan", f"{ours[0]['rows']:,} customers", "s", times, floors, "reading them", SECONDS, goal_is_of_value=True
    )
    yield Figure("plan", "peak memory above idle", "MiB", tuple(side["mib"] for side in ours), goal=MEMORY)


def planned() -> dict[str, Any]:
    """Plan, in this process."""
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415
    from lumiere_sms.definitions.reading import read_definitions  # noqa: PLC0415
    from lumiere_sms.planning.plan import make_plan  # noqa: PLC0415
    from lumiere_sms.providers.prices import list_price  # noqa: PLC0415

    database = Database(environ["DATABASE_URL"])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "campaigns.yaml"
        file.write_text(DEFINITIONS, encoding="utf-8")
        definitions = read_definitions([file])
    tenant, prices = find_tenant(database, "default"), partial(list_price, "twilio")
    prices("JP")
    idle, begun = resident_mib(), monotonic()
    plan = make_plan(database, tenant, definitions, clock=SystemClock(), prices=prices, parts_per_second=1000)
    seconds = monotonic() - begun
    return {"rows": plan.campaigns[0].matched, "seconds": seconds, "mib": resident_mib("VmHWM") - idle}


def read() -> dict[str, Any]:
    """Read the rows that the plan reads, and drop them."""
    from datetime import date  # noqa: PLC0415 - as above

    from lumiere_sms.audience.eligibility import audience_query  # noqa: PLC0415
    from lumiere_sms.campaigns.freezing import audience_batches  # noqa: PLC0415

    database = Database(environ["DATABASE_URL"])
    user_id = one(database, "SELECT id FROM users")["id"]
    begun = monotonic()
    with database.transaction(read_only=True) as connection:
        connection.execute("SET LOCAL cursor_tuple_fraction = 1.0")
        about: dict[str, Any] = {"target": {"segment": None, "criteria": None}, "campaign_type": "blast"}
        query = audience_query(connection, user_id, today=date(2031, 4, 1), **about)
        rows = sum(map(len, audience_batches(connection, query, columns=("last_name",))))
    return {"rows": rows, "seconds": monotonic() - begun}
