import asyncio
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support.claimers import Unhurried
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import recipients
from lumiere_sms.database.connection import Database, DatabaseLostError
from lumiere_sms.errors import ConfigurationError, ProviderError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action
from lumiere_sms.providers.prices import list_price
from lumiere_sms.sending import wire
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.scripted import ScriptedProvider

SENDER = "+15005550006"


def drain(dispatcher: Dispatcher) -> None:
    asyncio.run(dispatcher.run(once=True))


def recipient(database: Database, user_id: UUID, number: int = 0) -> dict[str, Any]:
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT * FROM campaign_recipients WHERE user_id = %s AND phone_number = %s", [user_id, phone(number)]
        ).fetchone()
    assert row is not None
    return row


def test_every_recipient_is_submitted_once_and_is_sent(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    provider = ScriptedProvider()

    drain(dispatcher_of(provider))

    assert sorted(each.to for each in provider.submissions) == [phone(number) for number in range(40)]
    assert statuses(database, user_id) == {"sent": 40}


def test_a_sent_recipient_keeps_its_proof_and_costs_the_parts_that_the_provider_counted(
    database, user_id, clock, dispatcher_of
):
    seed_campaign(database, user_id, now=clock.now(), texts=1, parts=2)
    price = list_price("twilio", "JP")

    drain(dispatcher_of(ScriptedProvider()))

    found = recipient(database, user_id)
    assert (found["provider_message_id"], found["segments_used"]) == ("scripted-1", 1)
    assert (found["cost"], found["currency"]) == (price.amount, price.currency)
    assert found["sent_at"] == clock.now()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(
            RejectedError("no", code="21614", action=Action.INVALID_NUMBER), "failed", id="rejected is failed"
        ),
        pytest.param(UnavailableError("busy"), "pending", id="unavailable goes again"),
        pytest.param(UnknownOutcomeError("silence"), "unknown", id="unknown is never sent again"),
        pytest.param(RejectedError("stop", code="21610", action=Action.OPT_OUT), "suppressed", id="a refusal is final"),
        pytest.param(RejectedError("sender", code="21606", action=Action.STOP_CAMPAIGN), "pending", id="a bad sender"),
    ],
)
def test_an_answer_decides_the_recipients_state(
    database, user_id, clock, dispatcher_of, error: ProviderError, status: str
):
    seed_campaign(database, user_id, now=clock.now(), texts=1)

    drain(dispatcher_of(ScriptedProvider([error])))

    assert statuses(database, user_id) == {status: 1}


def test_an_unknown_recipient_is_never_submitted_again(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider([UnknownOutcomeError("silence")])

    drain(dispatcher_of(provider))
    clock.advance(timedelta(minutes=30))
    sweep(database, clock=clock)
    drain(dispatcher_of(provider))

    assert len(provider.submissions) == 1
    assert statuses(database, user_id) == {"unknown": 1}


def test_an_unavailable_provider_is_asked_again_after_a_rest(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider([UnavailableError("busy")])
    drain(dispatcher_of(provider))

    clock.advance(timedelta(seconds=61))
    drain(dispatcher_of(provider))

    assert statuses(database, user_id) == {"sent": 1}
    assert len(provider.submissions) == 2


def test_a_sender_that_refuses_call_after_call_is_left_alone(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=100)
    provider = ScriptedProvider([UnavailableError("down")] * 100)
    dispatcher = dispatcher_of(provider, slots=4)

    drain(dispatcher)

    assert 5 <= len(provider.submissions) <= 50
    assert dispatcher.why == "down"
    assert statuses(database, user_id) == {"pending": 100}


def test_a_number_that_was_refused_for_good_is_suppressed(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)

    drain(dispatcher_of(ScriptedProvider([RejectedError("stop", code="21610", action=Action.OPT_OUT)])))

    with database.transaction() as connection:
        rows = connection.execute("SELECT phone_number, reason, source FROM suppressions").fetchall()
    assert rows == [{"phone_number": phone(0), "reason": "opted_out", "source": "provider"}]


def test_a_configuration_error_pauses_the_campaign_and_loses_nobody(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    error = RejectedError("the sender is not ours", code="21606", action=Action.STOP_CAMPAIGN)

    provider = ScriptedProvider([error] * 5)

    drain(dispatcher_of(provider, slots=1))

    with database.transaction() as connection:
        campaign = connection.execute("SELECT status, status_reason, status_by FROM sms_campaigns").fetchone()
        alerts = connection.execute("SELECT kind, subject FROM alerts").fetchall()
    assert campaign == {"status": "paused", "status_reason": "the sender is not ours", "status_by": "rule"}
    assert alerts == [{"kind": "campaign_paused", "subject": "spring"}]
    assert statuses(database, user_id) == {"pending": 5}
    assert len(provider.submissions) <= 2  # one more may have been armed ahead, before the answer was there


def test_a_provider_that_breaks_leaves_an_unknown_recipient_and_sends_the_others(
    database, user_id, clock, dispatcher_of, caplog
):
    class Broken(ScriptedProvider):
        async def submit(self, message):
            if message.to == phone(0):
                raise ZeroDivisionError
            return await super().submit(message)

    seed_campaign(database, user_id, now=clock.now(), texts=3)

    drain(dispatcher_of(Broken()))

    assert statuses(database, user_id) == {"sent": 2, "unknown": 1}


def test_an_opt_out_between_claim_and_arm_is_not_sent(database, user_id, clock, dispatcher_of):
    class OptsOut(Unhurried):
        def claim(self, database, *, slots, now):
            found = super().claim(database, slots=slots, now=now)
            with database.transaction() as connection:
                suppress(connection, user_id, phone(0), reason="opted_out", source="operator", now=now)
            return found

    seed_campaign(database, user_id, now=clock.now(), texts=2)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider)
    dispatcher._claimer = OptsOut(dispatcher._daemon, provider=provider.name, default_sender=SENDER)

    drain(dispatcher)

    assert [each.to for each in provider.submissions] == [phone(1)]
    assert statuses(database, user_id) == {"sent": 1, "suppressed": 1}


def test_a_campaign_paused_between_claim_and_arm_is_not_sent(database, user_id, clock, dispatcher_of):
    class Pauses(Unhurried):
        def claim(self, database, *, slots, now):
            found = super().claim(database, slots=slots, now=now)
            with database.transaction() as connection:
                connection.execute("UPDATE sms_campaigns SET status = 'paused', status_reason = 'by hand'")
            return found

    seed_campaign(database, user_id, now=clock.now(), texts=2)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider)
    dispatcher._claimer = Pauses(dispatcher._daemon, provider=provider.name, default_sender=SENDER)

    drain(dispatcher)

    assert provider.submissions == []
    assert statuses(database, user_id) == {"pending": 2}


def test_pace_that_was_claimed_and_not_used_is_given_back(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    with database.transaction() as connection:
        suppress(connection, user_id, phone(0), reason="blocked", source="operator", now=None)

    drain(dispatcher_of(ScriptedProvider(), parts_per_second=4))

    with database.transaction() as connection:
        pace = connection.execute("SELECT tat FROM pace_limits").fetchone()
    assert pace == {"tat": clock.now()}


def test_a_text_is_never_given_more_validity_than_its_window_has_left(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1, window=["09:00-10:30"])
    provider = ScriptedProvider()

    drain(dispatcher_of(provider))

    assert [each.validity for each in provider.submissions] == [timedelta(minutes=30, seconds=-55)]


def test_what_a_closed_window_holds_back_waits_for_the_next_one(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=3, window=["14:00-16:00"], expires_in=timedelta(hours=8))
    provider = ScriptedProvider()

    drain(dispatcher_of(provider))

    assert provider.submissions == []
    assert recipient(database, user_id)["send_after"] == clock.now() + timedelta(hours=4)
    assert statuses(database, user_id) == {"pending": 3}


def test_two_dispatchers_at_once_submit_each_text_once(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=200)
    provider = ScriptedProvider()

    async def both() -> None:
        await asyncio.gather(dispatcher_of(provider).run(once=True), dispatcher_of(provider).run(once=True))

    asyncio.run(both())

    assert sorted(each.to for each in provider.submissions) == [phone(number) for number in range(200)]


def test_stopping_gives_back_what_is_not_on_the_wire(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=20)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider, slots=4)

    async def stop_in_flight() -> None:
        provider.hold()
        running = asyncio.create_task(dispatcher.run(once=False))
        await provider.arrived(4)
        dispatcher.stop()
        provider.release()
        await running

    asyncio.run(stop_in_flight())

    assert statuses(database, user_id) == {"pending": 16, "sent": 4}


def test_an_answer_that_comes_after_the_lease_is_over_still_binds(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider)

    async def answer_late() -> dict[str, int]:
        provider.hold()
        running = asyncio.create_task(dispatcher.run(once=True))
        await provider.arrived(1)
        clock.advance(recipients.LEASE * 2)
        sweep(database, clock=clock)
        reaped = statuses(database, user_id)
        provider.release()
        await running
        return reaped

    assert asyncio.run(answer_late()) == {"unknown": 1}
    assert statuses(database, user_id) == {"sent": 1}


class Flaky(Dispatcher):
    """Loses its first arm, before it is asked or after it is committed, and its first settlement."""

    loses = ""
    reconnect = 0.05

    def _arm_now(self, user_id, work):
        if self._loses_now("before the arm"):
            raise DatabaseLostError("the connection broke")
        passed = super()._arm_now(user_id, work)
        if self._loses_now("after the arm"):
            raise DatabaseLostError("the connection broke")
        return passed

    def _settle_now(self, user_id, answers):
        if self._loses_now("before the settlement"):
            raise DatabaseLostError("the connection broke")
        super()._settle_now(user_id, answers)

    def _loses_now(self, when):
        loses, self.loses = self.loses == when, "" if self.loses == when else self.loses
        return loses


@pytest.mark.parametrize("when", ["before the arm", "after the arm", "before the settlement"])
def test_a_database_that_is_lost_for_a_moment_leaves_nobody_in_doubt(database, user_id, clock, dispatcher_of, when):
    seed_campaign(database, user_id, now=clock.now(), texts=6)
    provider = ScriptedProvider()
    flaky = dispatcher_of(provider, slots=6, kind=Flaky)
    flaky.loses = when

    drain(flaky)
    clock.advance(timedelta(seconds=6))
    drain(dispatcher_of(provider))

    assert statuses(database, user_id) == {"sent": 6}
    assert len(provider.submissions) == 6
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM alerts").fetchone() == {"count": 0}


def test_a_pass_ends_when_the_database_refuses_claim_after_claim(dispatcher_of):
    class Refused(Unhurried):
        def claim(self, database, *, slots, now):
            raise ConfigurationError("the disk is full")

    class Impatient(Dispatcher):
        reconnect = 0.0

    dispatcher = dispatcher_of(ScriptedProvider(), kind=Impatient)
    dispatcher._claimer = Refused(dispatcher._daemon, provider="scripted", default_sender=SENDER)

    with pytest.raises(ConfigurationError, match="the disk is full"):
        drain(dispatcher)


def test_a_pass_whose_claim_is_lost_in_its_commit_leaves_nobody_behind(database, user_id, clock, dispatcher_of):
    class Broken:
        @contextmanager
        def transaction(self, **options):
            with database.transaction(**options) as connection:
                yield connection
                raise DatabaseLostError("the connection broke")

    class BreaksOnce(Unhurried):
        claims = 0

        def claim(self, database, **options):
            self.claims += 1
            return super().claim(Broken() if self.claims == 1 else database, **options)

    seed_campaign(database, user_id, now=clock.now(), texts=3)
    dispatcher = dispatcher_of(ScriptedProvider())
    dispatcher.reconnect = 0.01
    dispatcher._claimer = BreaksOnce(dispatcher._daemon, provider="scripted", default_sender=SENDER)

    drain(dispatcher)

    assert statuses(database, user_id) == {"sent": 3}


def test_a_call_that_did_not_begin_in_time_goes_again_in_the_same_pass(database, user_id, clock, dispatcher_of):
    class SlowAtFirst(Dispatcher):
        too_late = 1

        def _arm_now(self, user_id, work):
            armed, armed_at = super()._arm_now(user_id, work)
            self.too_late -= 1
            return armed, armed_at - wire.STALE * (self.too_late >= 0)

    seed_campaign(database, user_id, now=clock.now(), texts=2)
    provider = ScriptedProvider()

    drain(dispatcher_of(provider, kind=SlowAtFirst))

    assert statuses(database, user_id) == {"sent": 2}
    assert len(provider.submissions) == 2


def test_a_pass_whose_calls_never_begin_in_time_ends_and_sends_nothing(database, user_id, clock, dispatcher_of):
    class Slow(Dispatcher):
        def _arm_now(self, user_id, work):
            armed, armed_at = super()._arm_now(user_id, work)
            return armed, armed_at - wire.STALE

    seed_campaign(database, user_id, now=clock.now(), texts=2)
    provider = ScriptedProvider()

    drain(dispatcher_of(provider, kind=Slow))

    assert provider.submissions == []
    assert statuses(database, user_id) == {"pending": 2}


def test_a_slot_that_is_free_is_filled_though_the_others_still_wait_for_their_answers(
    database, user_id, clock, dispatcher_of
):
    class OneIsSlow(ScriptedProvider):
        async def submit(self, message):
            if message.to == phone(0):
                await self.arrived(9)
            return await super().submit(message)

    seed_campaign(database, user_id, now=clock.now(), texts=10)
    provider = OneIsSlow()

    drain(dispatcher_of(provider, slots=2))

    assert statuses(database, user_id) == {"sent": 10}
    assert provider.submissions[-1].to == phone(0)
