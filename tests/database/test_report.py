from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from support.salon import add_customers, apply_text, prices, rows

from lumiere_sms.analytics.report import Hour, campaign_report
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.errors import StateError
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

TEXT = "campaigns:\n  spring: {message: hello, segment: all, schedule: now}\n"
TEN = datetime(2026, 3, 15, 1, tzinfo=UTC)


@pytest.fixture
def spring(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 12)
    apply_text(database, tmp_path, TEXT, clock=clock)
    launch_due(database, clock=clock, prices=prices)


def settle(database, number, status, *, at=TEN, provider="twilio", parts=1, cost="0.0842", after=None):
    id_ = rows(database, "campaign_recipients")[number]["id"]
    accepted = status in {"sent", "delivered", "bounced"}
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = %(status)s, provider = %(provider)s, segments_used = %(parts)s,"
            " provider_message_id = %(message_id)s, cost = %(cost)s, currency = %(currency)s, sent_at = %(sent_at)s,"
            " delivered_at = %(delivered_at)s, updated_at = %(at)s WHERE id = %(id)s",
            {
                "id": id_,
                "status": status,
                "provider": provider,
                "parts": parts,
                "message_id": f"SM{number}" if accepted else None,
                "cost": cost if accepted else None,
                "currency": "USD" if accepted else None,
                "sent_at": at if accepted else None,
                "delivered_at": at + after if after else None,
                "at": at,
            },
        )


def test_sent_is_cumulative_and_the_exclusive_states_stand_beside_it(database, user_id, spring):
    settle(database, 0, "delivered", after=timedelta(seconds=2))
    settle(database, 1, "delivered", after=timedelta(seconds=4), parts=2, cost="0.1684")
    settle(database, 2, "bounced")
    settle(database, 3, "sent")
    settle(database, 4, "failed")
    settle(database, 5, "expired", provider=None)

    report = campaign_report(database, user_id, "spring")

    assert report.recipients == {"bounced": 1, "delivered": 2, "expired": 1, "failed": 1, "pending": 6, "sent": 1}
    assert (report.total, report.matched, report.exclusions) == (12, 12, {})
    assert (report.sent, report.delivered, report.failed, report.awaiting) == (4, 2, 1, 1)
    assert (report.delivery_rate, report.parts) == (0.5, 5)
    assert (report.cost, report.currency) == (Decimal("0.4210"), "USD")
    assert report.cost_per_message == Decimal("0.1052")
    assert report.cost_estimate == 12 * Decimal("0.0842")


def test_who_refuses_and_takes_it_back_has_not_replied(database, user_id, spring):
    settle(database, 0, "sent")
    settle(database, 1, "sent")
    texted = [row["phone_number"] for row in rows(database, "campaign_recipients")]
    said = [(texted[0], "STOP", 1), (texted[0], "START", 2), (texted[1], "3時でお願いします", 1)]
    replies = [Reply("", phone, "us", body, TEN + timedelta(hours=hours)) for phone, body, hours in said]
    with database.transaction() as connection:
        connection.execute(_SUBMITTED)
        apply_replies(connection, user_id, replies, provider="twilio", now=TEN + timedelta(hours=9))

    found = campaign_report(database, user_id, "spring").answers

    assert (found.stopped, found.others) == (1, 1)


_SUBMITTED = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, settled_at, provider_message_id)
    SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, provider, 'us', 1, 1, sent_at, 'accepted',
        sent_at, provider_message_id
    FROM campaign_recipients WHERE status = 'sent'
"""


def test_the_timeline_has_a_row_for_each_hour_of_the_campaigns_zone(database, user_id, spring):
    settle(database, 0, "delivered", at=TEN + timedelta(minutes=5))
    settle(database, 1, "sent", at=TEN + timedelta(minutes=50))
    settle(database, 2, "bounced", at=TEN + timedelta(minutes=70))
    settle(database, 3, "failed", at=TEN + timedelta(minutes=71))

    report = campaign_report(database, user_id, "spring")

    assert report.timeline == (
        Hour(TEN, 2, 1, 0, 0, 2, Decimal("0.1684")),
        Hour(TEN + timedelta(hours=1), 1, 0, 1, 1, 1, Decimal("0.0842")),
    )


def test_each_provider_has_its_rate_and_how_long_its_receipts_took(database, user_id, spring):
    settle(database, 0, "delivered", after=timedelta(seconds=2))
    settle(database, 1, "delivered", after=timedelta(seconds=4))
    settle(database, 2, "sent")
    settle(database, 3, "failed")
    settle(database, 4, "failed", provider="console")

    console, twilio = campaign_report(database, user_id, "spring").providers

    assert (twilio.sent, twilio.delivered, twilio.failed, twilio.awaiting) == (3, 2, 1, 1)
    assert (twilio.delivery_rate, twilio.average_delivery_time) == (0.6667, timedelta(seconds=3))
    assert (console.provider, console.delivery_rate, console.average_delivery_time) == ("console", None, None)


def test_there_is_no_rate_before_the_first_receipt(database, user_id, spring):
    settle(database, 0, "sent")

    report = campaign_report(database, user_id, "spring")

    assert (report.sent, report.delivery_rate, report.providers[0].delivery_rate) == (1, None, None)


def test_a_campaign_that_was_never_launched_has_an_empty_report(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, "campaigns:\n  idea: {message: hello, segment: all}\n", clock=clock)

    report = campaign_report(database, user_id, "idea")

    assert (report.total, report.sent, report.delivery_rate, report.cost_per_message) == (0, 0, None, None)
    assert (report.status, report.currency, report.timeline, report.providers) == ("draft", "JPY", (), ())


def test_a_campaign_that_does_not_exist_has_no_report(database, user_id):
    with pytest.raises(StateError, match='there is no campaign "spring"'):
        campaign_report(database, user_id, "spring")
