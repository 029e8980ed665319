"""Sending: texts a second of `run --once`, durable in every step, against the bare SDK without a database.

The floor is what anybody would write first: the provider's asynchronous SDK, as many calls in flight as
the daemon has slots, the same texts, nothing recorded. Two floors: with the SDK's own HTTP client (what the
goal is about), and with ours (what the engine costs on top). All use asyncio's own event loop and the
stand-in. The engine's time runs from the first text armed to the last one settled, by the database's clock:
that is its speed however long a run is. What a single run adds (looking for what is due, polling for
receipts, the interpreter's start) is told beside it.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from measuring import Figure, Goal, environment, resident_mib, run_process, run_side, turns
from people import one
from provider import ACCOUNT, SENDER, TOKEN, open_provider
from server import Server, default_tenant

from lumiere_sms.database.connection import Database

SLOTS = 64
VALIDITY = 14_400
ROWS = 20_000
STOCK_LOOP, LEAN_LOOP = "the SDK alone, its own client", "the SDK alone, our client"
STOCK, LEAN, DATABASE, MEMORY = (
    Goal("≥ 1.0 × the stock loop", at_least=1.0),
    Goal("≥ 0.85 × our own loop", at_least=0.85),
    Goal("≤ 40 CPU-µs", at_most=40),
    Goal("≤ 100 MiB", at_most=100),
)


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Send `rows` texts (20,000 unless told) in turns with both floors."""
    texts = rows or ROWS
    seeded = server.new_database()
    seed(seeded, texts)
    with open_provider() as url:
        found = turns(
            runs,
            lambda: engine_run(server, seeded, url),
            lambda: run_side("sending", "bare", "stock", str(texts), url),
            lambda: run_side("sending", "bare", "lean", str(texts), url),
            lambda: _command(server, seeded, url, texts),
        )
    server.drop(seeded)
    yield from _figures(found)


def _figures(found: list[tuple[dict[str, Any], ...]]) -> Iterator[Figure]:
    engines, stocks, leans, commands = zip(*found, strict=True)
    stock, lean, wire = _rates(stocks), _rates(leans), _rates(engines, "wire_seconds")
    yield Figure("sending", "first arm to last settlement", "texts/s", wire, stock, STOCK_LOOP, STOCK)
    yield Figure("sending", "first arm to last settlement", "texts/s", wire, lean, LEAN_LOOP, LEAN)
    yield Figure("sending", "run --once, in its process", "texts/s", _rates(engines), stock, STOCK_LOOP)
    yield Figure("sending", "run --once, the whole process", "texts/s", _rates(commands), stock, STOCK_LOOP)
    yield Figure("sending", "client", "CPU-µs/text", _costs(engines), _costs(stocks), STOCK_LOOP)
    yield Figure("sending", "database", "CPU-µs/text", _costs(engines, "database_cpu_seconds"), goal=DATABASE)
    yield Figure("sending", "peak memory", "MiB", tuple(side["peak_mib"] for side in engines), goal=MEMORY)


def _rates(sides: Sequence[dict[str, Any]], seconds: str = "seconds") -> tuple[float, ...]:
    return tuple(side["texts"] / side[seconds] for side in sides)


def _costs(sides: Sequence[dict[str, Any]], seconds: str = "cpu_seconds") -> tuple[float, ...]:
    return tuple(1e6 * side[seconds] / side["texts"] for side in sides)


def engine_run(server: Server, seeded: Any, url: str, *, slots: int = SLOTS) -> dict[str, Any]:
    """Send all of a copy of `seeded` in a process of its own; return what that took."""
    database = server.new_database(like=seeded)
    before = server.cpu_seconds()
    said = run_side("sending", "engine", env=settings(database.url, url, slots=slots))
    said["database_cpu_seconds"] = server.cpu_seconds() - before
    said["wire_seconds"] = wire_seconds(database)
    server.drop(database)
    return said


def _command(server: Server, seeded: Any, url: str, texts: int) -> dict[str, Any]:
    database = server.new_database(like=seeded)
    command = [sys.executable, "-m", "lumiere_sms", "run", "--once", "--json"]
    took = run_process(command, env=settings(database.url, url))
    server.drop(database)
    _check(json.loads(took.said)["texts"], texts)
    return {"texts": texts, "seconds": took.seconds, "cpu_seconds": took.cpu_seconds}


def wire_seconds(database: Database) -> float:
    """Return how long it took from the first arm to the last settlement, by the database's clock."""
    return float(one(database, _ON_THE_WIRE)["seconds"])


_ON_THE_WIRE = "SELECT extract(epoch FROM max(settled_at) - min(started_at))::float8 AS seconds FROM submissions"


def settings(database_url: str, url: str, *, slots: int = SLOTS) -> dict[str, str]:
    """Return the environment of an engine that nothing holds up but its slots."""
    return environment(
        DATABASE_URL=database_url,
        TWILIO_ACCOUNT_SID=ACCOUNT,
        TWILIO_AUTH_TOKEN=TOKEN,
        LUMIERE_SMS_TWILIO_BASE_URL=url,
        LUMIERE_SMS_TWILIO_FROM=SENDER,
        LUMIERE_SMS_PARTS_PER_SECOND="999999",
        LUMIERE_SMS_SLOTS=str(slots),
        LUMIERE_SMS_DATA_DIR="/nonexistent",
    )


def seed(database: Any, texts: int) -> None:
    """Make a running campaign whose pace and window hold nothing up: it is about noon where the people are."""
    sys.path.append(str(Path(__file__).parents[1]))
    from support.seeds import seed_campaign  # noqa: PLC0415 - the tests' own folder

    now = datetime.now(UTC)
    zone = f"Etc/GMT{now.hour - 12:+d}"  # signs are reversed in these names
    tenant = default_tenant(database)
    seeded = seed_campaign(database, tenant, now=now, texts=0, zone=zone, timezone=zone, batch_size=10_000)
    binds = {"user_id": tenant, "occurrence_id": seeded.occurrence_id, "campaign_id": seeded.campaign_id, "now": now}
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_occurrences SET send_rate_per_minute = 100000000")
        connection.execute(_RECIPIENTS, {**binds, "zone": zone, "texts": texts})
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE")
    database.close()


#: Keys that grow, as UUIDv7 do.
_RECIPIENTS = """
    INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,
        personalized_content, encoding, segments_used, send_after, expires_at)
    SELECT %(user_id)s, ('01980000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, %(occurrence_id)s,
        %(campaign_id)s, '+8190' || lpad(number::text, 8, '0'), %(zone)s, 'text ' || number || ' of spring', 'gsm7', 1,
        %(now)s, %(now)s + interval '5 hours'
    FROM generate_series(1, %(texts)s) AS number
"""


def engine() -> dict[str, Any]:
    """Send what is due as `run --once` does, in this process."""
    from lumiere_sms import logs  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.daemon import Runner  # noqa: PLC0415
    from lumiere_sms.runtime import Runtime  # noqa: PLC0415
    from lumiere_sms.settings import Settings  # noqa: PLC0415

    logs.set_up(as_json=False)
    runner = Runner(Runtime(Settings.read()))
    begun, cpu = monotonic(), process_time()
    summary = asyncio.run(runner.run(once=True))
    return _measured(begun, cpu, texts=_check(summary.texts))


def bare(client: str, texts: str, url: str) -> dict[str, Any]:
    """Send texts with the SDK alone, through its own HTTP client (`stock`) or ours (`lean`)."""
    from twilio.http.async_http_client import AsyncTwilioHttpClient  # noqa: PLC0415
    from twilio.rest import Client  # noqa: PLC0415

    from lumiere_sms.providers.twilio_http import LeanHttpClient  # noqa: PLC0415

    async def send_all() -> None:
        lean = LeanHttpClient(slots=SLOTS, connect_timeout=3.0, read_timeout=31.0) if client == "lean" else None
        http = lean or AsyncTwilioHttpClient()
        sdk = Client(ACCOUNT, TOKEN, http_client=http)
        sdk.api.base_url = url
        numbers = iter(range(int(texts)))
        await asyncio.gather(*(_send(sdk.messages, numbers) for _ in range(SLOTS)))
        await http.close()

    begun, cpu = monotonic(), process_time()
    asyncio.run(send_all())
    return _measured(begun, cpu, texts=int(texts))


async def _send(messages: Any, numbers: Iterator[int]) -> None:
    for number in numbers:
        sent = await messages.create_async(
            to=f"+8190{number:08d}", body=f"text {number} of spring", validity_period=VALIDITY, from_=SENDER
        )
        assert sent.sid.startswith("SM")


def _check(outcomes: dict[str, int], expected: int | None = None) -> int:
    """Check that every text was accepted, and return how many."""
    accepted = outcomes.get("accepted", 0)
    if set(outcomes) != {"accepted"} or (expected is not None and accepted != expected):
        raise SystemExit(f"not every text was accepted: {outcomes}")
    return accepted


def _measured(begun: float, cpu: float, *, texts: int) -> dict[str, Any]:
    return {
        "texts": texts,
        "seconds": monotonic() - begun,
        "cpu_seconds": process_time() - cpu,
        "peak_mib": resident_mib("VmHWM"),
    }
