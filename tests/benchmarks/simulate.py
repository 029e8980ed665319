"""Simulate: a month of 50 campaigns, each to everybody, in a scratch copy that is dropped at the end.

What is simulated is all of it: the copy of the state, each launch with its texts rendered, each text claimed, armed
and settled by the product's own statements at the pace, and the calendar read. The floor is the rows alone: two bare
statements a campaign write the same recipients, sent, and their submissions into the same tables of such a copy.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Any, LiteralString

from measuring import Figure, Goal, environment, resident_mib, run_side, turns
from people import add_people
from server import Server, default_tenant

from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.simulation.copying import fleeting_url, make_fleeting

PEOPLE = 100_000
CAMPAIGNS = 50
PACE = 100.0  # parts a second: a short code's
BEGINS = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
MONTH = timedelta(days=31)
ROWS_OF_A_TEXT = 2  # a recipient and its submission
CPU = Goal("≤ 125 CPU-µs a text", at_most=125)
MEMORY = Goal("≤ 128 MiB above idle", at_most=128)

_HEAD = """
templates:
  greeting:
    content: "{{ last_name | sama }}、いつもありがとうございます。次回のご予約をお待ちしております。"
campaigns:
"""
_CAMPAIGN = (
    '  campaign-{number}: {{template: greeting, type: blast, segment: all, schedule: "{at:%Y-%m-%d %H:%M}",'
    " send_rate_per_minute: 100000, expires_after: 3d}}\n"
)


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Simulate a month of 50 campaigns to `rows` people (100,000 unless told); once unless several `runs` are asked."""
    people = rows or PEOPLE
    turned = turns(max(1, runs // 3), lambda: _product(server, people), lambda: _floor(server, people))
    found, floors = zip(*turned, strict=True)
    texts = found[0]["texts"]
    floor = {"floors": floors, "floor_is": "the same rows by bare INSERTs"}
    cpu = tuple(1e6 * each["cpu"] / texts for each in found)
    rates = tuple(ROWS_OF_A_TEXT * texts / each["seconds"] for each in found)
    what = f"{CAMPAIGNS} × {people:,} people, a month"
    yield Figure("simulate", what, "seconds", tuple(each["seconds"] for each in found), **floor)
    yield Figure("simulate", f"{ROWS_OF_A_TEXT * texts:,} rows of {texts:,} texts", "rows/s", rates)
    yield Figure("simulate", "CPU of a text, both sides", "µs", cpu, goal=CPU)
    yield Figure("simulate", "peak memory above idle", "MiB", tuple(each["mib"] for each in found), goal=MEMORY)


def _product(server: Server, people: int) -> dict[str, Any]:
    database = _salon(server, people)
    before = server.cpu_seconds()
    found = _run(database.url)
    found["cpu"] += server.cpu_seconds() - before
    server.drop(database)
    return found


def _floor(server: Server, people: int) -> float:
    database = _salon(server, people)
    scratch = Database(fleeting_url(database.url))
    make_fleeting(scratch)
    user_id, begun = default_tenant(scratch), monotonic()
    for number in range(CAMPAIGNS):
        run = {"user_id": user_id, "occurrence_id": new_id(), "at": BEGINS + number * MONTH / CAMPAIGNS}
        with scratch.transaction() as connection:
            connection.execute(_RECIPIENTS, run)
            connection.execute(_SUBMISSIONS, run)
    seconds = monotonic() - begun
    scratch.close()
    server.drop(database)
    return seconds


def _salon(server: Server, people: int) -> Database:
    database = server.new_database()
    add_people(database, default_tenant(database), people)
    database.close()
    return database


def _run(url: str) -> dict[str, Any]:
    return run_side("simulate", "simulated", env=environment(DATABASE_URL=url))


def simulated() -> dict[str, Any]:
    """Simulate the month and measure it."""
    from lumiere_sms.runtime import Runtime  # noqa: PLC0415 - idle is before what only a simulation needs
    from lumiere_sms.settings import Settings  # noqa: PLC0415
    from lumiere_sms.simulation.simulate import simulate  # noqa: PLC0415
    from lumiere_sms.simulation.spans import Span  # noqa: PLC0415
    from lumiere_sms.testing.clocks import FrozenClock  # noqa: PLC0415

    settings = Settings(data_dir=Path("/nonexistent"), database_url=environ["DATABASE_URL"], parts_per_second=PACE)
    runtime = Runtime(settings, clock=FrozenClock(BEGINS))
    idle, begun, used = resident_mib(), monotonic(), process_time()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "campaigns.yaml"
        file.write_text(_HEAD + "".join(_campaigns()), encoding="utf-8")
        (calendar,) = simulate(runtime, Span(BEGINS, BEGINS + MONTH), worlds=[[file]], progress=lambda *_: None)
    runtime.close()
    return {
        "texts": calendar.texts,
        "seconds": monotonic() - begun,
        "cpu": process_time() - used,
        "mib": resident_mib("VmHWM") - idle,
    }


def _campaigns() -> Iterator[str]:
    for number in range(CAMPAIGNS):
        at = datetime(2026, 3, 16, 10) + number * MONTH / (CAMPAIGNS + 2)  # noqa: DTZ001 - a local time
        yield _CAMPAIGN.format(number=number, at=at)


_RECIPIENTS: LiteralString = """
    INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, customer_id, phone_number, timezone,
        personalized_content, encoding, segments_used, send_after, expires_at, status, attempt, provider,
        provider_message_id, cost, currency, sent_at, fence)
    SELECT user_id, gen_random_uuid(), %(occurrence_id)s, %(occurrence_id)s, id, phone_number, 'Asia/Tokyo',
        last_name || '様、いつもありがとうございます。次回のご予約をお待ちしております。', 'ucs2', 1, %(at)s, %(at)s,
        'sent', 1, 'twilio', id::text, 0.0842, 'USD', %(at)s, 1
    FROM customers
"""
_SUBMISSIONS: LiteralString = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, provider_message_id, settled_at)
    SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, provider, 'twilio', 1, 1, sent_at, 'accepted',
        provider_message_id, sent_at
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s
"""
