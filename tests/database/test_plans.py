"""Each statement of the engine, EXPLAINed on tables that are full: none may read a large one from end to end."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from support.seeds import seed_campaign

import lumiere_sms
from lumiere_sms.database.connection import Database

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
PACKAGE = Path(lumiere_sms.__file__).parent
COUNTS = {"count_recipients"}  # whole campaigns, for who lists them
STATEMENTS = sorted(file for stage in ("campaigns", "sending", "tracking") for file in PACKAGE.glob(f"{stage}/*.sql"))
LARGE = {
    *("campaign_recipients", "submissions", "delivery_events"),
    *("customers", "enrolments", "suppressions", "audit_log"),
    *("inbound_messages", "responses", "opt_out_links"),
}
PROVIDER, SENDER, PHONE = "twilio", "+15005550006", "+819000000007"
BIND = re.compile(r"%\((\w+)\)[sbt](?:::(\w+)(?:\([\d, ]+\))?(\[\])?)?")
ID = UUID(int=7)
IDS = [UUID(int=number) for number in range(1, 11)]
FILL = """
INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone, personalized_content,
    encoding, segments_used, status, send_after, expires_at, claimed_by, claimed_until, provider, provider_message_id)
SELECT %(user_id)s, ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
    CASE WHEN n <= 400 THEN %(occurrence_id)s::uuid ELSE %(old_occurrence_id)s END,
    CASE WHEN n <= 400 THEN %(campaign_id)s::uuid ELSE %(old_campaign_id)s END,
    '+8190' || lpad(n::text, 8, '0'), 'Asia/Tokyo', 'text ' || n, 'gsm7', 1, status, %(now)s,
    %(now)s + interval '5 hours', CASE WHEN status IN ('claimed', 'submitting') THEN %(id)s::uuid END,
    CASE WHEN status IN ('claimed', 'submitting') THEN %(now)s::timestamptz END, 'twilio', 'SM' || n
FROM (
    SELECT n, CASE WHEN n <= 20 THEN 'claimed' WHEN n <= 40 THEN 'submitting' WHEN n <= 50 THEN 'unknown'
        WHEN n <= 300 THEN 'pending' ELSE 'delivered' END AS status
    FROM generate_series(1, 10000) AS n) AS numbered;
INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
    started_at, outcome, provider_message_id, settled_at, closed_at)
SELECT user_id, id, id, occurrence_id, phone_number, 'twilio', '+15005550006', 1, 1,
    %(now)s - interval '10 seconds' * (10000 - row_number() OVER (ORDER BY id)),
    CASE status WHEN 'delivered' THEN 'accepted' WHEN 'unknown' THEN 'unknown' END,
    CASE status WHEN 'delivered' THEN provider_message_id END, %(now)s,
    CASE WHEN status = 'delivered' AND provider_message_id < 'SM8' THEN %(now)s::timestamptz END
FROM campaign_recipients WHERE status NOT IN ('pending', 'claimed');
INSERT INTO delivery_events (user_id, id, provider, provider_message_id, status, source)
SELECT user_id, id, provider, provider_message_id, 'delivered', 'poll'
FROM submissions WHERE provider_message_id IS NOT NULL;
INSERT INTO customers (user_id, id, external_id, phone_number)
SELECT user_id, id, 'C' || phone_number, phone_number FROM campaign_recipients;
INSERT INTO enrolments (user_id, id, campaign_id, customer_id, phone_number, enrolled_at, next_at)
SELECT user_id, id, campaign_id, id, phone_number, %(now)s,
    %(now)s + CASE WHEN status = 'claimed' THEN interval '0' ELSE interval '3 days' END
FROM campaign_recipients;
INSERT INTO suppressions (user_id, id, phone_number, reason, source)
SELECT user_id, id, replace(phone_number, '+8190', '+8180'), 'opted_out', 'operator' FROM campaign_recipients;
INSERT INTO audit_log (user_id, id, actor, action, subject)
SELECT user_id, id, 'operator', 'campaign.retry', phone_number FROM campaign_recipients;
INSERT INTO inbound_messages (user_id, id, provider, provider_message_id, phone_number, sender, body, received_at,
    recipient_id, occurrence_id, customer_id, meaning)
SELECT user_id, id, provider, 'IN' || phone_number, phone_number, '+15005550006', 'thanks', %(now)s, id, occurrence_id,
    id, 'other'
FROM campaign_recipients;
INSERT INTO responses (user_id, id, kind, phone_number, recipient_id, at)
SELECT user_id, id, 'reply', phone_number, id, %(now)s FROM campaign_recipients;
INSERT INTO opt_out_links (user_id, id, token, phone_number)
SELECT user_id, id, 'token' || phone_number, phone_number FROM campaign_recipients;
UPDATE campaign_occurrences SET status = 'completed', completed_at = %(now)s - interval '1 hour'
WHERE id = %(old_occurrence_id)s;
"""
#: Binds whose type the statement says, by that type; and all others by their name.
TYPED: dict[str, Any] = {
    "bigint": 7,
    "boolean": False,
    "date": NOW.date(),
    "integer": 1,
    "interval": timedelta(minutes=1),
    "numeric": Decimal(1),
    "smallint": 1,
    "text": "SM7",
    "timestamptz": NOW,
    "uuid": ID,
}
NAMED: dict[str, Any] = {
    "absent_at": NOW,
    "after": NOW - timedelta(days=1),
    "after_id": ID,
    "alone": False,
    "amount": Decimal(100),
    "at": NOW,
    "attempt": 1,
    "attempt_id": ID,
    "batch_size": 50,
    "by": "operator",
    "content": "hello",
    "cost": Decimal(1),
    "counted": 1,
    "currency": "USD",
    "daemon": ID,
    "default_sender": SENDER,
    "definition": Jsonb({}),
    "description": None,
    "exclusions": Jsonb({}),
    "expires_after": None,
    "expires_at": NOW,
    "finding": "not found",
    "floor": NOW,
    "id": ID,
    "idle_at": NOW,
    "is_spent": True,
    "kept": 1,
    "lease_until": NOW,
    "limit": 200,
    "look_at": NOW,
    "matched": 1,
    "max_retries": 3,
    "message_content": "hello",
    "message_id": "SM7",
    "month": NOW.date(),
    "name": "spring",
    "now": NOW,
    "next_at": NOW,
    "offset": 0,
    "open_until": NOW,
    "opens_at": NOW,
    "outcome": "accepted",
    "phone": PHONE,
    "primary": PROVIDER,
    "priority": "normal",
    "provider": PROVIDER,
    "reason": None,
    "recipient_id": ID,
    "repeat_pattern": None,
    "revision": 1,
    "scheduled_at": NOW,
    "send_rate_per_minute": 60,
    "sender": SENDER,
    "send_after": NOW,
    "share_codes": ["81"],
    "share_excludes": False,
    "share_low": 2_500,
    "share_width": 5_000,
    "since": NOW,
    "source": "poll",
    "meaning": "review",
    "skip": 0,
    "spent": Decimal(0),
    "started_at": NOW,
    "status": "sent",
    "target_criteria": Jsonb({}),
    "tat": NOW,
    "template_id": None,
    "timezone": "Asia/Tokyo",
    "type": "blast",
    "undone": 0,
    "unused": 0,
    "usable_until": NOW,
    "excluded": 1,
    "written": 1,
    "zone": "Asia/Tokyo",
}


@pytest.fixture
def filled(database, user_id) -> tuple[Database, dict[str, Any]]:
    seeded = seed_campaign(database, user_id, now=NOW, texts=0)
    old = seed_campaign(database, user_id, now=NOW - timedelta(days=1), texts=0, name="old")
    ours = {"user_id": user_id, "occurrence_id": seeded.occurrence_id, "campaign_id": seeded.campaign_id}
    theirs = {"old_occurrence_id": old.occurrence_id, "old_campaign_id": old.campaign_id}
    with database.transaction() as connection:
        for sql in FILL.split(";")[:-1]:
            connection.execute(sql, {**ours, **theirs, "now": NOW, "id": ID})
    with database.connect() as connection:
        connection.execute("ANALYZE")
    several = {"occurrence_ids": [seeded.occurrence_id], "campaign_ids": [seeded.campaign_id]}
    return database, {**NAMED, **ours, **several}


def test_no_statement_of_the_engine_reads_a_large_table_from_end_to_end(filled):
    database, binds = filled

    with database.transaction() as connection:
        read = {
            file.stem: _read_from_end_to_end(connection, file, binds) for file in STATEMENTS if file.stem not in COUNTS
        }

    assert {name: tables for name, tables in read.items() if tables} == {}


def _read_from_end_to_end(connection, file: Path, binds: dict[str, Any]) -> set[str]:
    sql = file.read_text(encoding="utf-8")
    given = {name: _value(binds, name, type_, is_array=bool(array)) for name, type_, array in BIND.findall(sql)}
    (plan,) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}", given).fetchall()
    return set(_scanned(plan["QUERY PLAN"])) & LARGE


def _value(binds: dict[str, Any], name: str, type_: str, *, is_array: bool) -> Any:
    if name in binds and isinstance(binds[name], list) == is_array:
        return binds[name]
    if is_array:
        return IDS if type_ == "uuid" else [TYPED[type_]] * len(IDS)
    return TYPED[type_]


def _scanned(node: Any) -> Any:
    if isinstance(node, list):
        for each in node:
            yield from _scanned(each)
    elif isinstance(node, dict):
        if node.get("Node Type") == "Seq Scan":
            yield node["Relation Name"]
        for value in node.values():
            yield from _scanned(value)
