"""What is asked about one person, number or answer finds its rows by an index, however many others there are.

Each story runs on full tables, and every statement of it is EXPLAINed with the values that it is executed with.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from support.explaining import ExplainingDatabase
from support.salon import tenant_of
from support.seeds import seed_campaign

from lumiere_sms.audience.consents import Said, confirm, grant, revoke
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.proof import prove
from lumiere_sms.audience.returning import take_back
from lumiere_sms.audience.suppressions import lift, suppress_all
from lumiere_sms.campaigns.retention_options import read_retention
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.errors import StateError
from lumiere_sms.messages.keywords import Meaning
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.privacy.exports import export_person
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.privacy.retention import apply_retention
from lumiere_sms.providers.base import Reply
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.tracking.inbox import list_inbox
from lumiere_sms.tracking.link_refusals import refuse_by_token
from lumiere_sms.tracking.replies import apply_replies, decide

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
NUMBER, OTHER, SENDER = "+819010000007", "+819010009000", "+15005550006"
GROWING = {
    *("campaign_recipients", "submissions", "delivery_events", "customers", "enrolments", "suppressions", "audit_log"),
    *("consents", "consent_evidence", "person_keys", "inbound_messages", "responses", "opt_out_links", "erasures"),
    "segment_members",
}
FILL = """
INSERT INTO customers (user_id, id, external_id, phone_number, allow_promotional, last_visit_date, created_at)
SELECT %(user_id)s,
    ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
    'C' || n, '+8190' || 10000000 + n, true, '2026-03-01',
    %(now)s - interval '2 years'
FROM generate_series(1, 10000) AS n;
INSERT INTO sms_campaigns (user_id, id, name, status, message_content, timezone, target_criteria, currency, definition)
SELECT user_id, md5('run ' || n)::uuid, name || n, 'completed', message_content, timezone, target_criteria, currency,
    definition
FROM sms_campaigns, generate_series(0, 99) AS n;
INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at, status, revision, definition, launched_at,
    completed_at, priority, batch_size, send_rate_per_minute)
SELECT user_id, md5('run ' || n)::uuid, md5('run ' || n)::uuid, occurs_at, 'completed', revision, definition,
    launched_at, launched_at, priority, batch_size, send_rate_per_minute
FROM campaign_occurrences, generate_series(0, 99) AS n;
INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, customer_id, phone_number, timezone,
    personalized_content, encoding, segments_used, status, send_after, expires_at, provider, provider_message_id,
    sent_at)
SELECT user_id, id, md5('run ' || right(phone_number, 2)::int)::uuid, md5('run ' || right(phone_number, 2)::int)::uuid,
    id, phone_number, 'Asia/Tokyo', 'hello', 'gsm7', 1, 'delivered',
    %(now)s, %(now)s, 'twilio', 'SM' || external_id, %(now)s - interval '1 hour'
FROM customers;
INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
    started_at, outcome, provider_message_id, settled_at, closed_at)
SELECT user_id, id, id, occurrence_id, phone_number, 'twilio', '+15005550006', 1, 1, %(now)s - interval '1 hour',
    'accepted', provider_message_id, %(now)s, %(now)s
FROM campaign_recipients;
INSERT INTO delivery_events (user_id, id, provider, provider_message_id, status, source)
SELECT user_id, md5(id || status)::uuid, provider, provider_message_id, status, 'poll'
FROM submissions, unnest('{accepted,sent,delivered}'::text[]) AS status;
INSERT INTO enrolments (user_id, id, campaign_id, customer_id, phone_number, enrolled_at, next_at)
SELECT user_id, id, %(campaign_id)s, id, phone_number, %(now)s, %(now)s + interval '3 days' FROM customers;
INSERT INTO suppressions (user_id, id, phone_number, reason, source)
SELECT user_id, id, replace(phone_number, '+8190', '+8180'), 'opted_out', 'operator' FROM customers;
INSERT INTO audit_log (user_id, id, actor, action, subject)
SELECT user_id, id, 'operator', 'consent.grant', id::text FROM customers;
INSERT INTO consents (user_id, id, customer_id, purpose, is_granted, source, at, audit_id, hash)
SELECT user_id, id, id, 'promotional', true, 'form', %(now)s - interval '1 year', id, '' FROM customers;
INSERT INTO consent_evidence (user_id, id, customer_id, evidence) SELECT user_id, id, id, '{}' FROM customers;
INSERT INTO person_keys (user_id, id, key) SELECT user_id, id, '' FROM customers;
INSERT INTO inbound_messages (user_id, id, provider, provider_message_id, phone_number, sender, body, received_at,
    recipient_id, occurrence_id, customer_id, meaning)
SELECT user_id, id, 'twilio', 'IN' || phone_number, phone_number, '+15005550006', 'thanks',
    %(now)s - interval '1 second' * right(phone_number, 4)::int, id, occurrence_id, id,
    CASE WHEN phone_number = '+819010000007' THEN 'review' ELSE 'other' END
FROM campaign_recipients;
INSERT INTO responses (user_id, id, kind, phone_number, recipient_id, at)
SELECT user_id, id, 'reply', phone_number, id, %(now)s FROM campaign_recipients;
INSERT INTO opt_out_links (user_id, id, token, phone_number)
SELECT user_id, id, 'token' || external_id, phone_number FROM customers;
INSERT INTO erasures (user_id, id, number_mac, erased_at, keep_until, look_at)
SELECT user_id, md5(id::text)::uuid, id::text::bytea, %(now)s, %(now)s + interval '1 month', NULL FROM customers;
INSERT INTO audience_segments (user_id, id, name, is_dynamic) VALUES (%(user_id)s, %(occurrence_id)s, 'list', false);
INSERT INTO segment_members (user_id, id, segment_id, customer_id)
SELECT user_id, id, %(occurrence_id)s, id FROM customers;
"""


@pytest.fixture
def full(database, database_url, user_id) -> Iterator[ExplainingDatabase]:
    seeded = seed_campaign(database, user_id, now=NOW - timedelta(days=1), texts=0)
    texts = {"stop": "stopped", "start": "back", "help": "call us", "other": "not read"}
    kept = read_retention(["texts=400d,answers=400d,events=400d,people=400d"])
    change_rules(database, "default", {"answers": texts, "retention": kept}, by="operator", now=NOW)
    binds = {"occurrence_id": seeded.occurrence_id, "campaign_id": seeded.campaign_id, "user_id": user_id, "now": NOW}
    with database.transaction() as connection:
        for sql in FILL.split(";")[:-1]:
            connection.execute(sql, binds)
    with database.connect() as connection:
        connection.execute("ANALYZE")
    explaining = ExplainingDatabase(database_url)
    yield explaining
    explaining.close()


def test_what_is_asked_about_one_person_never_reads_a_large_table_from_end_to_end(full, user_id, clock, tmp_path):
    _list(full, tmp_path)
    _answer(full, user_id)
    _agree_and_refuse(full, user_id)
    _erase(full, user_id, clock)

    assert {table: sorted(asked) for table, asked in full.scans.items() if table in GROWING} == {}


def _list(database: ExplainingDatabase, folder: Path) -> None:
    file = folder / "list.csv"
    file.write_text(
        "external_id,phone_number,allow_promotional,consent_date,opt_out_date\n"
        "C5000,+819010005000,yes,2026-03-01,\n"
        "C6000,+819010006000,,,2026-03-01\n"
    )
    import_customers(database, tenant_of(database), file, options=ImportOptions(), now=NOW, progress=lambda *_: None)


def _answer(database: ExplainingDatabase, user_id: UUID) -> None:
    bodies = ("yes", "who is this", "stop", "start", "see you at 3", "please cancel")
    said = [Reply(f"R{number}", NUMBER, SENDER, body, NOW) for number, body in enumerate(bodies)]
    with database.transaction() as connection:
        apply_replies(connection, user_id, said, provider="twilio", now=NOW)
        (waits,) = list_inbox(connection, user_id, meaning="review", limit=1)
        list_inbox(connection, user_id)
        decide(connection, user_id, waits["id"], meaning=Meaning.STOP, by="operator", now=NOW)
    with pytest.raises(StateError):
        refuse_by_token(database, user_id, "tokenC700000", now=NOW)


def _agree_and_refuse(database: ExplainingDatabase, user_id: UUID) -> None:
    tenant, said = tenant_of(database), Said(("promotional",))
    with database.transaction() as connection:
        revoke(connection, tenant, "C8000", said, now=NOW)
        grant(connection, tenant, "C8000", said, now=NOW)
        confirm(connection, user_id, OTHER, evidence={}, now=NOW)
        suppress_all(connection, user_id, [OTHER, "+15005550009"], reason="opted_out", source="provider", now=NOW)
        lift(connection, user_id, OTHER, now=NOW)
        prove(connection, tenant, OTHER)
        export_person(connection, tenant, "C8000")


def _erase(database: ExplainingDatabase, user_id: UUID, clock: FrozenClock) -> None:
    erase_person(database, tenant_of(database), "C9000", now=NOW)
    with database.transaction() as connection:
        prove(connection, tenant_of(database), OTHER)
        take_back(connection, user_id, [OTHER])
    clock.advance(timedelta(days=1))
    finish_erasures(database, clock=clock)
    apply_retention(database, clock=clock)
