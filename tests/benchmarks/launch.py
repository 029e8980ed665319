"""Launch: a million customers frozen into recipients, against COPY of the same recipients ready-made.

A launch reads the audience, renders each text, counts its parts and copies the rows; the floor is the last
step alone: the very bytes that the launch left behind, into the same table with the same indexes and keys,
in one transaction. Memory is the peak above what the process held before.
"""

from collections.abc import Iterator
from functools import partial
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, LiteralString

from measuring import Figure, Goal, environment, resident_mib, run_side, turns
from people import add_people, one, vacuum
from server import Server, default_tenant

from lumiere_sms.database.connection import Database

ROWS = 1_000_000
BLOCK = 1 << 18  # bytes
SPEED = Goal("≥ 0.5 × COPY", at_least=0.5)
MEMORY = Goal("≤ 64 MiB above idle", at_most=64)

DEFINITIONS = """
templates:
  greeting:
    content: "{{ last_name | sama }}、いつもありがとうございます。次回のご予約をお待ちしております。"
campaigns:
  thanks: {template: greeting, type: blast, segment: all, schedule: now, send_rate_per_minute: 100000}
"""
_COLUMNS: LiteralString = (
    "user_id, occurrence_id, campaign_id, id, customer_id, phone_number, timezone, send_after, expires_at,"
    " personalized_content, encoding, segments_used"
)
_UNDO: tuple[LiteralString, ...] = (
    "TRUNCATE campaign_recipients",
    "UPDATE campaign_occurrences SET status = 'scheduled', launched_at = NULL",
    "UPDATE sms_campaigns SET status = 'scheduled'",
)


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Launch a campaign to `rows` customers (a million unless told) in turns with the COPY."""
    database = server.new_database()
    add_people(database, default_tenant(database), rows or ROWS)
    _schedule(database)
    with TemporaryDirectory(prefix="benchmark-rows-") as folder:
        file = Path(folder) / "recipients"
        _run("launched", database)
        _keep_rows(database, file)
        found = turns(runs, lambda: _run("launched", database), lambda: _run("copied", database, str(file)))
    server.drop(database)
    ours, floor = zip(*found, strict=True)
    rates, floors = (tuple(side["rows"] / side["seconds"] for side in sides) for sides in (ours, floor))
    yield Figure("launch", f"{ours[0]['rows']:,} recipients", "rows/s", rates, floors, "COPY of them ready-made", SPEED)
    yield Figure("launch", "peak memory above idle", "MiB", tuple(side["mib"] for side in ours), goal=MEMORY)


def _schedule(database: Database) -> None:
    from lumiere_sms.campaigns.apply import apply  # noqa: PLC0415 - this process only prepares
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415
    from lumiere_sms.definitions.reading import read_definitions  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        file = Path(folder) / "campaigns.yaml"
        file.write_text(DEFINITIONS, encoding="utf-8")
        definitions = read_definitions([file])
    apply(database, find_tenant(database, "default"), definitions, checksum=None, clock=SystemClock())


def _run(side: str, database: Database, *arguments: str) -> dict[str, Any]:
    """Run a side on a database where nothing is launched."""
    with database.transaction() as connection:
        for statement in _UNDO:
            connection.execute(statement)
    vacuum(database)
    return run_side("launch", side, *arguments, env=environment(DATABASE_URL=database.url))


def _keep_rows(database: Database, file: Path) -> None:
    with (
        database.transaction() as connection,
        connection.cursor().copy(f"COPY campaign_recipients ({_COLUMNS}) TO STDOUT (FORMAT binary)") as copy,
        file.open("wb") as out,
    ):
        out.writelines(copy)


def launched() -> dict[str, Any]:
    """Launch what is due, in this process."""
    from lumiere_sms.campaigns.launch import launch_due  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415
    from lumiere_sms.providers.prices import list_price  # noqa: PLC0415

    database = Database(environ["DATABASE_URL"])
    one(database, "SELECT 1 AS connected")
    list_price("twilio", "JP")
    idle, begun = resident_mib(), monotonic()
    (found,) = launch_due(database, clock=SystemClock(), prices=partial(list_price, "twilio"))
    seconds = monotonic() - begun
    if not found.kept or found.kept != found.matched:
        raise SystemExit(f"not everybody was launched: {found}")
    return {"rows": found.kept, "seconds": seconds, "mib": resident_mib("VmHWM") - idle}


def copied(file: str) -> dict[str, Any]:
    """Copy the rows that a launch made, ready as they are."""
    database = Database(environ["DATABASE_URL"])
    one(database, "SELECT 1 AS connected")
    begun = monotonic()
    with (
        Path(file).open("rb") as rows,
        database.transaction() as connection,
        connection.cursor().copy(f"COPY campaign_recipients ({_COLUMNS}) FROM STDIN (FORMAT binary)") as copy,
    ):
        while block := rows.read(BLOCK):
            copy.write(block)
    seconds = monotonic() - begun
    return {"rows": one(database, "SELECT count(*) AS rows FROM campaign_recipients")["rows"], "seconds": seconds}
