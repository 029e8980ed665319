from typing import Any
from uuid import UUID

import pytest
from psycopg import errors, sql

from lumiere_sms.database.connection import Connection, Database, DatabaseLostError
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import create_tenant

NOW = "2026-03-15 01:00+00"

# A wrong value for each CHECK of the schema, set on a row that is otherwise right.
WRONG: dict[str, tuple[str, str]] = {
    "users_slug_is_short_and_plain": ("users", "slug = 'Ginza 2'"),
    "users_country_is_iso_3166": ("users", "country = 'jp'"),
    "users_currency_is_iso_4217": ("users", "currency = 'yen'"),
    "users_routing_is_known": ("users", "routing = 'random'"),
    "users_senders_is_an_object": ("users", "senders = '[]'"),
    "users_rules_is_an_object": ("users", "rules = '[]'"),
    "customers_phone_number_is_e164": ("customers", "phone_number = '090-1234-5678'"),
    "customers_visit_count_is_not_negative": ("customers", "visit_count = -1"),
    "customers_attributes_is_an_object": ("customers", "attributes = '[]'"),
    "customers_preferred_time_is_a_range": ("customers", "preferred_time = 'mornings'"),
    "suppressions_phone_number_is_e164": ("suppressions", "phone_number = '+0'"),
    "suppressions_reason_is_known": ("suppressions", "reason = 'mood'"),
    "suppressions_source_is_known": ("suppressions", "source = 'rumour'"),
    "sms_templates_encoding_is_known": ("sms_templates", "encoding = 'sjis'"),
    "sms_campaigns_type_is_known": ("sms_campaigns", "type = 'flood'"),
    "sms_campaigns_status_is_known": ("sms_campaigns", "status = 'sending'"),
    "sms_campaigns_priority_is_known": ("sms_campaigns", "priority = 'highest'"),
    "sms_campaigns_source_is_known": ("sms_campaigns", "source = 'dream'"),
    "sms_campaigns_batch_size_is_positive": ("sms_campaigns", "batch_size = 0"),
    "sms_campaigns_send_rate_is_positive": ("sms_campaigns", "send_rate_per_minute = 0"),
    "sms_campaigns_max_retries_is_not_negative": ("sms_campaigns", "max_retries = -1"),
    "sms_campaigns_a_pause_has_a_reason": ("sms_campaigns", "status = 'paused'"),
    "campaign_occurrences_status_is_known": ("campaign_occurrences", "status = 'paused'"),
    "campaign_occurrences_a_run_is_pinned": ("campaign_occurrences", "status = 'running'"),
    "campaign_occurrences_phase_is_known": ("campaign_occurrences", "phase = 'dress rehearsal'"),
    "campaign_recipients_status_is_known": ("campaign_recipients", "status = 'opened'"),
    "campaign_recipients_a_lease_has_a_holder": ("campaign_recipients", "status = 'claimed'"),
    "campaign_recipients_what_was_sent_has_a_proof": ("campaign_recipients", "status = 'sent'"),
    "submissions_outcome_is_known": ("submissions", "outcome = 'fine'"),
    "submissions_what_was_accepted_has_an_id": ("submissions", "outcome = 'accepted'"),
    "delivery_events_source_is_known": ("delivery_events", "source = 'pigeon'"),
    "budgets_has_one_scope": ("budgets", "month = '2026-03-01'"),
    "budgets_currency_is_iso_4217": ("budgets", "currency = 'yen'"),
    "budgets_are_not_negative": ("budgets", "reserved = -1"),
    "budgets_are_never_overspent": ("budgets", "reserved = 60, committed = 41"),
    "pace_limits_rate_is_positive": ("pace_limits", "parts_per_second = 0"),
    "pace_limits_limits_are_positive": ("pace_limits", "parts_per_day = 0"),
    "pace_limits_a_sender_has_a_rate": ("pace_limits", "parts_per_second = NULL"),
    "provider_health_state_is_known": ("provider_health", "state = 'ajar'"),
    "provider_health_weight_is_a_percentage": ("provider_health", "weight = 101"),
    "enrolments_counts_are_not_negative": ("enrolments", "steps_done = -1"),
    "enrolments_who_is_in_has_a_next_step": ("enrolments", "next_at = NULL"),
    "enrolments_who_left_has_a_reason": ("enrolments", "left_reason = 'bored'"),
    "responses_kind_is_known": ("responses", "kind = 'frown'"),
    "audit_log_what_is_chained_has_a_hash": ("audit_log", "seq = 1"),
    "secrets_purpose_is_known": ("secrets", "purpose = 'fun'"),
    "secrets_key_is_long": ("secrets", "key = '1234'"),
    "link_guesses_wrong_is_not_negative": ("link_guesses", "wrong = -1"),
    "consents_purpose_is_known": ("consents", "purpose = 'flattery'"),
    "consents_source_is_known": ("consents", "source = 'rumour'"),
    "suppressions_are_of_a_number": ("suppressions", "phone_number = NULL"),
    "inbound_messages_meaning_is_known": ("inbound_messages", "meaning = 'maybe'"),
    "inbound_messages_a_decision_has_a_person": ("inbound_messages", "decided_by = 'sato'"),
}


def insert(connection: Connection, table: str, **values: Any) -> dict[str, Any]:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    connection.execute(statement, values)
    return values


@pytest.fixture
def rows(database: Database, user_id: UUID) -> dict[str, dict[str, Any]]:
    """One right row of every table that a CHECK guards."""
    key = {"user_id": user_id}
    message = {"phone_number": "+819012345678"}
    with database.transaction() as connection:
        made = {"customers": insert(connection, "customers", **key, **message, id=new_id())}
        made["suppressions"] = insert(
            connection, "suppressions", **key, **message, id=new_id(), reason="opted_out", source="import"
        )
        made["sms_templates"] = insert(
            connection,
            "sms_templates",
            **key,
            id=new_id(),
            name="hello",
            content="hello",
            character_count=5,
            estimated_segments=1,
            encoding="gsm7",
        )
        made["sms_campaigns"] = insert(
            connection,
            "sms_campaigns",
            **key,
            id=new_id(),
            name="spring",
            message_content="hello",
            timezone="Asia/Tokyo",
            target_criteria="{}",
            currency="JPY",
            definition="{}",
        )
        made["campaign_occurrences"] = insert(
            connection,
            "campaign_occurrences",
            **key,
            id=new_id(),
            campaign_id=made["sms_campaigns"]["id"],
            occurs_at=NOW,
        )
        made["campaign_recipients"] = insert(
            connection,
            "campaign_recipients",
            **key,
            **message,
            id=new_id(),
            occurrence_id=made["campaign_occurrences"]["id"],
            campaign_id=made["sms_campaigns"]["id"],
            timezone="Asia/Tokyo",
            personalized_content="hello",
            encoding="gsm7",
            segments_used=1,
            send_after=NOW,
            expires_at=NOW,
        )
        made["submissions"] = insert(
            connection,
            "submissions",
            **key,
            **message,
            id=new_id(),
            recipient_id=made["campaign_recipients"]["id"],
            occurrence_id=made["campaign_occurrences"]["id"],
            provider="twilio",
            sender="+815000000000",
            attempt=1,
            parts=1,
            started_at=NOW,
        )
        made["delivery_events"] = insert(
            connection,
            "delivery_events",
            **key,
            id=new_id(),
            provider="twilio",
            provider_message_id="SM1",
            status="delivered",
            source="poll",
        )
        campaign_id = made["sms_campaigns"]["id"]
        made["budgets"] = insert(
            connection, "budgets", **key, id=new_id(), campaign_id=campaign_id, amount=100, currency="USD"
        )
        made["enrolments"] = insert(
            connection,
            "enrolments",
            **key,
            **message,
            id=new_id(),
            campaign_id=campaign_id,
            customer_id=made["customers"]["id"],
            enrolled_at=NOW,
            next_at=NOW,
        )
        made["responses"] = insert(connection, "responses", **key, **message, id=new_id(), kind="reply", at=NOW)
        about = {"actor": "sato", "action": "campaign.pause", "subject": "spring"}
        made["audit_log"] = insert(connection, "audit_log", **key, **about, id=new_id())
        made["secrets"] = insert(connection, "secrets", **key, id=new_id(), purpose="link", key=bytes(32), proof=b"")
        made["link_guesses"] = insert(
            connection, "link_guesses", **key, id=new_id(), source="command", since=NOW, wrong=1
        )
        made["consents"] = insert(
            connection,
            "consents",
            **key,
            id=new_id(),
            customer_id=made["customers"]["id"],
            purpose="promotional",
            is_granted=True,
            source="form",
            at=NOW,
            audit_id=made["audit_log"]["id"],
            hash=bytes(32),
        )
        made["inbound_messages"] = insert(
            connection,
            "inbound_messages",
            **key,
            **message,
            id=new_id(),
            provider="twilio",
            provider_message_id="SM2",
            sender="+815000000000",
            body="hai",
            received_at=NOW,
            meaning="other",
        )
        made["provider_health"] = insert(connection, "provider_health", provider="twilio")
        made["pace_limits"] = insert(
            connection, "pace_limits", provider="twilio", sender="+815000000000", parts_per_second=1, burst=1
        )
    return made


def test_every_check_of_the_schema_has_a_wrong_value_here(database: Database):
    with database.transaction() as connection:
        found = connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        ).fetchall()

    assert {row["conname"] for row in found} == set(WRONG)


@pytest.mark.usefixtures("rows")
def test_the_checks_refuse_what_they_should(database: Database):
    refused = set()

    for table, assignment in WRONG.values():
        with pytest.raises(errors.CheckViolation) as caught, database.transaction() as connection:
            connection.execute(f"UPDATE {table} SET {assignment}")
        refused.add(caught.value.diag.constraint_name)

    assert refused == set(WRONG)


def again(database: Database, table: str, row: dict[str, Any]) -> None:
    with database.transaction() as connection:
        insert(connection, table, **{**row, "id": new_id()})


@pytest.mark.parametrize(
    ("table", "key"),
    [
        pytest.param("campaign_recipients", "campaign_recipients_phone_number_key", id="one text per phone and step"),
        pytest.param("campaign_occurrences", "campaign_occurrences_occurs_at_key", id="one run per time"),
        pytest.param("sms_campaigns", "sms_campaigns_name_key", id="one campaign of a name"),
        pytest.param("sms_templates", "sms_templates_version_key", id="one template of a version"),
        pytest.param("suppressions", "suppressions_phone_number_key", id="one suppression per number"),
        pytest.param("delivery_events", "delivery_events_status_key", id="one event per message and status"),
        pytest.param("enrolments", "enrolments_round_key", id="one enrolment per customer and round"),
        pytest.param("secrets", "secrets_purpose_key", id="one secret per purpose"),
        pytest.param("inbound_messages", "inbound_messages_provider_message_id_key", id="one row per answer"),
    ],
)
def test_what_may_exist_once_is_refused_twice(database: Database, rows: dict, table: str, key: str):
    with pytest.raises(errors.UniqueViolation) as caught:
        again(database, table, rows[table])

    assert caught.value.diag.constraint_name == key


def test_a_name_is_free_again_once_its_campaign_is_archived(database: Database, rows: dict):
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET archived_at = now()")

    again(database, "sms_campaigns", rows["sms_campaigns"])


def test_an_alert_is_open_once_and_may_come_back(database: Database, user_id: UUID):
    alert = {"user_id": user_id, "kind": "slow", "subject": "spring", "message": "slow"}
    again(database, "alerts", alert)

    with pytest.raises(errors.UniqueViolation):
        again(database, "alerts", alert)
    with database.transaction() as connection:
        connection.execute("UPDATE alerts SET acknowledged_at = now()")

    again(database, "alerts", alert)


def test_a_row_never_hangs_on_another_tenants(database: Database, rows: dict):
    other = create_tenant(database, "other")

    with pytest.raises(errors.ForeignKeyViolation):
        again(database, "campaign_occurrences", {**rows["campaign_occurrences"], "user_id": other.id})


def test_of_two_at_once_the_second_waits_and_is_refused(database: Database, rows: dict):
    row = {**rows["campaign_recipients"], "phone_number": "+819099999999"}

    def insert_without_waiting() -> None:
        with database.transaction() as connection:
            connection.execute("SET LOCAL lock_timeout = '50ms'")
            insert(connection, "campaign_recipients", **{**row, "id": new_id()})

    with database.transaction() as first:
        insert(first, "campaign_recipients", **{**row, "id": new_id()})
        with pytest.raises(DatabaseLostError, match="lock timeout"):
            insert_without_waiting()

    with pytest.raises(errors.UniqueViolation):
        again(database, "campaign_recipients", row)
