"""Whoever answers a text is heard, whatever its sender has become since."""

import asyncio
from datetime import timedelta

import pytest
from support.salon import rows
from support.seeds import phone

from lumiere_sms.sending.answering import ANSWERED_WITHIN, ReplyPoller, Senders
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.testing.scripted import ScriptedProvider

OLD, NEW = "+15005550006", "+15005550007"


@pytest.mark.parametrize(
    ("since", "refused"),
    [
        pytest.param(timedelta(days=1), [phone(0)], id="texted lately"),
        pytest.param(ANSWERED_WITHIN, [], id="texted long ago"),
    ],
)
def test_an_answer_to_a_sender_that_is_the_tenants_no_more_is_taken_in(database, clock, since, refused):
    register_senders(database, provider="scripted", default_sender=OLD, parts_per_second=1.0)
    with database.transaction() as connection:
        connection.execute("UPDATE pace_limits SET tat = %s WHERE sender = %s", [clock.now() - since, OLD])
    provider = ScriptedProvider(clock=clock)
    provider.answer(phone(0), "STOP", sender=OLD)
    senders = Senders("scripted", default=NEW)

    asyncio.run(ReplyPoller(database, provider, senders=senders, clock=clock, seconds_between=0).poll())

    assert [row["phone_number"] for row in rows(database, "suppressions")] == refused
