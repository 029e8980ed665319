"""What the law costs: links at a launch, consents at an import, and one person found among a million.

A launch with `{{ opt_out_url }}` and an import that notes consents are measured against the same without. Who is
erased, proved or answered is found by an index: the floor of each is the same where a tenth of the people is kept, so
that what grows with the others shows. CPU seconds are those of the process and of the database: they tell more than the
clock where others use the machine.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Any, LiteralString
from uuid import uuid4

from imports import HEADER, _person
from launch import _UNDO
from measuring import Figure, Goal, environment, resident_mib, run_process, run_side, turns
from people import add_people, vacuum
from server import Server, default_tenant

from lumiere_sms.database.connection import Database

ROWS = 1_000_000
LAUNCHED, LISTED, ASKED = 5, 10, 100  # a part of the rows, twice; people
ANSWERS, AT_ONCE = 1_000, 50
FLAT = Goal("≤ 2 × among a tenth", at_most=2)
TWICE = Goal("≤ 2 × without", at_most=2)
A_HALF = Goal("≤ 1.5 × without", at_most=1.5)
MEMORY = Goal("≤ 1.25 × that of a tenth", at_most=1.25)
TEXT = "{{ last_name | sama }}、いつもありがとうございます。次回のご予約をお待ちしております。"
LINK = "配信停止 {{ opt_out_url }}"
PLAIN = "配信停止 https://s.example/123456789012"  # as many characters
_SENT: tuple[LiteralString, ...] = (
    """
    INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, customer_id, phone_number, timezone,
        personalized_content, encoding, segments_used, status, send_after, expires_at, provider, provider_message_id,
        sent_at, updated_at)
    SELECT customers.user_id, customers.id, run.id, run.campaign_id, customers.id, customers.phone_number, 'Asia/Tokyo',
        'hello', 'gsm7', 1, 'delivered', now(), now(), 'twilio', 'SM' || customers.external_id,
        now() - interval '1 hour', now() - interval '2 years'
    FROM customers, campaign_occurrences AS run
    """,
    """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, provider_message_id, settled_at, closed_at)
    SELECT user_id, id, id, occurrence_id, phone_number, 'twilio', '+15005550006', 1, 1, sent_at, 'accepted',
        provider_message_id, sent_at, sent_at
    FROM campaign_recipients
    """,
    """
    INSERT INTO delivery_events (user_id, id, provider, provider_message_id, status, source)
    SELECT user_id, id, provider, provider_message_id, 'delivered', 'poll' FROM submissions
    """,
    """
    INSERT INTO consents (user_id, id, customer_id, purpose, is_granted, source, at, audit_id, hash)
    SELECT user_id, id, id, 'promotional', true, 'import', now() - interval '1 year', user_id, '' FROM customers
    """,
    """
    INSERT INTO opt_out_links (user_id, id, token, phone_number)
    SELECT user_id, id, 'token' || external_id, phone_number FROM customers
    """,
    """
    INSERT INTO inbound_messages (user_id, id, provider, provider_message_id, phone_number, sender, body, received_at,
        recipient_id, occurrence_id, customer_id, meaning)
    SELECT user_id, id, 'twilio', 'IN' || provider_message_id, phone_number, '+15005550006', 'thanks', sent_at, id,
        occurrence_id, id, 'other'
    FROM campaign_recipients
    """,
    """
    INSERT INTO audit_log (user_id, id, actor, action, subject)
    SELECT user_id, id, 'operator', 'customer.set', id::text FROM customers
    """,
    "UPDATE campaign_occurrences SET status = 'completed', completed_at = now() - interval '2 years'",
    'UPDATE users SET rules = \'{"retention": {"texts": "400d"}}\'',
)
_SOME: LiteralString = "SELECT external_id, phone_number FROM customers ORDER BY random() LIMIT %(count)s"


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Measure with a million people, or `rows`, of whom a fifth is launched to and a tenth listed."""
    count = rows or ROWS
    yield from _launches(server, count // LAUNCHED, runs)
    yield from _imports(server, count // LISTED, runs)
    yield from _one_among(server, count, runs)


def _launches(server: Server, count: int, runs: int) -> Iterator[Figure]:
    people = server.new_database()
    add_people(people, default_tenant(people), count)
    people.close()
    for times, what, goal in ((1, "launched with new links", TWICE), (2, "launched with links they had", A_HALF)):
        sides = [partial(_launched, server, people, f"{TEXT}{end}", times) for end in (LINK, PLAIN)]
        yield from _costs(f"{count:,} {what}", turns(runs, *sides), "the same without", goal)
    server.drop(people)


def _imports(server: Server, count: int, runs: int) -> Iterator[Figure]:
    empty = server.new_database()
    with TemporaryDirectory(prefix="benchmark-list-") as folder:
        lists = [Path(folder) / f"{name}.csv" for name in ("agreed", "plain", "later")]
        for file, more in zip(lists, (("はい", "2025-01-01"), (), ("はい", "2025-06-01")), strict=True):
            _write(file, count, more)
        agreed, plain, later = lists
        first = turns(runs, partial(_imported, server, empty, agreed), partial(_imported, server, empty, plain))
        yield from _costs(f"{count:,} imported with consents", first, "the same without", TWICE)
        known = server.new_database(like=empty)
        _import(known, agreed)
        vacuum(known)
        known.close()
        again = turns(runs, partial(_imported, server, known, later), partial(_imported, server, known, agreed))
        yield from _costs(f"{count:,} again, each with a later day", again, "again as they are", TWICE)
    server.drop(known)
    server.drop(empty)


def _one_among(server: Server, count: int, runs: int) -> Iterator[Figure]:
    whole, tenth = (_sent(server, some) for some in (count, count // 10))
    for side, what in {
        "erased": f"{ASKED} people erased among {count:,}",
        "proved": f"{ASKED} people's consent proved",
        "answered": f"{ANSWERS:,} answers taken in",
    }.items():
        found = turns(runs, partial(_on, server, whole, side), partial(_on, server, tenth, side))
        yield from _costs(what, found, "among a tenth", FLAT)
    found = turns(runs, partial(_on, server, whole, "linted"), partial(_on, server, tenth, "linted"))
    yield from _costs(f"a template linted over {count:,}", found, "over a tenth")
    peaks = zip(*((side["peak_mib"] for side in turn) for turn in found), strict=True)
    ours, floors = map(tuple, peaks)
    yield Figure("law", "its peak memory", "MiB", ours, floors, "over a tenth", MEMORY)
    gone = [tuple(_per_thousand(_on(server, each, "let_go")) for each in (whole, tenth))]
    yield from _costs(f"retention, 1,000 texts of {count:,}", gone, "of a tenth", FLAT)
    for each in (whole, tenth):
        server.drop(each)


def _per_thousand(said: dict[str, Any]) -> dict[str, float]:
    return {name: said[name] / said["rows"] * 1_000 for name in ("seconds", "cpu_seconds")}


def _costs(what: str, found: Sequence[tuple[Any, ...]], floor_is: str, goal: Goal | None = None) -> Iterator[Figure]:
    ours, floors = zip(*found, strict=True)
    for name, unit in {"seconds": "s", "cpu_seconds": "CPU-s"}.items():
        values, bare = (tuple(each[name] for each in side) for side in (ours, floors))
        yield Figure("law", what, unit, values, bare, floor_is, goal if unit == "CPU-s" else None)


def _launched(server: Server, people: Database, text: str, times: int) -> dict[str, Any]:
    """Launch a text to everybody so many times; return what the last one took."""
    database, said = server.new_database(like=people), dict[str, Any]()
    _schedule(database, text)
    for _ in range(times):
        with database.transaction() as connection:
            for statement in _UNDO:
                connection.execute(statement)
        vacuum(database)
        said = _on(server, database, "launched")
    server.drop(database)
    return said


def _on(server: Server, database: Database, side: str, *arguments: str) -> dict[str, Any]:
    """Run a side; return its seconds, and its CPU seconds with the database's."""
    before = server.cpu_seconds()
    said = run_side("law", side, database.url, *arguments, env=environment())
    said["cpu_seconds"] += server.cpu_seconds() - before
    return said


def _imported(server: Server, like: Database, file: Path) -> dict[str, Any]:
    database = server.new_database(like=like)
    before = server.cpu_seconds()
    took = _import(database, file)
    found = {"seconds": took.seconds, "cpu_seconds": took.cpu_seconds + server.cpu_seconds() - before}
    server.drop(database)
    return found


def _import(database: Database, file: Path) -> Any:
    command = [sys.executable, "-m", "lumiere_sms", "customer", "import", str(file), "--json"]
    return run_process(command, env=environment(DATABASE_URL=database.url))


def _write(file: Path, count: int, more: tuple[str, ...]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow((*HEADER, *("allow_promotional", "consent_date")[: len(more)]))
        rows.writerows((*_person(number), *more) for number in range(count))


def _sent(server: Server, count: int) -> Database:
    """Return a database where each of so many people agreed, was texted and answered."""
    database = server.new_database()
    add_people(database, default_tenant(database), count)
    _schedule(database, TEXT)
    with database.transaction() as connection:
        for statement in _SENT:
            connection.execute(statement)
    vacuum(database)
    database.close()
    return database


def _schedule(database: Database, text: str) -> None:
    from lumiere_sms.campaigns.apply import apply  # noqa: PLC0415 - this process only prepares
    from lumiere_sms.campaigns.tenant_rules import change_rules  # noqa: PLC0415
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415
    from lumiere_sms.definitions.reading import read_definitions  # noqa: PLC0415

    change_rules(database, "default", {"opt_out_url": "https://s.example/"}, by="operator", now=None)
    campaign = {"message": text, "segment": "all", "schedule": "now", "send_rate_per_minute": 100_000}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "campaigns.yaml"
        file.write_text(json.dumps({"campaigns": {"thanks": campaign}}), encoding="utf-8")
        definitions = read_definitions([file])
    apply(database, find_tenant(database, "default"), definitions, override="a measure", clock=SystemClock())


def launched(url: str) -> dict[str, Any]:
    """Launch what is due."""
    from lumiere_sms.campaigns.launch import launch_due  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415
    from lumiere_sms.providers.prices import list_price  # noqa: PLC0415

    database, prices = Database(url), partial(list_price, "twilio")
    begun = monotonic(), process_time()
    (found,) = launch_due(database, clock=SystemClock(), prices=prices)
    said = _took(*begun)
    if not found.kept or found.kept != found.matched:
        raise SystemExit(f"not everybody was launched: {found}")
    return said


def erased(url: str) -> dict[str, Any]:
    """Erase some people, each in a transaction."""
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.privacy.erasing import erase_person  # noqa: PLC0415

    database = Database(url)
    tenant, people = find_tenant(database, "default"), _people(database, ASKED)
    begun = monotonic(), process_time()
    for each in people:
        erase_person(database, tenant, each["external_id"], now=None)
    return _took(*begun)


def proved(url: str) -> dict[str, Any]:
    """Prove the consent of some people."""
    from lumiere_sms.audience.proof import prove  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415

    database = Database(url)
    tenant, people = find_tenant(database, "default"), _people(database, ASKED)
    begun = monotonic(), process_time()
    for each in people:
        with database.transaction(read_only=True) as connection:
            if not prove(connection, tenant, each["phone_number"]).texts:
                raise SystemExit("they got no text")
    return _took(*begun)


def answered(url: str) -> dict[str, Any]:
    """Take in answers of people, a tenth of them refusals, fifty at once as a provider lists them."""
    from lumiere_sms.providers.base import Reply  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.tracking.replies import apply_replies  # noqa: PLC0415

    database = Database(url)
    user_id, bodies = default_tenant(database), ("stop", *["15時でお願いします"] * 9)
    said = [
        Reply(f"R{uuid4()}", each["phone_number"], "+15005550006", bodies[number % 10], None)
        for number, each in enumerate(_people(database, ANSWERS))
    ]
    begun = monotonic(), process_time()
    for first in range(0, len(said), AT_ONCE):
        with database.transaction() as connection:
            apply_replies(connection, user_id, said[first : first + AT_ONCE], provider="twilio", now=None)
    return _took(*begun)


def _people(database: Database, count: int) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(_SOME, {"count": count}).fetchall()


def linted(url: str) -> dict[str, Any]:
    """Say how many parts a template takes over everybody, and what would make it fewer."""
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.database.tenants import find_tenant  # noqa: PLC0415
    from lumiere_sms.messages.templates import write_template  # noqa: PLC0415
    from lumiere_sms.planning.parts_of import parts_of  # noqa: PLC0415
    from lumiere_sms.providers.prices import list_price  # noqa: PLC0415

    database = Database(url)
    with database.transaction() as connection:
        write_template(connection, default_tenant(database), {"name": "greeting", "content": f"{TEXT}{PLAIN}"})
    about: dict[str, Any] = {"name": "greeting", "segment": "all", "variables": {}, "now": SystemClock().now()}
    prices = partial(list_price, "twilio")
    begun = monotonic(), process_time()
    found = parts_of(database, find_tenant(database, "default"), **about, prices=prices, progress=lambda _: None)
    return {**_took(*begun), "people": found.recipients}


def let_go(url: str) -> dict[str, Any]:
    """Empty the texts that are too old."""
    from lumiere_sms.clock import SystemClock  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.privacy.retention import apply_retention  # noqa: PLC0415

    begun = monotonic(), process_time()
    gone = apply_retention(Database(url), clock=SystemClock())
    return {**_took(*begun), "rows": gone["texts"]}


def _took(begun: float, cpu: float) -> dict[str, Any]:
    return {"seconds": monotonic() - begun, "cpu_seconds": process_time() - cpu, "peak_mib": resident_mib("VmHWM")}
