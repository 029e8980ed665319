from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

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
    """
}
TABLES = ("sms_campaigns", "campaign_occurrences", "campaign_recipients", "submissions", "alerts", "daemons")


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
        connection.execute(ROWS[revision], {"user_id": DEFAULT, **binds})


@pytest.mark.parametrize("before", REVISIONS[:-1])
def test_a_revision_upgrades_a_database_that_holds_rows_of_the_one_before(empty: Database, before: str):
    schema._make_version_table(empty)
    schema._run_revisions(empty, to=before)
    fill(empty, before)

    done = schema.upgrade(empty)

    assert done == (before, schema.head())
    with empty.transaction() as connection:
        counts = {table: connection.execute(f"SELECT count(*) AS rows FROM {table}").fetchone() for table in TABLES}
    assert [count for count in counts.values() if count != {"rows": 1}] == []
