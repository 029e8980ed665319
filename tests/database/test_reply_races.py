"""The same answers taken in by several daemons, and by daemons that die: each message counts once, none is lost."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from support.daemons import at_once, killed_at
from support.salon import add_customer, prices, rows, tenant_of
from support.seeds import phone, seed_campaign

from lumiere_sms.audience.consent_rows import check as check_consents
from lumiere_sms.audience.consents import Said, revoke
from lumiere_sms.audience.suppressions import suppress_all, suppress_number
from lumiere_sms.campaigns.asking import request_consent
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.audit import check
from lumiere_sms.database.connection import Database
from lumiere_sms.providers.base import Reply
from lumiere_sms.sending.answering import ReplyPoller, Senders
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider
from lumiere_sms.tracking.replies import apply_replies

SENDER = "+15005550006"
FIRST = 10_000_000  # the first number that Japan gives out
PEOPLE = 6
BODIES = {0: "STOP", 1: "help", 2: "はい", 3: "3時でお願いします", 4: "停止してください", 5: "STOP"}
TABLES = (
    *("inbound_messages", "suppressions", "consents", "consent_evidence", "responses", "customers"),
    *("campaign_recipients", "audit_log", "audit_heads"),
)


@pytest.fixture
def people(database, user_id, clock):
    """Everybody was texted; the third was asked for consent; number 5 has refused before."""
    seed_campaign(database, user_id, now=clock.now(), texts=PEOPLE, first=FIRST)
    answers = {"stop": "stopped", "help": "03-1234-5678"}
    change_rules(database, "default", {"answers": answers}, by="mika", now=None)
    for number in range(PEOPLE):
        add_customer(database, user_id, phone(FIRST + number), external_id=f"C{number}", allow_promotional=number != 2)
    request_consent(database, tenant_of(database), "C2", "promotional", clock=clock, prices=prices)
    with database.transaction() as connection:
        connection.execute(_SUBMITTED, {"sender": SENDER, "at": clock.now()})
        suppress_number(connection, tenant_of(database), phone(FIRST + 5), reason="opted_out", now=clock.now())
    clock.advance(timedelta(minutes=5))


def said(clock) -> list[list[Reply]]:
    """Return two pages; the first message is on both, as when somebody writes while a list is read."""
    found = [
        Reply(f"SM{number}", phone(FIRST + number), SENDER, body, clock.now() - timedelta(seconds=9 - number))
        for number, body in BODIES.items()
    ]
    return [found[:4], [found[0], *found[4:], Reply("SM9", "+15550001111", SENDER, "STOP", clock.now())]]


class Pages(ScriptedProvider):
    name = "twilio"

    def __init__(self, pages) -> None:
        super().__init__()
        self._pages = pages

    async def list_replies(self, *, sender, since):
        for page in self._pages:
            yield page


def poll(database: Database, clock: FrozenClock) -> None:
    senders = Senders("twilio", default=SENDER, primary="twilio")
    poller = ReplyPoller(database, Pages(said(clock)), senders=senders, clock=clock, seconds_between=0)
    asyncio.run(poller.poll(now=True))


def stand(database) -> dict[str, list]:
    return {table: rows(database, table, order="user_id" if table == "audit_heads" else "id") for table in TABLES}


def each_message_counted_once(database, user_id) -> None:
    kept = {row["provider_message_id"]: row for row in rows(database, "inbound_messages")}
    assert Counter(row["meaning"] for row in kept.values()) == {"stop": 4, "help": 1, "confirm": 1, "other": 1}
    assert len(rows(database, "inbound_messages")) == len(BODIES) + 1
    refused = {row["phone_number"]: row["source"] for row in rows(database, "suppressions")}
    ours = {phone(FIRST + number): "operator" if number == 5 else "reply" for number in (0, 4, 5)}
    assert refused == ours | {"+15550001111": "reply"}
    assert {row["id"] for row in rows(database, "responses")} == {kept[f"SM{number}"]["id"] for number in (1, 2, 3)}
    written, answers = rows(database, "campaign_recipients"), {message["answer_id"] for message in kept.values()}
    texts = [row for row in written if row["id"] in answers]
    answered = Counter((row["phone_number"], row["personalized_content"]) for row in texts)
    assert answered == {
        (phone(FIRST), "stopped"): 1,
        (phone(FIRST + 1), "03-1234-5678"): 1,
        (phone(FIRST + 4), "stopped"): 1,
    }
    assert len(written) == PEOPLE + 1 + len(texts)
    granted = Counter((row["is_granted"], row["source"]) for row in rows(database, "consents"))
    assert granted == {(False, "operator"): 2, (False, "reply"): 4, (True, "reply"): 1}
    assert check_consents(database, user_id).faults == ()
    assert check(database, user_id).breaks == ()


def test_daemons_that_read_the_same_answers_at_one_moment_take_each_in_once(
    database, database_url, user_id, clock, people
):
    daemons = [Database(database_url) for _ in range(4)]

    at_once(*(lambda each=each: poll(each, clock) for each in daemons))

    for each in daemons:
        each.close()
    each_message_counted_once(database, user_id)


def test_a_daemon_may_be_killed_before_any_statement_of_taking_answers_in(
    database, database_url, user_id, clock, people
):
    number = 1
    while killed_at(number, database_url, lambda own: poll(own, clock)):
        number += 1
    after = stand(database)
    poll(database, clock)

    assert number > 50
    each_message_counted_once(database, user_id)
    assert stand(database) == after


def test_somebody_who_refuses_in_every_way_at_one_moment_is_refused_once(
    database, database_url, user_id, clock, people
):
    tenant, numbers = tenant_of(database), [phone(FIRST + number) for number in range(5)]

    def doing(act):
        def do() -> None:
            own = Database(database_url)
            for number in numbers if act is not by_list else [""]:
                with own.transaction() as connection:
                    act(connection, number)
            own.close()

        return do

    def by_list(connection, _):
        about = {"reason": "opted_out", "source": "provider", "by": "twilio"}
        suppress_all(connection, user_id, reversed(numbers), **about, now=clock.now())

    def by_hand(connection, number):
        revoke(connection, tenant, number, Said(), now=clock.now())

    def by_reply(connection, number):
        replies = [Reply(f"SM{each}", each, SENDER, "STOP", clock.now()) for each in numbers]
        apply_replies(connection, user_id, replies, provider="twilio", now=clock.now())

    at_once(*(doing(act) for act in (by_list, by_hand, by_reply, by_hand, by_reply)))

    assert Counter(row["phone_number"] for row in rows(database, "suppressions")) == Counter(
        [*numbers, phone(FIRST + 5)]
    )
    withdrawn = Counter(row["customer_id"] for row in rows(database, "consents"))
    assert set(withdrawn.values()) == {2}
    assert check_consents(database, user_id).faults == ()
    assert check(database, user_id).breaks == ()


_SUBMITTED = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, settled_at, provider_message_id)
    SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, 'twilio', %(sender)s, 1, 1, %(at)s, 'accepted',
        %(at)s, id::text
    FROM campaign_recipients
"""
