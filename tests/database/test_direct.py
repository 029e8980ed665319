from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.addressees import read_list, read_numbers
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly, send_test
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.errors import DefinitionError, RefusedError, StateError

PHONE, OTHER = "+819012345678", "+819012345679"


def send(database, clock, addressees, *, message="Hello {{ first_name | default('you') }}", key="k", **values):
    definition = define_direct(key, {"message": message, **values}, defaults_zone="Asia/Tokyo")
    return send_directly(
        database, tenant_of(database), definition=definition, addressees=addressees, clock=clock, prices=prices
    )


def test_addressees_become_recipients_of_a_running_campaign_at_once(database, user_id, clock):
    customer = add_customer(database, user_id, PHONE, first_name="Hanako")

    sent = send(database, clock, [Addressee(PHONE), Addressee(OTHER)])

    campaign = only(database, "sms_campaigns")
    texts = {row["phone_number"]: row for row in rows(database, "campaign_recipients")}
    assert (sent.campaign, sent.matched, sent.kept, sent.parts) == ("k", 2, 2, 2)
    assert (campaign["name"], campaign["source"], campaign["status"]) == ("k", "send", "running")
    assert only(database, "campaign_occurrences")["status"] == "running"
    assert (texts[PHONE]["personalized_content"], texts[PHONE]["customer_id"]) == ("Hello Hanako", customer)
    assert (texts[OTHER]["personalized_content"], texts[OTHER]["customer_id"]) == ("Hello you", None)
    assert launch_due(database, clock=clock, prices=prices) == []


def test_the_same_key_again_sends_nothing_even_to_others(database, user_id, clock):
    send(database, clock, [Addressee(PHONE)])

    again = send(database, clock, [Addressee(OTHER)])

    assert again is None
    assert only(database, "campaign_recipients")["phone_number"] == PHONE


def test_two_who_send_with_one_key_at_once_send_once(database, user_id, clock):
    done = []
    threads = [Thread(target=lambda: done.append(send(database, clock, [Addressee(PHONE)]))) for _ in "123"]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each is None for each in done) == [False, True, True]
    assert len(rows(database, "campaign_recipients")) == 1


def test_a_key_that_names_a_campaign_is_refused(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, "campaigns:\n  k: {message: hello, segment: all}\n", clock=clock)

    with pytest.raises(StateError, match='"k" is the name of a campaign'):
        send(database, clock, [Addressee(PHONE)])


def test_without_a_key_each_sending_is_a_new_one(database, user_id, clock):
    send(database, clock, [Addressee(PHONE)], key=None)
    send(database, clock, [Addressee(PHONE)], key=None)

    assert len(rows(database, "campaign_recipients")) == 2


def test_suppression_refusal_and_a_number_that_comes_twice_hold(database, user_id, clock):
    add_customer(database, user_id, "+819000000001", opt_out_date=datetime(2026, 1, 1, tzinfo=UTC))
    add_customer(database, user_id, "+819000000001", last_visit_date=datetime(2026, 3, 1, tzinfo=UTC))
    with database.transaction() as connection:
        suppress(connection, user_id, "+819000000002", reason="blocked", source="operator", now=None)
        suppress(connection, user_id, "+819000000003", reason="opted_out", source="operator", now=None)
    numbers = ["+819000000001", "+819000000002", "+819000000003", "+819000000004", "+819000000004"]

    sent = send(database, clock, [Addressee(number) for number in numbers])

    assert sent.exclusions == {"opted_out": 2, "suppressed": 1, "shared_phone": 1}
    assert only(database, "campaign_recipients")["phone_number"] == "+819000000004"


def test_quiet_hours_hold(database, user_id, clock):
    clock.advance(timedelta(hours=13))  # 23:00 in Tokyo

    send(database, clock, [Addressee(PHONE)])

    assert only(database, "campaign_recipients")["send_after"] == datetime(2026, 3, 15, 23, tzinfo=UTC)


def test_a_lists_values_go_before_the_customers_and_the_keys_variables_before_both(database, user_id, clock):
    add_customer(database, user_id, PHONE, first_name="Hanako", attributes={"colour": "red", "size": "S"})
    text = "{{ name }} {{ colour }} {{ size }} {{ offer }} {{ visit_count }}"
    values = {"name": "Mia", "colour": "blue", "offer": "10%"}

    send(database, clock, [Addressee(PHONE, values)], message=text, variables={"offer": "20%"})

    assert only(database, "campaign_recipients")["personalized_content"] == "Mia blue S 20% 0"


def test_many_addressees_are_frozen_some_at_a_time(database, user_id, clock):
    sent = send(database, clock, (Addressee(f"+8190{number:08d}") for number in range(2_500)))

    assert sent.kept == len(rows(database, "campaign_recipients")) == 2_500


def test_a_sending_that_nobody_gets_is_refused_and_leaves_its_key_free(database, user_id, clock):
    with pytest.raises(RefusedError, match="nobody is texted; left out: missing_value:first_name 1"):
        send(database, clock, [Addressee(PHONE)], key="k", message="{{ first_name }}")

    assert send(database, clock, [Addressee(PHONE)], key="k", message="hello").kept == 1


def test_a_sending_to_nobody_is_told(database, user_id, clock):
    with pytest.raises(StateError, match="there is nobody to text"):
        send(database, clock, [])

    assert rows(database, "sms_campaigns") == []


@pytest.mark.parametrize("other", [{"message": "other"}, {"message": "hello", "variables": {"offer": "20%"}}])
def test_a_key_does_not_stand_for_two_texts(database, user_id, clock, other):
    send(database, clock, [Addressee(PHONE)], key="k", message="hello")

    with pytest.raises(StateError, match='another text was sent as "k"'):
        send(database, clock, [Addressee(PHONE)], key="k", **other)


def test_a_test_goes_to_one_number_with_samples_for_what_nobody_said(database, user_id, clock, tmp_path):
    text = """
campaigns:
  spring:
    type: promotional
    message: "{{ name }} {{ visit_count }} {{ coupon | default('no coupon') }} {{ offer }}"
    segment: all
    window: 09:00-10:00
    variables: {offer: 20%}
"""
    apply_text(database, tmp_path, text, clock=clock)
    add_customer(database, user_id, OTHER, last_name="Sato", visit_count=3)

    first = send_test(database, tenant_of(database), name="spring", phone=PHONE, clock=clock, prices=prices)
    second = send_test(database, tenant_of(database), name="spring", phone=OTHER, clock=clock, prices=prices)

    texts = {row["phone_number"]: row for row in rows(database, "campaign_recipients")}
    assert first.campaign.startswith("spring (test ")
    assert first.campaign != second.campaign
    assert texts[PHONE]["personalized_content"] == "Hanako Yamada 12 sample 20%"
    assert texts[OTHER]["personalized_content"] == "Hanako Sato 3 sample 20%"
    assert texts[PHONE]["send_after"] == clock.now(), "a test waits for no window of the campaign"
    assert next(row for row in rows(database, "sms_campaigns") if row["name"] == "spring")["status"] == "draft"


def test_typed_numbers_are_read_by_the_tenants_country():
    assert read_numbers(["090-1234-5678", "+12125550123"], country="JP") == [
        Addressee(PHONE),
        Addressee("+12125550123"),
    ]


def test_wrong_numbers_are_listed_together():
    with pytest.raises(DefinitionError) as refused:
        read_numbers(["090-1234-5678", "hello", "12"], country="JP")

    assert len(refused.value.problems) == 2


def test_a_list_gives_numbers_and_values(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text(
        "電話番号,名,最終来店日,来店回数,coupon\n090-1234-5678,花子,2026年3月1日,3回,X1\n+12125550123,,,,\n", "utf-8"
    )

    first, second = read_list(file, country="JP")

    assert first.phone_number == PHONE
    assert first.values == {
        "first_name": "花子",
        "last_visit_date": datetime(2026, 3, 1, tzinfo=UTC).date(),
        "visit_count": 3,
        "coupon": "X1",
    }
    assert (second.phone_number, second.values) == ("+12125550123", {})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("phone,x\n090-1234-5678\n", 2, "1 cell, but the header has 2", id="a ragged row"),
        pytest.param("phone\nhello\n", 2, "is not a phone number", id="no number"),
        pytest.param("phone,visit_count\n090-1234-5678,often\n", 2, "often", id="no count"),
        pytest.param("external_id\nC1\n", 1, "no column is a phone number", id="no column of numbers"),
        pytest.param("phone,電話番号\n1,2\n", 1, "rename all but one", id="two columns of numbers"),
        pytest.param('phone,x\n090-1234-5678,"a" b\n', 2, "closing quote", id="a broken quote"),
        pytest.param('"phone" x,y\n1,2\n', 1, "closing quote", id="a broken header"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(tmp_path, text, line, said):
    file = tmp_path / "list.csv"
    file.write_text(text, "utf-8")

    with pytest.raises(DefinitionError) as refused:
        read_list(file, country="JP")

    assert refused.value.problems[0].line == line
    assert said in str(refused.value)
