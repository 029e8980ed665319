import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from support.doubts import (
    WORDS,
    findings,
    look,
    look_to_the_end,
    reconciler_of,
    seed_same_words,
    send,
)
from support.salon import only, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.lifecycle import cancel
from lumiere_sms.campaigns.retrying import DOUBTFUL, Wish, retry
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError, UnavailableError
from lumiere_sms.providers.base import Receipt, ReceiptStatus
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.scripted import Lost, ScriptedProvider
from lumiere_sms.tracking.doubts import bind_named


@pytest.fixture
def doubt(database, user_id, clock, dispatcher_of):
    """One text in doubt, accepted or not, and what is needed to look for it."""

    def make(*, accepted: bool, skew: timedelta = timedelta()):
        seed_campaign(database, user_id, now=clock.now(), texts=1)
        provider = ScriptedProvider([Lost(accepted=accepted)], clock=clock)
        provider.skew = skew
        send(dispatcher_of, provider)
        assert statuses(database, user_id) == {"unknown": 1}
        return provider, reconciler_of(database, provider, clock)

    return make


def test_a_text_whose_answer_was_lost_is_found_and_bound(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=True)

    seen = look(reconciler, clock, after=5)

    assert seen == {"found": 1}
    recipient, submission = only(database, "campaign_recipients"), only(database, "submissions")
    assert (recipient["status"], recipient["provider_message_id"]) == ("sent", "scripted-1")
    assert (recipient["reason"], recipient["error_message"]) == (None, None)
    assert (recipient["sent_at"], recipient["cost"] > 0) == (submission["started_at"], True)
    assert (submission["outcome"], submission["provider_message_id"]) == ("accepted", "scripted-1")
    assert submission["finding"] == "found by look 1, 5 s on: scripted-1"
    assert provider.lists == [phone(0)]


def test_what_became_of_a_found_text_is_taken_over_at_once(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=True)
    provider.report(phone(0), ReceiptStatus.DELIVERED)

    look(reconciler, clock, after=5)

    assert statuses(database, user_id) == {"delivered": 1}


def test_a_text_that_was_never_accepted_is_sent_again_after_two_late_looks(
    database, user_id, clock, doubt, dispatcher_of
):
    provider, reconciler = doubt(accepted=False)

    early = [look(reconciler, clock, after=seconds) for seconds in (5, 26, 90)]
    before = statuses(database, user_id)
    last = look(reconciler, clock, after=61)
    send(dispatcher_of, provider)

    assert early == [{"open": 1}] * 3
    assert before == {"unknown": 1}
    assert last == {"absent": 1}
    assert statuses(database, user_id) == {"sent": 1}
    assert len(provider.accepted) == 1
    outcomes = [each["outcome"] for each in rows(database, "submissions", order="started_at")]
    assert outcomes == ["absent", "accepted"]
    assert findings(database)[0] == "not found by 4 looks, the last 185 s on"


def test_a_text_that_is_listed_late_is_waited_for(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=True)
    provider.list_lag = timedelta(seconds=100)

    seen = look_to_the_end(reconciler, clock)

    assert seen == {"open": 2, "found": 1}
    assert statuses(database, user_id) == {"sent": 1}


def test_a_look_before_the_provider_must_have_listed_it_proves_nothing(database, user_id, clock, doubt):
    _, reconciler = doubt(accepted=False)
    clock.advance(timedelta(seconds=119))
    for _ in range(3):  # many looks, all of them early
        asyncio.run(reconciler.step())

    assert look(reconciler, clock, after=2) == {"open": 1}
    assert look(reconciler, clock, after=20) == {}  # the second late look is not due yet
    assert statuses(database, user_id) == {"unknown": 1}


def test_records_that_cannot_be_read_prove_nothing(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=False)
    provider.list_failure = UnavailableError("Twilio answered 500")

    seen = sum((look(reconciler, clock, after=300) for _ in range(4)), start=look(reconciler, clock, after=5))

    assert seen["open"] == 5
    assert statuses(database, user_id) == {"unknown": 1}
    submission = only(database, "submissions")
    assert (submission["looks"], submission["absent_at"]) == (0, None)
    assert submission["finding"] == "the provider's records cannot be read: Twilio answered 500"


@pytest.mark.parametrize("minutes", [pytest.param(-20, id="behind"), pytest.param(20, id="ahead")])
def test_a_provider_whose_clock_is_off_leaves_the_doubt_to_a_person(database, user_id, clock, doubt, minutes):
    _, reconciler = doubt(accepted=True, skew=timedelta(minutes=minutes))

    seen = look_to_the_end(reconciler, clock)

    assert seen == {"open": 4}
    assert statuses(database, user_id) == {"unknown": 1}
    assert f"is dated 1,200 s {'after' if minutes > 0 else 'before'} the attempt" in findings(database)[0]


def test_a_text_whose_words_the_provider_changed_leaves_the_doubt_to_a_person(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=True)
    provider._receipts = {
        key: replace(receipt, body=f"Sent from a trial account - {receipt.body}")
        for key, receipt in provider._receipts.items()
    }

    seen = look_to_the_end(reconciler, clock)

    assert seen == {"open": 4}
    assert "scripted-1 belongs to nobody and is like this one, but has other words" in findings(database)[0]


def test_what_stays_open_is_looked_for_ever_more_rarely_and_closed_after_a_day(database, user_id, clock, doubt):
    provider, reconciler = doubt(accepted=True, skew=timedelta(minutes=20))

    look_to_the_end(reconciler, clock)
    for _ in range(80):
        look(reconciler, clock, after=1800)

    assert 12 <= len(provider.lists) <= 24
    assert only(database, "submissions")["closed_at"] is not None
    assert statuses(database, user_id) == {"unknown": 1}


def test_what_no_daemon_was_there_to_look_for_in_time_is_looked_for_once_and_left_to_a_person(
    database, user_id, clock, doubt
):
    provider, reconciler = doubt(accepted=False)
    clock.advance(timedelta(days=4))

    for _ in range(3):
        look(reconciler, clock, after=100)

    assert len(provider.lists) == 1
    assert statuses(database, user_id) == {"unknown": 1}
    assert only(database, "submissions")["closed_at"] is not None


def test_a_found_text_without_a_list_price_is_bound_all_the_same(database, user_id, clock, doubt):
    def none(_):
        raise ConfigurationError("the price list names no such country")

    _, reconciler = doubt(accepted=True)
    reconciler._judge = replace(reconciler._judge, price_of=none)

    look(reconciler, clock, after=5)

    assert statuses(database, user_id) == {"sent": 1}
    assert only(database, "campaign_recipients")["cost"] is None


_WAITING = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_a_look_waits_for_a_campaign_without_holding_what_comes_after_campaigns(
    database, database_url, user_id, clock, doubt
):
    provider, reconciler = doubt(accepted=True)
    provider.report(phone(0), ReceiptStatus.UNDELIVERED, code="30005")
    with psycopg.connect(database_url, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute("SELECT FROM sms_campaigns FOR SHARE")
            looking = pool.submit(look, reconciler, clock, after=5)
            while not other.execute(_WAITING).fetchone():
                assert not looking.done()
            other.execute("SELECT FROM campaign_recipients FOR UPDATE NOWAIT")

        assert looking.result() == {"found": 1}
    assert statuses(database, user_id) == {"bounced": 1}


def test_a_text_that_is_proved_absent_is_looked_for_at_once_and_everywhere(clock, doubt):
    nudged = []
    _, reconciler = doubt(accepted=False)
    reconciler._idling.join(object(), nudged.append)

    look_to_the_end(reconciler, clock)

    assert nudged == [True]


def test_of_two_campaigns_with_the_same_text_in_doubt_exactly_one_is_sent_again(
    database, user_id, clock, dispatcher_of
):
    for name in ("spring", "summer"):
        seed_same_words(database, user_id, name=name, clock=clock)
    provider = ScriptedProvider([Lost(accepted=True), Lost(accepted=False)], clock=clock)
    send(dispatcher_of, provider)
    reconciler = reconciler_of(database, provider, clock)

    seen = look_to_the_end(reconciler, clock)
    send(dispatcher_of, provider)

    assert (seen["found"], seen["absent"]) == (1, 1)
    assert statuses(database, user_id) == {"sent": 2}
    assert [each.body for each in provider.accepted] == [WORDS, WORDS]


def test_a_text_of_an_attempt_that_is_on_its_way_is_not_taken_for_another(database, user_id, clock, dispatcher_of):
    first = seed_same_words(database, user_id, name="spring", clock=clock)
    provider = ScriptedProvider([Lost(accepted=False)], clock=clock)
    send(dispatcher_of, provider)
    seed_same_words(database, user_id, name="summer", clock=clock)

    class LooksMeanwhile(ScriptedProvider):
        async def submit(self, message):
            taken = await super().submit(message)  # accepted, and not settled yet
            clock.advance(timedelta(seconds=5))
            self.seen = await reconciler.step()
            return taken

    meanwhile = LooksMeanwhile(clock=clock)
    reconciler = reconciler_of(database, meanwhile, clock)
    send(dispatcher_of, meanwhile)

    assert meanwhile.seen == {"open": 1}
    assert statuses(database, user_id, name="summer") == {"sent": 1}
    found = [each for each in rows(database, "submissions") if each["occurrence_id"] == first.occurrence_id]
    assert found[0]["finding"].endswith("another text with the same words is not settled yet")


def test_a_late_answer_whose_text_was_given_to_another_attempt_leaves_its_own_in_doubt(
    database, user_id, clock, dispatcher_of
):
    for name in ("spring", "summer"):
        seed_same_words(database, user_id, name=name, clock=clock)

    class Frozen(ScriptedProvider):
        async def submit(self, message):
            taken = await super().submit(message)  # accepted; its daemon freezes until its lease is over
            clock.advance(recipients.LEASE + timedelta(seconds=1))
            sweep(database, clock=clock)
            self.seen = await reconciler.step()
            return taken

    provider = Frozen([Lost(accepted=False)], clock=clock)
    reconciler = reconciler_of(database, provider, clock)
    send(dispatcher_of, provider)
    before = statuses(database, user_id)
    details = {each["detail"] for each in rows(database, "submissions")}
    look_to_the_end(reconciler, clock)
    look_to_the_end(reconciler, clock)

    assert "the provider's id of this text belongs to another attempt" in details
    assert before == {"sent": 1, "unknown": 1}
    assert [each["outcome"] for each in rows(database, "submissions")].count("absent") == 1
    assert statuses(database, user_id) == {"pending": 1, "sent": 1}


def test_a_late_answer_stops_a_text_that_was_held_to_be_absent(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)

    class Frozen(ScriptedProvider):
        async def submit(self, message):
            taken = await super().submit(message)
            self.list_lag = timedelta(days=1)
            clock.advance(recipients.LEASE + timedelta(seconds=1))
            sweep(database, clock=clock)
            with database.transaction() as connection:  # or the text is armed again before the answer is settled
                connection.execute("UPDATE sms_campaigns SET status = 'paused', status_reason = 'a look'")
            for _ in range(4):
                clock.advance(timedelta(seconds=60))
                await reconciler.step()
            self.before = statuses(database, user_id)
            return taken

    provider = Frozen(clock=clock)
    reconciler = reconciler_of(database, provider, clock)
    send(dispatcher_of, provider)

    assert provider.before == {"pending": 1}
    assert statuses(database, user_id) == {"sent": 1}
    assert only(database, "submissions")["outcome"] == "accepted"
    assert len(provider.accepted) == 1


def test_a_recipient_of_a_cancelled_campaign_is_not_sent_again(database, user_id, clock, doubt, dispatcher_of):
    provider, reconciler = doubt(accepted=False)
    cancel(database, user_id, name="spring", clock=clock)

    look_to_the_end(reconciler, clock)
    send(dispatcher_of, provider)

    assert statuses(database, user_id) == {"cancelled": 1}
    assert provider.accepted == []


def test_a_daemon_that_dies_during_a_look_is_followed_by_another(database, user_id, clock, doubt):
    class Dies(ScriptedProvider):
        async def list_to(self, phone):
            raise SystemExit

    provider, reconciler = doubt(accepted=True)
    clock.advance(timedelta(seconds=5))
    with pytest.raises(SystemExit):
        asyncio.run(reconciler_of(database, Dies(clock=clock), clock).step())

    assert look(reconciler, clock, after=2) == {}
    assert look(reconciler, clock, after=30) == {"found": 1}
    assert len(provider.lists) == 1


def test_all_daemons_together_ask_once_a_second(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=6)
    provider = ScriptedProvider([Lost(accepted=True)] * 6, clock=clock)
    send(dispatcher_of, provider)
    daemons = [reconciler_of(database, provider, clock) for _ in range(2)]
    clock.advance(timedelta(seconds=5))

    asked = []
    for _ in range(8):
        for daemon in daemons:
            asyncio.run(daemon.step())
        asked.append(len(provider.lists))
        clock.advance(timedelta(seconds=1))

    assert asked == [1, 2, 3, 4, 5, 6, 6, 6]
    assert len(set(provider.lists)) == 6
    assert statuses(database, user_id) == {"sent": 6}


def test_a_text_that_a_person_put_back_is_not_sent_if_it_is_found_meanwhile(
    database, user_id, clock, doubt, dispatcher_of
):
    provider, reconciler = doubt(accepted=True)
    retry(database, user_id, name="spring", wish=Wish(DOUBTFUL, reason="in a hurry"), clock=clock)
    assert statuses(database, user_id) == {"pending": 1}

    look(reconciler, clock, after=5)
    send(dispatcher_of, provider)

    assert statuses(database, user_id) == {"sent": 1}
    assert len(provider.accepted) == 1


def test_a_text_that_is_found_after_its_recipient_was_texted_again_raises_an_alert(
    database, user_id, clock, doubt, dispatcher_of
):
    provider, reconciler = doubt(accepted=True)
    retry(database, user_id, name="spring", wish=Wish(DOUBTFUL, reason="in a hurry"), clock=clock)
    send(dispatcher_of, provider)

    look(reconciler, clock, after=5)

    alert, recipient = only(database, "alerts"), only(database, "campaign_recipients")
    assert (alert["kind"], alert["subject"]) == ("two_texts", str(recipient["id"]))
    assert recipient["provider_message_id"] == "scripted-2"
    assert Counter(each["provider_message_id"] for each in rows(database, "submissions")) == {
        "scripted-1": 1,
        "scripted-2": 1,
    }


def test_a_report_that_names_an_attempt_with_the_id_of_another_text_binds_nothing(
    database, user_id, clock, dispatcher_of
):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    provider = ScriptedProvider([Lost(accepted=False)], clock=clock)
    asyncio.run(dispatcher_of(provider, slots=1).run(once=True))
    lost, sent = provider.submissions
    named = Receipt("scripted-1", ReceiptStatus.SENT, attempt_id=lost.attempt_id)

    with database.transaction() as connection:
        bound = bind_named(connection, user_id, [named], provider="scripted", now=clock.now())

    assert bound == []
    assert (lost.to, sent.to) == (phone(0), phone(1))
    assert statuses(database, user_id) == {"sent": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("accepted", "reserved", "committed"),
    [pytest.param(True, "0.0000", "0.0842", id="found"), pytest.param(False, "0.0000", "0.0000", id="absent")],
)
def test_a_budget_keeps_what_is_in_doubt_until_it_is_decided(
    database, user_id, clock, dispatcher_of, accepted, reserved, committed
):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO budgets (user_id, id, campaign_id, amount, currency) VALUES (%s, %s, %s, 1, 'USD')",
            [user_id, new_id(), seeded.campaign_id],
        )
    provider = ScriptedProvider([Lost(accepted=accepted)], clock=clock)
    send(dispatcher_of, provider)
    before = only(database, "budgets")

    look_to_the_end(reconciler_of(database, provider, clock), clock)

    budget = only(database, "budgets")
    assert (before["reserved"], before["committed"]) == (Decimal("0.0842"), 0)
    assert (budget["reserved"], budget["committed"]) == (Decimal(reserved), Decimal(committed))


def test_a_single_pass_stays_awake_while_a_doubt_will_be_decided(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider([Lost(accepted=True)], clock=clock)
    send(dispatcher_of, provider)
    provider.list_failure = UnavailableError("down")
    reconciler = reconciler_of(database, provider, clock)

    awake = []
    for seconds in (0, 5, 26, 90, 61, 30):
        look(reconciler, clock, after=seconds)
        asyncio.run(reconciler.watch())
        awake.append(bool(reconciler._waiting))

    assert awake == [True, True, True, True, False, False]
