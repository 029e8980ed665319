"""Whatever a provider lists as answers: each message is kept once, or the list is left for later; nothing breaks."""

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.salon import add_customer, rows
from support.seeds import phone, seed_campaign
from support.wire import canned, http, new_provider

from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.providers.aws_events import UnreadableEventError, event_of
from lumiere_sms.sending.answering import ReplyPoller, Senders
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER

FIRST = 10_000_000  # the first number that Japan gives out
TABLES = ("inbound_messages", "suppressions", "consents", "responses", "campaign_recipients", "customers", "audit_log")
WORDS = st.sampled_from(
    ["STOP", "停止", "start", "help", "はい", "", "x" * 1_600, "\0stop", "\ud83d", "\u202eSTOP", "\x1b[2J"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=3,
)
PHONES = st.sampled_from([phone(FIRST), phone(FIRST + 1), "+15550001111", "12345", "LUMIERE", SANDBOX_SENDER])
SENT = "Sun, 15 Mar 2026 00:30:00 +0000"
MESSAGE = {
    "sid": st.sampled_from(["SM1", "SM2"]) | st.integers(0, 10**6).map("SM{}".format),
    "from": PHONES,
    "to": st.just(SANDBOX_SENDER),
    "body": WORDS,
    "direction": st.sampled_from(["inbound", "inbound", "outbound-api"]),
    "date_created": st.sampled_from([SENT, SENT, None, "Fri, 31 Dec 9999 23:59:59 +0000"]),
    "messaging_service_sid": st.none(),
}
EVENT = {
    "inboundMessageId": MESSAGE["sid"],
    "originationNumber": PHONES,
    "destinationNumber": st.just(SANDBOX_SENDER),
    "messageBody": WORDS,
    "previousPublishedMessageId": st.sampled_from(["SM9", ""]),
}


@st.composite
def documents(draw, fields):
    """Draw what a provider says of a message: each of its fields well now and then, or anything, or nothing."""
    drawn = {name: draw(ANYTHING if draw(st.integers(0, 9)) == 0 else field) for name, field in fields.items()}
    return {name: value for name, value in drawn.items() if draw(st.integers(0, 19))}


def listen(database, user_id, clock):
    if not rows(database, "customers"):
        change_rules(database, "default", {"answers": {"stop": "stopped", "help": "help"}}, by="mika", now=clock.now())
        seed_campaign(database, user_id, now=clock.now(), texts=2, first=FIRST)
        add_customer(database, user_id, phone(FIRST))


def stand(database):
    return {table: rows(database, table) for table in TABLES}


def taken_in_once(database, before, taken) -> None:
    kept = [row for row in rows(database, "inbound_messages") if row not in before["inbound_messages"]]
    assert len(kept) == taken.total()
    confirmed = [row["confirms"] for row in rows(database, "campaign_recipients") if row["confirms"]]
    assert len(confirmed) == len(set(confirmed))
    numbers = {row["phone_number"] for row in rows(database, "suppressions")}
    assert numbers <= {phone(FIRST), phone(FIRST + 1), "+15550001111", SANDBOX_SENDER}


FUZZ = {"max_examples": 60, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@settings(**FUZZ)
@given(page=st.fixed_dictionaries({"messages": st.lists(documents(MESSAGE), max_size=4)}) | ANYTHING)
def test_any_list_that_twilio_answers_with_is_kept_or_left_for_later(database, user_id, clock, page):
    listen(database, user_id, clock)
    senders, before = Senders("twilio", default=SANDBOX_SENDER, primary="twilio"), stand(database)

    def poll(url):
        async def once():
            provider = new_provider(url)
            poller = ReplyPoller(database, provider, senders=senders, clock=clock, seconds_between=0)
            try:
                return await poller.poll(now=True)
            finally:
                await provider.close()

        return asyncio.run(once())

    answer = http(json.dumps(page), status="200 OK")
    with canned(answer) as first, canned(answer) as second:
        taken = poll(first.url)
        after = stand(database)
        again = poll(second.url)

    taken_in_once(database, before, taken)
    assert (again.total(), stand(database)) == (0, after)


@settings(**FUZZ)
@given(said=st.lists(documents(EVENT), max_size=4) | st.lists(ANYTHING, max_size=2))
def test_any_event_that_comes_from_the_queue_of_aws_is_kept_or_is_no_answer(database, user_id, clock, said):
    listen(database, user_id, clock)
    poller = ReplyPoller(database, new_provider("http://127.0.0.1:1"), senders=Senders("aws"), clock=clock)
    before, replies = stand(database), []
    for each in said:
        try:
            replies.append(event_of(json.dumps(each)))
        except UnreadableEventError:
            continue

    taken = poller.settle([each for each in replies if each])
    after = stand(database)
    again = poller.settle([each for each in replies if each])

    taken_in_once(database, before, taken)
    assert (again.total(), stand(database)) == (0, after)
