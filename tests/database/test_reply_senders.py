"""Whoever answers a text is heard, whatever its sender has become since."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from support.salon import add_customer, rows
from support.seeds import phone, seed_campaign

from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.providers.base import Reply
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


@pytest.fixture
def ginza(database) -> UUID:
    tenant = create_tenant(database, "ginza")
    add_customer(database, tenant.id, phone(0))
    return tenant.id


@pytest.fixture
def text(database):
    def texted(user_id: UUID, *, at: datetime, sender: str = NEW) -> None:
        seed_campaign(database, user_id, now=at, texts=1)
        with database.transaction() as connection:
            connection.execute(_SUBMITTED, {"user_id": user_id, "sender": sender, "at": at})

    return texted


@pytest.fixture
def poll(database, clock):
    provider = ScriptedProvider(clock=clock)
    poller = ReplyPoller(database, provider, senders=Senders("scripted", default=NEW), clock=clock, seconds_between=0)

    def polled(*bodies: str) -> None:
        for body in bodies:
            provider.answer(phone(0), body, sender=NEW)
        asyncio.run(poller.poll(now=True))

    return polled


def taken_in(database):
    return {(row["user_id"], row["body"]) for row in rows(database, "inbound_messages")}


def test_an_answer_is_for_who_had_texted_before_it_and_never_for_who_does_so_after(
    database, user_id, ginza, text, poll, clock
):
    change_rules(database, "ginza", {"answers": {"other": "Ginza"}}, by="operator", now=clock.now())
    text(user_id, at=clock.now() - timedelta(minutes=5))
    poll("3時でお願いします")
    text(ginza, at=clock.now() + timedelta(minutes=5))
    clock.advance(timedelta(minutes=6))

    poll()

    assert taken_in(database) == {(user_id, "3時でお願いします")}
    assert [row["personalized_content"] for row in rows(database, "campaign_recipients") if row["step"]] == []


def test_a_refusal_is_for_each_who_texts_from_that_sender_and_is_confirmed_by_who_had_texted_before_it(
    database, user_id, ginza, text, poll, clock
):
    for slug in ("default", "ginza"):
        change_rules(database, slug, {"answers": {"stop": f"Stopped: {slug}"}}, by="operator", now=clock.now())
    text(user_id, at=clock.now() - timedelta(minutes=5))
    poll("停止")
    text(ginza, at=clock.now() + timedelta(minutes=5))
    clock.advance(timedelta(minutes=6))

    poll()

    assert {row["user_id"] for row in rows(database, "suppressions")} == {user_id, ginza}
    told = [row["personalized_content"] for row in rows(database, "campaign_recipients") if row["step"]]
    assert told == ["Stopped: default"]


@pytest.mark.parametrize("body", ["3時でお願いします", "停止"])
def test_an_answer_that_names_a_text_is_for_whoever_texts_from_its_sender_by_whatever_name(
    database, user_id, ginza, text, clock, body
):
    text(user_id, at=clock.now() + timedelta(seconds=2), sender="phone-default")  # by a clock that is fast
    text(ginza, at=clock.now() - timedelta(minutes=4), sender="phone-ginza")
    reply = Reply("1", phone(0), "+15005550009", body, clock.now(), answers="text from phone-default")

    ReplyPoller(database, ScriptedProvider(clock=clock), senders=Senders("scripted"), clock=clock).settle([reply])

    assert taken_in(database) == {(user_id, body)}


@pytest.mark.parametrize(
    ("own", "body", "keepers"),
    [
        pytest.param("phone-default", "3時でお願いします", ["default"], id="the default tenant keeps a stray"),
        pytest.param("phone-default", "停止", ["default", "ginza"], id="a refusal is for each whose sender it may be"),
        pytest.param("+15005550008", "3時でお願いします", ["ginza"], id="not who has another number"),
        pytest.param("+15005550008", "停止", ["ginza"], id="nor a refusal"),
    ],
)
def test_an_answer_of_a_stranger_to_a_number_that_is_nobodys_sender_is_kept(
    database, user_id, ginza, clock, own, body, keepers
):
    with database.transaction() as connection:
        for slug, sender in {"default": own, "ginza": "phone-ginza"}.items():
            connection.execute("UPDATE users SET sender = %s WHERE slug = %s", [sender, slug])
    reply = Reply("1", phone(7), "+15005550009", body, clock.now())

    ReplyPoller(database, ScriptedProvider(clock=clock), senders=Senders("scripted"), clock=clock).settle([reply])

    slugs = {user_id: "default", ginza: "ginza"}
    assert sorted(slugs[each] for each, _ in taken_in(database)) == keepers


_SUBMITTED = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, settled_at, provider_message_id)
    SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, 'scripted', %(sender)s, 1, 1, %(at)s,
        'accepted', %(at)s, 'text from ' || %(sender)s
    FROM campaign_recipients WHERE user_id = %(user_id)s AND step = ''
"""
