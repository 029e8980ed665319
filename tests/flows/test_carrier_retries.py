import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.salon import only, rows
from support.seeds import seed_campaign, statuses

from lumiere_sms.campaigns.lifecycle import delete
from lumiere_sms.errors import UnavailableError
from lumiere_sms.providers.base import Action, ReceiptStatus
from lumiere_sms.sending.polling import Poller
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.scripted import ScriptedProvider

PHONE_IS_OFF, SPAM = "30003", "30007"


class Story:
    """A campaign of one text, its provider, and time that passes."""

    def __init__(self, database, user_id, clock, dispatcher_of) -> None:
        self.provider = ScriptedProvider(clock=clock)
        self._database, self._user_id, self._clock, self._dispatcher_of = database, user_id, clock, dispatcher_of

    def begin(self, kind: str = "reminder", *, max_retries: int = 2, hours: float = 8) -> None:
        lasts = timedelta(hours=hours)
        seed_campaign(self._database, self._user_id, now=self._clock.now(), texts=1, expires_in=lasts)
        with self._database.transaction() as connection:
            connection.execute("UPDATE sms_campaigns SET type = %s, max_retries = %s", [kind, max_retries])
        self.dispatch()

    def dispatch(self) -> None:
        asyncio.run(self._dispatcher_of(self.provider).run(once=True))
        sweep(self._database, clock=self._clock)

    def report(self, status: ReceiptStatus, code: str = "", *, text: int = -1) -> None:
        """Say what became of a text; the newest if none is named."""
        receipts = self.provider._receipts
        key = list(receipts)[text]
        receipts[key] = replace(receipts[key], status=status, code=code)
        poller = Poller(self._database, self.provider, clock=self._clock, seconds_between=0)
        asyncio.run(poller.poll())
        sweep(self._database, clock=self._clock)

    def wait(self, **time: Any) -> None:
        self._clock.advance(timedelta(**time))

    @property
    def texts(self) -> int:
        return len(self.provider.submissions)

    @property
    def status(self) -> str:
        (found,) = statuses(self._database, self._user_id)
        return found


@pytest.fixture
def story(database, user_id, clock, dispatcher_of) -> Story:
    return Story(database, user_id, clock, dispatcher_of)


def test_a_reminder_that_a_phone_was_off_for_is_texted_again_after_15_minutes_and_2_hours_and_no_more(database, story):
    story.begin()
    completed = only(database, "sms_campaigns")["status"]
    seen = []
    for minutes in (14, 1, 119, 1):
        if minutes in (14, 119):
            story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)
        story.wait(minutes=minutes)
        story.dispatch()
        seen.append((story.texts, story.status))
    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)

    assert completed == "completed"
    assert seen == [(1, "pending"), (2, "sent"), (2, "pending"), (3, "sent")]
    assert story.status == "bounced"
    assert [each["attempt"] for each in rows(database, "submissions", order="attempt")] == [1, 2, 3]
    assert only(database, "sms_campaigns")["status"] == "completed"


@pytest.mark.parametrize(
    ("campaign", "code"),
    [
        pytest.param({"kind": "blast"}, PHONE_IS_OFF, id="a blast"),
        pytest.param({"kind": "promotional"}, PHONE_IS_OFF, id="a promotion"),
        pytest.param({}, SPAM, id="a failure that does not pass"),
        pytest.param({"max_retries": 0}, PHONE_IS_OFF, id="no retries wanted"),
        pytest.param({"hours": 0.28}, PHONE_IS_OFF, id="no time left"),
    ],
)
def test_what_is_not_texted_again(story, campaign, code):
    story.begin(**campaign)

    story.report(ReceiptStatus.UNDELIVERED, code)
    story.wait(hours=3)
    story.dispatch()

    assert (story.texts, story.status) == (1, "bounced")


def test_a_text_that_arrived_after_all_is_not_followed_by_another(database, story):
    story.begin()
    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)

    story.report(ReceiptStatus.DELIVERED)
    story.wait(minutes=16)
    story.dispatch()

    assert (story.texts, story.status) == (1, "delivered")


def test_a_text_that_arrived_after_all_is_not_followed_by_one_that_was_throttled(story):
    story.begin()
    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)
    story.wait(minutes=15)
    story.provider._script.append(UnavailableError("too fast", action=Action.CUT_PACE))
    story.dispatch()

    story.report(ReceiptStatus.DELIVERED, text=0)
    story.wait(minutes=2)
    story.dispatch()

    assert (len(story.provider.accepted), story.status) == (1, "delivered")


def test_a_reminder_of_a_campaign_that_was_deleted_is_not_texted_again(database, user_id, clock, story):
    story.begin()
    delete(database, user_id, name="spring", clock=clock)

    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)

    assert (story.texts, story.status) == (1, "bounced")
    assert only(database, "sms_campaigns")["status"] == "completed"


def test_a_reminder_that_was_cancelled_meanwhile_is_not_texted_again(database, story):
    story.begin()
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET status = 'cancelled', status_reason = 'by hand'")

    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)

    assert (story.texts, story.status) == (1, "bounced")


def test_a_late_receipt_of_the_first_text_says_nothing_of_the_second(story):
    story.begin()
    story.report(ReceiptStatus.UNDELIVERED, PHONE_IS_OFF)
    story.wait(minutes=15)
    story.dispatch()

    story.report(ReceiptStatus.FAILED, SPAM, text=0)

    assert (story.texts, story.status) == (2, "sent")
