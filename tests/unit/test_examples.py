import csv

import pytest

from lumiere_sms.audience.headers import field_of
from lumiere_sms.audience.phones import PhoneError, read_phone
from lumiere_sms.definitions.models import CampaignDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.definitions.repeating import RepeatDefinition


@pytest.fixture
def people(checkout):
    with (checkout / "lumiere_sms/examples/customers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def example(checkout):
    return read_definitions([checkout / "campaigns.example.yaml"])


def is_phone(text):
    try:
        return bool(read_phone(text, country="JP"))
    except PhoneError:
        return False


def test_the_example_shows_every_key_there_is(checkout):
    written = (checkout / "campaigns.example.yaml").read_text(encoding="utf-8")
    names = {
        name
        for model in (TemplateDefinition, SegmentDefinition, CampaignDefinition, RepeatDefinition)
        for name in model.model_fields
    }

    assert [name for name in sorted(names - {"name"}) if f"{name}:" not in written] == []


def test_the_example_has_drafts_and_campaigns_for_now_and_for_another_day(example):
    wishes = [campaign.schedule and campaign.schedule.at for campaign in example.campaigns.values()]

    assert wishes.count("now") == 3
    assert wishes.count(None) == 2
    assert "2031-04-01T10:00" in wishes


def test_the_example_people_have_what_lists_have(people):
    phones = [person["電話番号"] for person in people if is_phone(person["電話番号"])]

    assert len(people) >= 220
    assert [field_of(header) for header in people[0]] == [
        "external_id",
        "last_name",
        "first_name",
        "phone_number",
        "visit_count",
        "last_visit_date",
        "total_sales",
        "tags",
        "birthday",
        "allow_promotional",
        "opt_out_date",
        "attributes.担当",
    ]
    assert len({person["顧客番号"] for person in people}) == len(people)
    assert len(phones) - len(set(phones)) >= 5, "some share a phone"
    assert sum(person["電話番号"] == "" for person in people) >= 3, "some have none"
    assert sum(bool(person["電話番号"]) and not is_phone(person["電話番号"]) for person in people) == 5, (
        "some are wrong"
    )
    assert sum(person["配信停止日"] != "" for person in people) >= 8, "some opted out"
    assert sum(person["販促可"] == "×" for person in people) >= 20, "some agreed to no advertising"
    assert sum(person["名"] == "" for person in people) >= 5, "some gave no first name"
    assert sum(person["姓"].isascii() for person in people) >= 15, "some names are Latin"


def test_the_fixed_list_of_the_example_names_people_of_the_example(example, people):
    known = {person["顧客番号"] for person in people} | {person["電話番号"] for person in people}

    assert set(example.segments["test-readers"].members) <= known


def test_the_starter_is_valid(checkout):
    found = read_definitions([checkout / "lumiere_sms/examples/starter"])

    assert list(found.campaigns) == ["come-back"]
