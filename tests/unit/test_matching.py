from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lumiere_sms.campaigns.resolving import BY_HAND
from lumiere_sms.providers.base import Receipt, ReceiptStatus
from lumiere_sms.tracking.matching import Attempt, Verdict, match

ARMED = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
TENANT = UUID(int=1)


def attempt(number=1, *, after=0.0, body="hello", sender="+15005550006", outcome="unknown", message_id=None):
    started_at = ARMED + timedelta(seconds=after)
    return Attempt(TENANT, UUID(int=number), sender, body, started_at, outcome, message_id)


def record(key="SM1", *, after: float | None = 1.0, body="hello", sender="+15005550006"):
    created_at = None if after is None else ARMED + timedelta(seconds=after)
    return Receipt(key, ReceiptStatus.SENT, sender=sender, body=body, created_at=created_at)


def verdicts(attempts, records):
    return [(each.verdict, each.record and each.record.provider_message_id) for each in match(attempts, records)]


FOUND, NOT_LISTED, DOUBTFUL = (Verdict.FOUND, "SM1"), (Verdict.NOT_LISTED, None), (Verdict.DOUBTFUL, None)


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [
        pytest.param(record(), FOUND, id="the same in all"),
        pytest.param(record(after=-5), FOUND, id="five seconds before the arm"),
        pytest.param(record(after=120), FOUND, id="two minutes after it"),
        pytest.param(record(after=-6), DOUBTFUL, id="too early"),
        pytest.param(record(after=121), DOUBTFUL, id="too late"),
        pytest.param(record(after=None), DOUBTFUL, id="without a date"),
        pytest.param(record(body="Hello"), DOUBTFUL, id="in other words"),
        pytest.param(record(sender="Lumiere"), DOUBTFUL, id="from another sender"),
        pytest.param(record(after=-3600, body="Hello"), NOT_LISTED, id="other words at another time"),
        pytest.param(record(sender="Lumiere", body="Hello"), NOT_LISTED, id="another sender's other words"),
        pytest.param(record(after=-90_000), NOT_LISTED, id="another day's"),
    ],
)
def test_a_record_is_the_text_only_where_sender_words_and_time_agree(listed, verdict):
    assert verdicts([attempt()], [listed]) == [verdict]


def test_a_record_that_is_bound_already_says_nothing():
    bound = attempt(2, outcome="accepted", message_id="SM1")

    assert verdicts([attempt(), bound], [record()]) == [NOT_LISTED]


def test_one_record_is_given_to_one_attempt_the_nearest_in_time():
    assert verdicts([attempt(1), attempt(2, after=60)], [record(after=59)]) == [NOT_LISTED, FOUND]


def test_each_attempt_gets_its_own_record():
    found = verdicts([attempt(1), attempt(2, after=60)], [record("SM2", after=61), record("SM1", after=1)])

    assert found == [(Verdict.FOUND, "SM1"), (Verdict.FOUND, "SM2")]


@pytest.mark.parametrize(
    "rival",
    [
        pytest.param(attempt(2, outcome=None), id="whose answer is awaited"),
        pytest.param(attempt(2, outcome="accepted", message_id=f"{BY_HAND}2"), id="that a person called sent"),
    ],
)
def test_a_record_that_may_be_another_attempts_is_left_to_it(rival):
    assert verdicts([attempt(), rival], [record()]) == [DOUBTFUL]


def test_another_text_that_is_on_its_way_is_no_reason_for_doubt():
    other = attempt(2, body="other words", outcome=None)

    assert verdicts([attempt(), other], [record(body="other words")]) == [NOT_LISTED]


def test_only_unknown_attempts_are_judged():
    settled = [attempt(number, outcome=outcome) for number, outcome in enumerate(("rejected", "absent", "not_sent"))]

    assert match(settled, [record()]) == []
