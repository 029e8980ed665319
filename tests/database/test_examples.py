from datetime import date

import pytest

from lumiere_sms.audience.eligibility import audience_query, count_audience
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.segments import write_segment
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import values_of


@pytest.fixture
def example(checkout):
    return read_definitions([checkout / "campaigns.example.yaml"])


@pytest.fixture
def imported(database, checkout, clock):
    return import_customers(
        database,
        find_tenant(database, "default"),
        checkout / "lumiere_sms/examples/customers.csv",
        options=ImportOptions(skip_bad=True),
        now=clock.now(),
        progress=lambda done, total=None: None,
    )


def test_the_example_people_go_in_but_for_the_five_bad_numbers(imported):
    assert (imported.rows, imported.created, imported.skipped) == (232, 227, 5)
    assert imported.opted_out >= 8


@pytest.mark.parametrize("today", [date(2026, 3, 15), date(2029, 12, 31)], ids=str)
def test_each_example_campaign_has_an_audience_on_any_day(database, user_id, example, imported, today):
    assert imported.created
    left_out = {}

    with database.transaction() as connection:
        for segment in example.segments.values():
            write_segment(connection, user_id, segment.payload())
        for campaign in example.campaigns.values():
            count = count_audience(
                connection, user_id, target=campaign.target(), campaign_type=campaign.type, today=today
            )
            assert count.kept >= 3, campaign.name
            left_out |= count.exclusions

    assert set(left_out) == {"no_phone", "opted_out", "no_consent", "shared_phone"}


def test_each_example_text_can_be_written_to_each_of_its_people(database, user_id, example, imported):
    assert imported.created
    written = 0

    with database.transaction() as connection:
        for segment in example.segments.values():
            write_segment(connection, user_id, segment.payload())
        for campaign in example.campaigns.values():
            query, binds = audience_query(
                connection, user_id, target=campaign.target(), campaign_type=campaign.type, today=date(2026, 3, 15)
            )
            people = connection.execute(query, binds).fetchall()
            if campaign.type == "reminder":
                people = [row for row in people if row["next_appointment_at"]]
            for each in (*(campaign.steps or ()), *(campaign.variants or {}).values()) or (campaign,):
                used = example.templates.get(each.template)
                template = compile_template(used.content if used else each.message)
                for row in people:
                    values = values_of(row, variables=campaign.variables, tenant_name="Salon", zone=campaign.timezone)
                    written += bool(template.render(values, transliterate=bool(used and used.transliterate)))

    assert written > 300
