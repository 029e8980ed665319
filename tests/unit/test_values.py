from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import ALWAYS_PRESENT, FIELDS, SAMPLE_VALUES, full_name, snake_case, values_of

ROW = {
    "external_id": "C-1",
    "phone_number": "+819012345678",
    "first_name": "花子",
    "last_name": "田中",
    "total_sales": Decimal("12000.00"),
    "visit_count": 0,
    "last_visit_date": date(2026, 3, 1),
    "next_appointment_at": datetime(2026, 3, 15, 1, 0, tzinfo=UTC),
    "birthday": None,
    "tags": ["vip"],
    "attributes": {},
}


def values(*, variables=None, zone="Asia/Tokyo", **columns):
    return values_of({**ROW, **columns}, variables=variables or {}, tenant_name="Salon", zone=zone)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("first_name", "first_name"),
        ("firstName", "first_name"),
        ("FirstName", "first_name"),
        ("lastVisitDate", "last_visit_date"),
        ("customerID2", "customer_id2"),
        ("HTMLPage", "html_page"),
        (" Favourite colour ", "favourite_colour"),
        ("shoe-size", "shoe_size"),
        ("ＶＩＰ", "vip"),
        ("好きな色", "好きな色"),
        ("ﾎﾟｲﾝﾄ", "ポイント"),
        ("__", ""),
    ],
)
def test_a_name_has_one_spelling(written, name):
    assert snake_case(written) == name
    assert snake_case(name) == name


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("花子", "田中", "田中花子"),
        ("Hanako", "Tanaka", "Hanako Tanaka"),
        ("Maria", "佐々木", "佐々木Maria"),
        ("マリア", "Silva", "Silvaマリア"),
        ("Hanako", None, "Hanako"),
        ("", "田中", "田中"),
        (None, None, None),
    ],
)
def test_a_name_is_joined_as_its_script_does(first, last, name):
    assert full_name(first, last) == name


def test_every_field_is_offered():
    assert values().keys() == FIELDS
    assert SAMPLE_VALUES.keys() == FIELDS
    assert ALWAYS_PRESENT < FIELDS


def test_the_columns_of_a_customer_are_offered_with_the_name_and_the_sender():
    offered = values()

    assert (offered["name"], offered["sender_name"], offered["tags"]) == ("田中花子", "Salon", ["vip"])
    assert (offered["visit_count"], offered["birthday"]) == (0, None)


def test_an_appointment_shows_the_recipient_s_wall_time():
    text = compile_template("{{ nextAppointmentAt | jdate }}{{ nextAppointmentAt | time }}")

    assert text.render(values(zone="Asia/Tokyo")) == "3月15日(日)10:00"
    assert text.render(values(zone="America/New_York")) == "3月14日(土)21:00"
    assert values(next_appointment_at=None)["next_appointment_at"] is None


def test_attributes_are_offered_as_they_are_called_and_in_snake_case():
    offered = values(attributes={"favouriteColour": "red", "Shoe size": "42", "空": ""})

    assert (offered["favouriteColour"], offered["favourite_colour"], offered["shoe_size"]) == ("red", "red", "42")
    assert offered["空"] is None


def test_an_empty_text_is_no_value():
    offered = values(first_name="", external_id="")

    assert (offered["first_name"], offered["external_id"], offered["name"]) == (None, None, "田中")


def test_a_variable_beats_a_column_and_a_column_an_attribute():
    offered = values(
        attributes={"first_name": "attribute", "coupon": "5%"}, variables={"senderName": "Ginza", "coupon": "9%"}
    )

    assert offered["first_name"] == "花子"
    assert (offered["sender_name"], offered["coupon"]) == ("Ginza", "9%")
