from datetime import date, timedelta

import pytest
from support.salon import add_customer, apply_text, define, prices, rows, tenant_of

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.planning.explain import explain
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.planning.preview import preview_campaign
from lumiere_sms.planning.previews import preview_segment

TEXT = """
templates:
  t: {content: "Hello {{ names | default('you') }}!", category: promotional}
campaigns:
  spring: {type: promotional, template: t, segment: all, schedule: "2026-03-16 13:00", shared_phones: merge}
"""
HOME, MOBILE, OFFICE = "+819000000001", "+819000000002", "+819000000003"


@pytest.fixture
def people(database, user_id):
    def add(name, phone, visited=None, **columns):
        first, _, last = name.partition(" ")
        about = {"external_id": name, "first_name": first or None, "last_name": last or None, **columns}
        return add_customer(database, user_id, phone, last_visit_date=visited, **about)

    return {
        "Mia": add("Mia Lee", HOME, date(2026, 3, 1)),
        "Ann": add("Ann Lee", HOME, date(2026, 1, 1)),
        "Tom": add("Tom Lee", HOME, date(2026, 2, 1)),
        "Una": add("Una Lee", HOME, date(2026, 3, 5), allow_promotional=False),
        "Bob": add("Bob Ray", MOBILE),
        "Cy": add("Cy Fox", OFFICE),
        "Di": add("Di Fox", OFFICE),
    }


def launched(database, clock):
    clock.advance(timedelta(days=1, hours=3))
    return launch_due(database, clock=clock, prices=prices)


def texts(database):
    return {row["customer_id"]: row["personalized_content"] for row in rows(database, "campaign_recipients")}


def test_one_text_goes_to_the_last_who_came_with_the_names_of_all_who_may_get_it(database, people, tmp_path, clock):
    tenant = tenant_of(database)
    (planned,) = make_plan(
        database, tenant, define(tmp_path, TEXT), clock=clock, prices=prices, parts_per_second=10
    ).campaigns
    apply_text(database, tmp_path, TEXT, clock=clock)
    seen = preview_campaign(database, tenant, name="spring", limit=10, now=clock.now())

    (run,) = launched(database, clock)

    assert texts(database) == {
        people["Mia"]: "Hello Mia, Tom and Ann Lee!",
        people["Bob"]: "Hello Bob Ray!",
        people["Cy"]: "Hello Cy and Di Fox!",
    }
    assert (planned.matched, planned.kept, planned.merged) == (run.matched, run.kept, 2) == (7, 3, 2)
    assert planned.exclusions == run.exclusions == {"merged": 3, "no_consent": 1}
    assert (planned.cost, sum(planned.parts.values())) == (run.cost_estimate, 3)
    assert {each.text for each in seen} == {*texts(database).values()}


@pytest.mark.usefixtures("people")
def test_a_refusal_by_any_of_them_is_one_of_the_number(database, user_id, tmp_path, clock):
    apply_text(database, tmp_path, TEXT, clock=clock)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE customers SET opt_out_date = now() WHERE user_id = %s AND external_id = 'Ann Lee'", [user_id]
        )
        suppress(connection, user_id, OFFICE, reason="blocked", source="operator", now=None)

    (run,) = launched(database, clock)

    assert [*texts(database).values()] == ["Hello Bob Ray!"]
    assert run.exclusions == {"opted_out": 4, "suppressed": 2}


@pytest.mark.usefixtures("people")
def test_explain_says_of_each_who_gets_the_text_and_whose_names_it_has(database, tmp_path, clock):
    apply_text(database, tmp_path, TEXT, clock=clock)

    def told(key):
        (found,) = explain(database, tenant_of(database), key=key, campaign="spring", clock=clock)
        return found, next(fact for fact in found.facts if fact.rule == "shared phone")

    (kept, of_kept), (named, of_named) = told("Mia Lee"), told("Ann Lee")

    assert (kept.text, kept.reason) == ("Hello Mia, Tom and Ann Lee!", None)
    assert of_kept.fact.endswith("have the same number: the text has the names of all of them who may get it")
    assert (named.reason, named.verdict) == (
        "merged",
        "is named in the text that goes to another person with the number",
    )
    assert of_named.fact.endswith("one text for all of them goes to who visited last")


@pytest.mark.usefixtures("people")
def test_a_template_with_names_is_previewed_as_it_is_merged(database, tmp_path, clock):
    apply_text(database, tmp_path, TEXT, clock=clock)

    about = {"name": "t", "segment": "all", "variables": {}, "prices": prices, "now": clock.now()}
    seen = preview_segment(database, tenant_of(database), **about, progress=lambda _: None)

    assert (seen.recipients, seen.dearest.text) == (3, "Hello Mia, Tom and Ann Lee!")


@pytest.mark.usefixtures("people")
def test_without_merging_one_of_them_gets_a_text_of_their_own(database, tmp_path, clock):
    text = TEXT.replace("names", "name").replace(", shared_phones: merge", "")
    apply_text(database, tmp_path, text, clock=clock)

    (run,) = launched(database, clock)

    assert {*texts(database).values()} == {"Hello Mia Lee!", "Hello Bob Ray!", "Hello Cy Fox!"}
    assert run.exclusions == {"shared_phone": 3, "no_consent": 1}
