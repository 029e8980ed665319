from collections.abc import Callable
from datetime import timedelta

import pytest
from support.seeds import seed_campaign

from lumiere_sms.providers.console import ConsoleProvider
from lumiere_sms.sending import standings
from lumiere_sms.sending.slowness import weigh
from lumiere_sms.testing.scripted import ScriptedProvider

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sent(database, user_id, clock) -> Callable[..., None]:
    """Texts that a provider took `ago`; those that `took` a time have arrived, the others are on their way."""
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=0)

    def make(texts: int, *, ago: timedelta, took: timedelta | None = None, status: str = "sent") -> None:
        binds = {
            "user_id": user_id,
            "occurrence_id": seeded.occurrence_id,
            "campaign_id": seeded.campaign_id,
            "texts": texts,
            "at": clock.now() - ago,
            "delivered_at": clock.now() - ago + took if took else None,
            "status": "delivered" if took else status,
        }
        with database.transaction() as connection:
            connection.execute(_SENT, binds)

    standings.register(database, "scripted")
    return make


@pytest.fixture
def weight(database, clock) -> Callable[[], int]:
    def make() -> int:
        weigh(database, ScriptedProvider(), now=clock.now())
        with database.transaction() as connection:
            return standings.standing_of(connection, "scripted", now=clock.now()).weight

    return make


@pytest.mark.parametrize(
    ("slow", "quick", "expected"),
    [
        pytest.param(3, 17, 90, id="15 % of twenty"),
        pytest.param(2, 18, 100, id="10 %"),
        pytest.param(19, 0, 100, id="too few to tell"),
    ],
)
def test_a_provider_loses_ten_points_when_a_part_of_its_texts_arrived_late(sent, weight, slow, quick, expected):
    sent(slow, ago=9 * MINUTE, took=6 * MINUTE)
    sent(quick, ago=9 * MINUTE, took=MINUTE)

    assert weight() == expected


def test_a_text_that_is_on_its_way_for_too_long_is_slow(sent, weight):
    sent(20, ago=6 * MINUTE)

    assert weight() == 90


@pytest.mark.parametrize(
    ("ago", "status"),
    [
        pytest.param(4 * MINUTE, "sent", id="it is not late yet"),
        pytest.param(16 * MINUTE, "sent", id="it is long ago"),
        pytest.param(9 * MINUTE, "undelivered", id="it cannot be delivered"),
    ],
)
def test_what_says_nothing_of_a_providers_speed_is_left_out(sent, weight, ago, status):
    sent(20, ago=ago, status=status)

    assert weight() == 100


def test_ten_points_a_minute_go_whoever_looks_and_come_back_after_a_quiet_quarter_of_an_hour(sent, weight, clock):
    sent(20, ago=6 * MINUTE)
    seen = [weight(), weight()]
    clock.advance(MINUTE)
    seen.append(weight())
    for minutes in (15, 1, 4, 5, 5):
        clock.advance(minutes * MINUTE)
        seen.append(weight())

    assert seen == [90, 90, 80, 90, 90, 100, 100, 100]


def test_of_a_provider_that_says_nothing_of_delivery_nothing_is_held_to_be_slow(database, clock):
    standings.register(database, "console")

    weigh(database, ConsoleProvider(), now=clock.now())

    with database.transaction() as connection:
        assert standings.standing_of(connection, "console", now=clock.now()).weight == 100


_SENT = """
    WITH accepted AS (
        INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt,
            parts, started_at, outcome, provider_message_id, receipt_status)
        SELECT %(user_id)s, gen_random_uuid(), gen_random_uuid(), %(occurrence_id)s,
            '+81901234' || lpad(n::text, 4, '0'), 'scripted', 'sender', 1, 1, %(at)s, 'accepted',
            gen_random_uuid()::text, %(status)s
        FROM generate_series(1, %(texts)s) AS n
        RETURNING recipient_id, phone_number, provider_message_id
    )
    INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, step, timezone,
        personalized_content, encoding, segments_used, send_after, expires_at, status, provider_message_id,
        delivered_at)
    SELECT %(user_id)s, recipient_id, %(occurrence_id)s, %(campaign_id)s, phone_number, recipient_id::text,
        'Asia/Tokyo', 'hello', 'gsm7', 1, %(at)s, %(at)s, 'sent', provider_message_id, %(delivered_at)s
    FROM accepted
"""
