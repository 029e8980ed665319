from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id

REVISIONS = sorted(path.stem for path in (schema.migrations() / "versions").glob("[0-9]*.py"))
DEFAULT = UUID("01980000-0000-7000-8000-000000000001")
# Rows as the first version wrote them; a later revision adds its own below.
ROWS = {
    "0001_spine": """
        INSERT INTO sms_campaigns (user_id, id, name, message_content, timezone, target_criteria, currency, definition)
        VALUES (%(user_id)s, %(campaign)s, 'spring', 'hello', 'Asia/Tokyo', '{}', 'JPY', '{}');
        INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at)
        VALUES (%(user_id)s, %(occurrence)s, %(campaign)s, now());
        INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,
            personalized_content, encoding, segments_used, send_after, expires_at, status)
        VALUES (%(user_id)s, %(recipient)s, %(occurrence)s, %(campaign)s, '+819012345678', 'Asia/Tokyo', 'hello',
            'gsm7', 1, now(), now(), 'unknown');
        INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt,
            parts, started_at, outcome)
        VALUES (%(user_id)s, %(submission)s, %(recipient)s, %(occurrence)s, '+819012345678', 'twilio', '+15005550006',
            1, 1, now(), 'unknown');
        INSERT INTO alerts (user_id, id, kind, subject, message) VALUES (%(user_id)s, %(alert)s, 'k', 's', 'm');
        INSERT INTO pace_limits (provider, sender, parts_per_second, burst) VALUES ('twilio', '+15005550006', 1, 1);
        INSERT INTO daemons (id, host, pid, version, started_at, seen_at)
        VALUES (%(alert)s, 'here', 1, '0.1.0', now(), now());
    """,
    "0002_engine": """
        UPDATE users SET providers = '{twilio:70,aws:30}', routing = 'weighted', senders = '{"aws": "+15005550007"}';
        UPDATE submissions SET outcome = 'absent', reserved = 8, spent = 0;
        UPDATE pace_limits SET is_set = true, parts_per_day = 1000;
        INSERT INTO budgets (user_id, id, campaign_id, amount, currency, committed)
        VALUES (%(user_id)s, %(alert)s, %(campaign)s, 100, 'JPY', 8);
        INSERT INTO audit_log (user_id, id, actor, action, subject)
        VALUES (%(user_id)s, %(alert)s, 'sato', 'campaign.retry', 'spring');
        INSERT INTO provider_health (provider, state, reason) VALUES ('twilio', 'open', 'silent');
    """,
    "0003_orchestration": """
        UPDATE users SET rules = '{"quiet_hours": "21:00-08:00"}';
        INSERT INTO suppressions (user_id, id, phone_number, reason, source)
        VALUES (%(user_id)s, %(alert)s, '+819012345678', 'opted_out', 'operator');
        INSERT INTO enrolments (user_id, id, campaign_id, customer_id, phone_number, enrolled_at, next_at)
        VALUES (%(user_id)s, %(alert)s, %(campaign)s, %(alert)s, '+819012345678', now(), now());
        INSERT INTO responses (user_id, id, kind, phone_number, at)
        VALUES (%(user_id)s, %(alert)s, 'reply', '+819012345678', now());
    """,
}
TABLES = {
    "0001_spine": ("sms_campaigns", "campaign_occurrences", "campaign_recipients", "submissions", "alerts", "daemons"),
    "0002_engine": ("budgets", "audit_log", "provider_health"),
    "0003_orchestration": ("suppressions", "enrolments", "responses"),
}


@pytest.fixture
def empty(server_url: str) -> Iterator[Database]:
    name = f"old_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        database = Database(psycopg.conninfo.make_conninfo(server_url, dbname=name))
        yield database
        database.close()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(database: Database, revision: str) -> None:
    binds = {name: new_id() for name in ("campaign", "occurrence", "recipient", "submission", "alert")}
    with psycopg.connect(database.url, cursor_factory=psycopg.ClientCursor) as connection:
        for each in REVISIONS[: REVISIONS.index(revision) + 1]:
            connection.execute(ROWS[each], {"user_id": DEFAULT, **binds})


@pytest.mark.parametrize("before", REVISIONS[:-1])
def test_a_revision_upgrades_a_database_that_holds_rows_of_the_one_before(empty: Database, before: str):
    schema._make_version_table(empty)
    schema._run_revisions(empty, to=before)
    fill(empty, before)

    done = schema.upgrade(empty)

    assert done == (before, schema.head())
    tables = [table for each in REVISIONS[: REVISIONS.index(before) + 1] for table in TABLES[each]]
    with empty.transaction() as connection:
        counts = {table: connection.execute(f"SELECT count(*) AS rows FROM {table}").fetchone() for table in tables}
    assert [count for count in counts.values() if count != {"rows": 1}] == []


def test_segments_that_were_there_have_a_first_revision_after_the_upgrade(empty: Database):
    schema._make_version_table(empty)
    schema._run_revisions(empty, to="0002_engine")
    customer = new_id()
    with psycopg.connect(empty.url) as connection:
        connection.execute("INSERT INTO customers (user_id, id) VALUES (%s, %s)", [DEFAULT, customer])
        for name, is_dynamic in (("by criteria", True), ("friends", False)):
            connection.execute(
                "INSERT INTO audience_segments (user_id, id, name, criteria, is_dynamic) VALUES (%s, %s, %s, '{}', %s)",
                [DEFAULT, new_id(), name, is_dynamic],
            )
        connection.execute(
            "INSERT INTO segment_members (user_id, id, segment_id, customer_id)"
            " SELECT user_id, id, id, %s FROM audience_segments WHERE NOT is_dynamic",
            [customer],
        )

    schema.upgrade(empty)

    with empty.transaction() as connection:
        rows = connection.execute("SELECT revision, members FROM segment_revisions ORDER BY members NULLS FIRST")
        assert [(row["revision"], row["members"]) for row in rows] == [(1, None), (1, [customer])]


@pytest.mark.parametrize(
    ("type_", "window", "quiet_hours", "kept"),
    [
        pytest.param(
            "promotional", ["09:00-11:00", "14:00-16:00", "19:00-20:00"], "21:00-08:00", (None, None), id="as ever"
        ),
        pytest.param("promotional", ["10:00-11:00"], "20:00-09:00", (["10:00-11:00"], "20:00-09:00"), id="its own"),
        pytest.param("blast", None, "21:00-08:00", (None, None), id="a blast"),
    ],
)
def test_what_a_campaign_did_not_say_of_its_windows_its_tenant_s_rules_say(
    empty: Database, type_: str, window: list[str] | None, quiet_hours: str, kept: tuple[object, object]
):
    schema._make_version_table(empty)
    schema._run_revisions(empty, to="0002_engine")
    fill(empty, "0002_engine")
    told = Jsonb({"name": "spring", "window": window, "quiet_hours": quiet_hours})
    with psycopg.connect(empty.url) as connection:
        connection.execute("UPDATE sms_campaigns SET type = %s, definition = %s", [type_, told])

    schema.upgrade(empty)

    with empty.transaction() as connection:
        (row,) = connection.execute("SELECT definition FROM sms_campaigns").fetchall()
    assert (row["definition"]["window"], row["definition"]["quiet_hours"]) == kept
    assert row["definition"]["name"] == "spring"
