import asyncio
import re
from collections import deque
from datetime import timedelta

import pytest
from support.salon import only, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.campaigns import lifecycle
from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.base import Action, ReceiptStatus
from lumiere_sms.sending.polling import Poller
from lumiere_sms.testing.scripted import ScriptedProvider

STRANGE_COUNTRY = RejectedError("texts to this country are not enabled", code="21408", action=Action.STOP_CAMPAIGN)
NO_SUCH_NUMBER = RejectedError("no such number", code="21604")


@pytest.fixture
def dispatch(dispatcher_of):
    def run(provider: ScriptedProvider, *, slots: int = 1) -> ScriptedProvider:
        asyncio.run(dispatcher_of(provider, slots=slots).run(once=True))
        return provider

    return run


def campaign(database):
    found = only(database, "sms_campaigns")
    return found["status"], found["status_reason"]


def test_five_configuration_errors_in_a_row_stop_a_campaign_and_fewer_do_not(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=40)

    dispatch(ScriptedProvider([None, *[STRANGE_COUNTRY] * 4, None, *[STRANGE_COUNTRY] * 34]))

    assert campaign(database) == ("paused", "texts to this country are not enabled (5 times in a row)")
    found = statuses(database, user_id)
    assert found["sent"] == 2  # the four before the second one stopped nothing
    assert 9 <= found["failed"] < 20  # and those on their way when the fifth came
    assert [alert["kind"] for alert in rows(database, "alerts")] == ["campaign_paused"]


def test_before_anything_was_accepted_one_configuration_error_is_enough(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=2)

    dispatch(ScriptedProvider([UnavailableError("no connection"), STRANGE_COUNTRY]))

    assert campaign(database) == ("paused", "texts to this country are not enabled")


def test_more_than_a_fifth_that_fail_for_good_stops_a_campaign_and_who_resumes_it_begins_anew(
    database, user_id, clock, dispatch
):
    seed_campaign(database, user_id, now=clock.now(), texts=200)
    provider = ScriptedProvider([None, NO_SUCH_NUMBER] * 100)

    dispatch(provider)
    stopped, reason = campaign(database)
    before = len(provider.submissions)
    provider._script = deque([NO_SUCH_NUMBER] * 20)
    clock.advance(timedelta(seconds=1))
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    clock.advance(timedelta(seconds=1))
    dispatch(provider)

    assert stopped == "paused"
    assert re.fullmatch(r"\d\d of its last \d+ texts failed for good", reason)
    assert 41 <= before < 150
    assert len(provider.submissions) == 200


@pytest.mark.parametrize(
    ("code", "failed", "reason"),
    [
        pytest.param("30007", 6, None, id="six taken for spam"),
        pytest.param("30007", 7, "carriers took 7 of its last 40 texts for spam", id="seven taken for spam"),
        pytest.param("30005", 20, None, id="twenty that could not be delivered"),
        pytest.param("30005", 21, "21 of its last 40 texts failed for good", id="twenty-one"),
        pytest.param("30003", 40, None, id="phones that are off"),
        pytest.param("30034", 5, "the sender is not registered (5 times in a row)", id="a sender that carriers refuse"),
    ],
)
def test_what_carriers_report_stops_a_campaign(database, user_id, clock, dispatch, code, failed, reason):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    seed_campaign(database, user_id, now=clock.now(), texts=1, name="other", first=100)
    provider = dispatch(ScriptedProvider(clock=clock), slots=64)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'pending' WHERE phone_number = %s", [phone(39)])

    for number in range(failed):
        provider.report(phone(number), ReceiptStatus.UNDELIVERED, code=code)
    asyncio.run(Poller(database, provider, clock=clock, seconds_between=0).poll())

    found = {row["name"]: row["status_reason"] for row in rows(database, "sms_campaigns")}
    assert found == {"other": None, "spring": reason}
