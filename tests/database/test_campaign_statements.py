import json
from datetime import UTC, datetime

import pytest

from lumiere_sms.database.connection import Database
from lumiere_sms.database.sql import statement

NOW = datetime(2026, 3, 15, 1, tzinfo=UTC)
FILL = (
    (
        "INSERT INTO sms_campaigns (user_id, id, name, status, status_reason, message_content, timezone,"
        " target_criteria, currency, definition)"
        " SELECT users.id, gen_random_uuid(), 'campaign ' || number, 'completed', NULL, 'x', 'Asia/Tokyo', '{}', 'USD',"
        " '{}'"
        " FROM users, generate_series(1, 3000) AS number"
    ),
    (
        "INSERT INTO campaign_occurrences"
        " (user_id, id, campaign_id, occurs_at, status, revision, definition, launched_at)"
        " SELECT user_id, gen_random_uuid(), id, '2026-03-14'::timestamptz, 'completed', 1, '{}', '2026-03-14'"
        " FROM sms_campaigns"
    ),
    "UPDATE sms_campaigns SET status = 'running' WHERE name IN ('campaign 1', 'campaign 2')",
    (
        "UPDATE campaign_occurrences SET status = 'running' WHERE campaign_id IN"
        " (SELECT id FROM sms_campaigns WHERE status = 'running')"
    ),
    "UPDATE sms_campaigns SET status = 'scheduled' WHERE name IN ('campaign 3', 'campaign 4')",
    (
        "UPDATE campaign_occurrences SET status = 'scheduled' WHERE campaign_id IN"
        " (SELECT id FROM sms_campaigns WHERE status = 'scheduled')"
    ),
    (
        "INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,"
        " personalized_content, encoding, segments_used, status, send_after, expires_at, provider_message_id)"
        " SELECT occurrence.user_id, gen_random_uuid(), occurrence.id, occurrence.campaign_id,"
        " '+8190' || lpad(number::text, 8, '0'), 'Asia/Tokyo', 'x', 'gsm7', 1,"
        " CASE WHEN number < 30000 THEN 'sent' ELSE 'pending' END, '2026-03-15', '2026-03-16', 'SM' || number"
        " FROM campaign_occurrences AS occurrence, generate_series(1, 30050) AS number"
        " WHERE occurrence.status = 'running'"
    ),
    "ANALYZE",
)


@pytest.fixture
def filled(database: Database, user_id) -> Database:
    with database.transaction() as connection:
        for sql in FILL:
            connection.execute(sql)
    return database


def sequential_scans(database, name, **binds) -> set[str]:
    with database.transaction() as connection:
        plan = connection.execute(
            "EXPLAIN (FORMAT JSON) " + statement("lumiere_sms.campaigns", name), {"now": NOW, **binds}
        ).fetchone()["QUERY PLAN"]
    return set(_relations_scanned(plan if isinstance(plan, list) else json.loads(plan)))


def _relations_scanned(node):
    if isinstance(node, list):
        for each in node:
            yield from _relations_scanned(each)
    elif isinstance(node, dict):
        if node.get("Node Type") == "Seq Scan":
            yield node["Relation Name"]
        for value in node.values():
            yield from _relations_scanned(value)


@pytest.mark.parametrize("name", ["due_occurrences", "finished_occurrences"])
def test_what_every_daemon_asks_each_second_scans_no_table(filled, name):
    assert sequential_scans(filled, name) == set()


@pytest.mark.parametrize("name", ["lock_occurrence", "complete_occurrence", "complete_campaign", "start_occurrence"])
def test_a_statement_about_one_occurrence_scans_no_table(filled, user_id, name):
    with filled.transaction() as connection:
        found = connection.execute(
            "SELECT id, campaign_id FROM campaign_occurrences WHERE status = 'running'"
        ).fetchone()
    binds = {"user_id": user_id, "occurrence_id": found["id"], "campaign_id": found["campaign_id"]}
    binds |= {"occurrence_ids": [found["id"]], "revision": 1, "definition": "{}", "template_id": None}
    binds |= {"matched": 1, "exclusions": "{}", "cost": 1}

    assert sequential_scans(filled, name, **binds) == set()


def test_completion_reads_no_table_even_where_all_seem_to_wait(filled):
    with filled.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'pending'")
        connection.execute("ANALYZE campaign_recipients")

    assert sequential_scans(filled, "finished_occurrences") == set()


def test_completion_reads_a_few_rows_of_many(filled):
    with filled.transaction() as connection:
        plan = connection.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement("lumiere_sms.campaigns", "finished_occurrences"),
            {"now": NOW},
        ).fetchone()["QUERY PLAN"]

    root = plan[0]["Plan"]
    assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 60
