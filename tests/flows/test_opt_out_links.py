from collections import Counter
from datetime import timedelta
from threading import Thread

import pytest
from support.salon import add_customer, add_customers, apply_text, define, only, prices, rows, tenant_of

from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.campaigns.freezing import Tally
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.links import AT_ONCE, keep_links, stage_links
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.connection import Database
from lumiere_sms.database.secrets import key_of
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.errors import ConfigurationError, RefusedError, StateError
from lumiere_sms.messages.links import token_of
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.planning.preview import preview_campaign
from lumiere_sms.tracking.link_refusals import MOST_WRONG, refuse_by_token
from lumiere_sms.verification.watching import WatchedDatabase

BASE = "https://s.example/"
PHONE, OTHER = "+819012345678", "+819012345679"
CAMPAIGN = """
campaigns:
  spring:
    message: "{{ last_name | sama }}、春の新メニューができました。ご予約をお待ちしています。配信停止 {{ optOutUrl }}"
    segment: all
    schedule: now
    send_rate_per_minute: 60000
"""


def set_base(database, base=BASE):
    change_rules(database, "default", {"opt_out_url": base}, by="sato", now=None)


def link_to(database, user_id, phone):
    with database.transaction() as connection:
        return BASE + token_of(phone, key=key_of(connection, user_id, "link"))


def texts(database):
    return {row["phone_number"]: row["personalized_content"] for row in rows(database, "campaign_recipients")}


def kept(database):
    return {row["phone_number"]: BASE + row["token"] for row in rows(database, "opt_out_links")}


def launch(database, clock):
    return launch_due(database, clock=clock, prices=prices)


def test_each_text_has_the_link_of_its_own_number_and_the_plan_counts_it(database, user_id, clock, tmp_path):
    set_base(database)
    add_customers(database, user_id, 30)
    add_customer(database, user_id, PHONE, last_name="長" * 40)
    apply_text(database, tmp_path, CAMPAIGN, clock=clock)
    planned = make_plan(database, tenant_of(database), define(tmp_path, CAMPAIGN), clock=clock, prices=prices)
    (plan,) = planned.campaigns

    launch(database, clock)

    written = rows(database, "campaign_recipients")
    assert Counter(row["segments_used"] for row in written) == Counter(plan.parts)
    assert {len(row["personalized_content"]) for row in written if row["phone_number"] == PHONE} == {
        len(plan.dearest.text)
    }
    assert all(text.endswith(link_to(database, user_id, phone)) for phone, text in texts(database).items())
    assert kept(database) == {phone: text.split()[-1] for phone, text in texts(database).items()}


def test_a_text_without_a_link_makes_none(database, user_id, clock, tmp_path):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    apply_text(database, tmp_path, CAMPAIGN.replace("{{ optOutUrl }}", "は店頭で"), clock=clock)

    launch(database, clock)

    assert (kept(database), rows(database, "secrets")) == ({}, [])


def test_a_link_that_the_campaign_gives_is_everybodys(database, user_id, clock, tmp_path):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    text = CAMPAIGN.replace("    segment", "    variables: {opt_out_url: https://own.example/}\n    segment")
    apply_text(database, tmp_path, text, clock=clock)

    launch(database, clock)

    assert texts(database)[PHONE].endswith("配信停止 https://own.example/")
    assert kept(database) == {}


def test_two_wordings_of_which_one_has_a_link(database, user_id, clock, tmp_path):
    set_base(database)
    add_customers(database, user_id, 40)
    variants = """
campaigns:
  spring:
    segment: all
    schedule: now
    variants:
      with: {weight: 50%, message: "{{ last_name }} {{ opt_out_url }}"}
      without: {weight: 50%, message: "{{ last_name }}"}
"""
    apply_text(database, tmp_path, variants, clock=clock)

    launch(database, clock)

    assert kept(database) == {
        phone: text.split()[-1] for phone, text in texts(database).items() if text.split()[-1].startswith(BASE)
    }
    assert 0 < len(kept(database)) < 40


def test_where_there_is_no_address_a_text_that_needs_one_is_refused_before_it_is_launched(
    database, user_id, clock, tmp_path
):
    (plan,) = make_plan(database, tenant_of(database), define(tmp_path, CAMPAIGN), clock=clock, prices=prices).campaigns

    (finding,) = [each for each in plan.findings if each.blocking]
    assert (finding.rule, "tenant set --opt-out-url" in finding.hint) == ("T01", True)
    with pytest.raises(RefusedError, match="opt_out_url"):
        apply_text(database, tmp_path, CAMPAIGN, clock=clock)
    with pytest.raises(RefusedError, match="no opt-out address"):
        sent_to(database, clock, PHONE)


def test_an_address_is_not_taken_back_while_a_campaign_needs_it(database, user_id, clock, tmp_path):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    apply_text(database, tmp_path, CAMPAIGN, clock=clock)

    with pytest.raises(RefusedError, match="spring"):
        set_base(database, None)

    launch(database, clock)
    assert kept(database)


def test_what_is_sent_directly_has_links_too(database, user_id, clock):
    set_base(database)
    definition = define_direct("k", {"message": "Hi {{ opt_out_url }}"}, defaults_zone="Asia/Tokyo")
    about = {"definition": definition, "addressees": [Addressee(PHONE)], "clock": clock, "prices": prices}

    send_directly(database, tenant_of(database), **about)

    assert texts(database) == {PHONE: f"Hi {link_to(database, user_id, PHONE)}"}
    assert kept(database) == {PHONE: link_to(database, user_id, PHONE)}


def test_steps_of_a_sequence_have_links(database, user_id, clock, tmp_path, life):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    drip = """
campaigns:
  welcome:
    type: drip
    segment: all
    schedule: now
    window: 09:00-20:00
    steps:
      - {name: thanks, message: "Thanks {{ opt_out_url }}"}
      - {name: tips, after: 3d, message: "Tips {{ opt_out_url }}"}
"""
    apply_text(database, tmp_path, drip, clock=clock)
    link = link_to(database, user_id, PHONE)

    assert (life(), life(days=3)) == ([f"Thanks {link}"], [f"Tips {link}"])
    assert kept(database) == {PHONE: link}


def test_reminders_have_links(database, user_id, clock, tmp_path, life):
    set_base(database)
    at = clock.now() + timedelta(days=1, hours=5)
    add_customer(database, user_id, PHONE, last_name="田中", next_appointment_at=at)
    reminder = """
campaigns:
  tomorrow:
    type: reminder
    segment: all
    schedule: now
    remind: 1 day before, 18:00-19:00
    message: "{{ next_appointment_at | time }} {{ opt_out_url }}"
"""
    apply_text(database, tmp_path, reminder, clock=clock)

    left = [*life(), *life(hours=8)]

    assert left == [f"15:00 {link_to(database, user_id, PHONE)}"]
    assert kept(database) == {PHONE: link_to(database, user_id, PHONE)}


def test_waves_have_links(database, user_id, clock, tmp_path, life):
    set_base(database)
    add_customers(database, user_id, 12)
    canary = CAMPAIGN + "    canary: {size: 5, wait: 30m}\n"
    apply_text(database, tmp_path, canary, clock=clock)

    life()
    first = kept(database)
    life(minutes=31)
    life(minutes=31)

    assert len(first) == 5
    assert kept(database) == {phone: text.split()[-1] for phone, text in texts(database).items()}


def test_a_preview_shows_a_link_as_long_as_the_real_one_and_makes_none(database, user_id, clock, tmp_path):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    apply_text(database, tmp_path, CAMPAIGN, clock=clock)

    (seen,) = preview_campaign(database, tenant_of(database), name="spring", limit=1, now=clock.now())

    assert len(seen.text.split()[-1]) == len(link_to(database, user_id, PHONE))
    assert kept(database) == {}


def test_more_links_than_are_held_in_memory_are_kept(database, user_id):
    made = [(f"{number:012}", f"+8190{number:08}") for number in range(AT_ONCE + 1)]
    tally = Tally(links=made[:-1])

    with database.transaction() as connection:
        stage_links(connection, tally)
        in_memory = len(tally.links)
        tally.links.append(made[-1])
        keep_links(connection, user_id, tally)

    assert in_memory == 0
    assert [(row["token"], row["phone_number"]) for row in rows(database, "opt_out_links", order="token")] == made


def test_two_campaigns_that_are_launched_at_once_write_the_same_links_once(database, user_id, clock, tmp_path):
    set_base(database)
    add_customers(database, user_id, 300)
    second = CAMPAIGN.replace("spring:", "summer:").replace("campaigns:\n", "")
    apply_text(database, tmp_path, CAMPAIGN + second, clock=clock)
    launched = []
    threads = [Thread(target=lambda: launched.extend(launch(database, clock))) for _ in "12"]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted((each.campaign, each.kept, each.problem) for each in launched) == [
        ("spring", 300, ""),
        ("summer", 300, ""),
    ]
    assert len(kept(database)) == 300


def sent_to(database, clock, phone):
    definition = define_direct(phone, {"message": "Hi {{ opt_out_url }}"}, defaults_zone="Asia/Tokyo")
    about = {"definition": definition, "addressees": [Addressee(phone)], "clock": clock, "prices": prices}
    send_directly(database, tenant_of(database), **about)
    return texts(database)[phone].split()[-1]


def refuse(database, user_id, clock, text, **about):
    return refuse_by_token(database, user_id, text, now=clock.now(), **about)


def test_who_comes_with_a_link_is_not_texted_again_and_all_of_it_is_noted(database, user_id, clock):
    set_base(database)
    person = add_customer(database, user_id, PHONE, last_name="田中")
    link = sent_to(database, clock, PHONE)

    first = refuse(database, user_id, clock, link, by="sato")
    again = refuse(database, user_id, clock, link.removeprefix(BASE), by="sato")

    told = only(database, "suppressions")
    assert (first.phone_number, first.is_new, again.is_new) == (PHONE, True, False)
    assert (told["phone_number"], told["reason"], told["source"]) == (PHONE, "opted_out", "link")
    assert only(database, "customers")["opt_out_date"] == clock.now()
    assert {(row["purpose"], row["is_granted"], row["source"], row["customer_id"]) for row in consents(database)} == {
        ("promotional", False, "link", person),
        ("reminder", False, "link", person),
    }
    acts = [row for row in rows(database, "audit_log") if row["action"] == "suppression.add"]
    assert [row["actor"] for row in acts] == ["sato"]


def consents(database):
    return rows(database, "consents")


def test_a_link_is_the_numbers_and_outlives_the_customers_row(database, user_id, clock):
    set_base(database)
    add_customer(database, user_id, PHONE, last_name="田中")
    link = sent_to(database, clock, PHONE)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET customer_id = NULL")
        connection.execute("DELETE FROM customers")
    add_customer(database, user_id, PHONE, last_name="中田", external_id="C-9")

    refuse(database, user_id, clock, link)

    assert only(database, "customers")["opt_out_date"] == clock.now()


def test_whatever_is_wrong_with_a_link_is_told_in_the_same_sentence(database, user_id, clock):
    set_base(database)
    link = sent_to(database, clock, PHONE)
    last = "0" if link[-1] != "0" else "1"
    wrong = {
        "tampered": link[:-1] + last,
        "guessed": "A" * 12,
        "of nobody who was texted": link_to(database, user_id, OTHER),
        "no token": "hello",
        "empty": "",
        "letters that are no digits": "あ" * 12,
    }
    planted = {"user_id": user_id, "token": "B" * 12, "phone_number": OTHER}
    with database.transaction() as connection:  # whoever can write to the database alone cannot make one
        connection.execute(
            "INSERT INTO opt_out_links (user_id, id, token, phone_number)"
            " VALUES (%(user_id)s, gen_random_uuid(), %(token)s, %(phone_number)s)",
            planted,
        )

    said = set()
    for text in [*wrong.values(), "B" * 12]:
        with pytest.raises(StateError) as refused:
            refuse(database, user_id, clock, text)
        said.add((str(refused.value), refused.value.hint))

    assert len(said) == 1
    assert rows(database, "suppressions") == []


def test_a_token_that_somebody_has_and_one_that_nobody_has_are_looked_at_in_the_same_steps(
    database, database_url, user_id, clock
):
    class Every(dict):
        def get(self, query, default=None):
            return str(query)

    set_base(database)
    link = sent_to(database, clock, PHONE)
    planted = "INSERT INTO opt_out_links (user_id, id, token, phone_number) VALUES (%s, gen_random_uuid(), %s, %s)"
    with database.transaction() as connection:
        connection.execute(planted, [user_id, "B" * 12, OTHER])

    taken = []
    for text in ("A" * 12, "B" * 12, link[:-1], "", "あ" * 12):
        steps = []
        watched = WatchedDatabase(
            database_url, names=Every(), tell=lambda name, stage, to=steps: to.append((name, stage))
        )
        with pytest.raises(StateError):
            refuse(watched, user_id, clock, text)
        watched.close()
        taken.append(steps)

    assert len(taken[0]) > 6
    assert taken == [taken[0]] * len(taken)


def test_who_guesses_is_not_answered_for_a_minute_and_others_are(database, user_id, clock):
    set_base(database)
    link = sent_to(database, clock, PHONE)
    for number in range(MOST_WRONG):
        with pytest.raises(StateError):
            refuse(database, user_id, clock, f"{number:012}", source="one")

    with pytest.raises(RefusedError, match="too many"):
        refuse(database, user_id, clock, link, source="one")
    refuse(database, user_id, clock, link, source="other")
    clock.advance(timedelta(seconds=61))
    assert not refuse(database, user_id, clock, link, source="one").is_new


def test_another_secret_is_noticed_and_makes_no_link(database, database_url, user_id, clock):
    set_base(database)
    sent_to(database, clock, PHONE)
    other = Database(database_url, secret="other")

    with pytest.raises(ConfigurationError, match="LUMIERE_SMS_SECRET"):
        sent_to(other, clock, OTHER)
    with pytest.raises(ConfigurationError, match="LUMIERE_SMS_SECRET"):
        refuse(other, user_id, clock, "A" * 12)

    other.close()
    assert list(kept(database)) == [PHONE]


def test_another_tenants_link_is_none_of_this_ones(database, user_id, clock):
    set_base(database)
    link = sent_to(database, clock, PHONE)
    other = create_tenant(database, "ginza")

    with pytest.raises(StateError):
        refuse(database, other.id, clock, link)
