import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, rows, tenant_of

from lumiere_sms.audience.customers import (
    Wish,
    change_customer,
    find_customers,
    list_customers,
    require_customers,
    set_customers,
    standing_of,
)
from lumiere_sms.audience.exports import export_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.segments import write_segment
from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import DefinitionError, RefusedError, StateError


@pytest.fixture
def tenant(database):
    return tenant_of(database)


@pytest.fixture
def connection(database, user_id):
    add_customer(
        database, user_id, "+819012345678", external_id="C1", last_name="田中", first_name="花子", tags=["vip"]
    )
    add_customer(database, user_id, "+819012345678", external_id="C2", last_name="田中", first_name="桜")
    add_customer(database, user_id, None, external_id="C3", first_name="Hanako", attributes={"stylist": "佐藤"})
    with database.transaction() as connection:
        yield connection


def numbers(people):
    return [person["external_id"] for person in people]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        pytest.param({}, ["C1", "C2", "C3"], id="everybody"),
        pytest.param({"limit": 2, "page": 2}, ["C3"], id="the second page"),
        pytest.param({"search": "田中 桜"}, ["C2"], id="a whole name"),
        pytest.param({"search": "桜 田中"}, ["C2"], id="a whole name the other way round"),
        pytest.param({"search": "HANA"}, ["C3"], id="part of a name in capitals"),
        pytest.param({"search": "c2"}, ["C2"], id="a customer number"),
        pytest.param({"search": "090-1234"}, ["C1", "C2"], id="part of a phone number"),
        pytest.param({"search": "５６７８"}, ["C1", "C2"], id="the end of a phone number in full width"),
        pytest.param({"search": "%"}, [], id="no wildcard"),
        pytest.param({"tag": "vip"}, ["C1"], id="a tag"),
    ],
)
def test_customers_are_listed_by_page_search_and_tag(connection, user_id, options, found):
    assert numbers(list_customers(connection, user_id, **options)) == found


def test_a_customer_is_found_by_number_id_or_phone(connection, tenant):
    (first,) = find_customers(connection, tenant, "C1")

    assert numbers(find_customers(connection, tenant, str(first["id"]))) == ["C1"]
    assert numbers(find_customers(connection, tenant, "090-1234-5678")) == ["C1", "C2"]
    assert find_customers(connection, tenant, "090-0000") == []
    with pytest.raises(StateError, match="no customer has this id"):
        require_customers(connection, tenant, "nobody")


def test_columns_are_set_with_the_words_and_values_of_a_list(connection, tenant, clock):
    assignments = [
        "phone=080-1111-2222",
        "来店回数=7",
        "total_sales=¥12,000",
        "birthday=昭和60年4月1日",
        "tags+=gold,vip",
        "tags-=gone",
        "attributes.stylist=鈴木",
        "last_name=",
    ]

    person = change_customer(connection, tenant, "C1", assignments=assignments, now=clock.now())

    assert (person["phone_number"], person["visit_count"], person["total_sales"]) == (
        "+818011112222",
        7,
        Decimal(12000),
    )
    assert (person["birthday"].isoformat(), person["tags"]) == ("1985-04-01", ["vip", "gold"])
    assert (person["attributes"], person["last_name"], person["first_name"]) == ({"stylist": "鈴木"}, None, "花子")
    assert person["updated_at"] == clock.now()


def test_an_empty_value_empties_a_column(connection, tenant, clock):
    assignments = ["tags=", "visit_count=", "allow_promotional=", "attributes.stylist=", "birthday="]

    person = change_customer(connection, tenant, "C3", assignments=assignments, now=clock.now())

    assert (person["tags"], person["visit_count"], person["allow_promotional"]) == ([], 0, False)
    assert (person["attributes"], person["birthday"]) == ({}, None)


def test_tags_are_replaced_added_and_taken_away(connection, tenant, clock):
    replaced = change_customer(connection, tenant, "C1", assignments=["tags=a,b"], now=clock.now())["tags"]
    removed = change_customer(connection, tenant, "C1", assignments=["tags-=a"], now=clock.now())["tags"]
    everything = ["tags=x,y", "tags+=y,z", "tags-=x"]
    all_at_once = change_customer(connection, tenant, "C1", assignments=everything, now=clock.now())["tags"]

    assert (replaced, removed, all_at_once) == (["a", "b"], ["b"], ["y", "z"])


def test_everything_that_is_wrong_with_assignments_is_told_at_once(connection, tenant, clock):
    assignments = ["visit_count=many", "phone=090", "visitcnt=1", "colour=red", "vip", "opt_out_date=2026-01-01"]

    with pytest.raises(DefinitionError) as raised:
        change_customer(connection, tenant, "C1", assignments=assignments, now=clock.now())

    assert [problem.message for problem in raised.value.problems] == [
        '"many" is not a whole number from 0 to 999,999,999',
        '"090" is not a phone number of JP',
        'unknown field "visitcnt"; did you mean "visit_count"?',
        'unknown field "colour"; write attributes.colour for a value of your own',
        "expected NAME=VALUE",
        "a refusal is not set here; use --opt-out or --opt-in",
    ]


def test_a_number_that_two_people_have_names_neither(connection, tenant, clock):
    with pytest.raises(StateError, match="2 customers have this phone number") as raised:
        change_customer(connection, tenant, "09012345678", assignments=["visit_count=1"], now=clock.now())

    assert raised.value.hint == "name one: C1, C2"


def test_a_customer_number_is_not_given_twice(connection, tenant, clock):
    with pytest.raises(StateError, match="another customer has this customer number"):
        change_customer(connection, tenant, "C1", assignments=["external_id=C2"], now=clock.now())
    renamed = change_customer(connection, tenant, "C1", assignments=["external_id=C1"], now=clock.now())
    assert renamed["external_id"] == "C1"


def test_a_refusal_concerns_everyone_who_has_the_number(connection, tenant, clock):
    people = set_customers(connection, tenant, "C1", assignments=[], wish=Wish.OPT_OUT, now=clock.now())

    suppressions = connection.execute("SELECT * FROM suppressions").fetchall()
    assert [(person["external_id"], person["opt_out_date"]) for person in people] == [
        ("C1", clock.now()),
        ("C2", clock.now()),
    ]
    assert [(row["phone_number"], row["reason"], row["source"]) for row in suppressions] == [
        ("+819012345678", "opted_out", "operator")
    ]


def test_a_refusal_is_lifted_for_everyone_who_has_the_number(connection, tenant, clock):
    set_customers(connection, tenant, "C1", assignments=[], wish=Wish.OPT_OUT, now=clock.now())

    people = set_customers(connection, tenant, "C2", assignments=[], wish=Wish.OPT_IN, now=clock.now())

    assert [(person["external_id"], person["opt_out_date"]) for person in people] == [("C1", None), ("C2", None)]
    assert connection.execute("SELECT * FROM suppressions").fetchall() == []


def test_setting_a_customer_never_lifts_a_refusal(connection, tenant, clock):
    set_customers(connection, tenant, "C1", assignments=[], wish=Wish.OPT_OUT, now=clock.now())

    with pytest.raises(RefusedError, match="this person refused texts"):
        change_customer(connection, tenant, "C1", assignments=["allow_promotional=yes"], now=clock.now())

    (person,) = find_customers(connection, tenant, "C1")
    assert person["opt_out_date"] == clock.now()
    assert len(connection.execute("SELECT * FROM suppressions").fetchall()) == 1


def test_someone_without_a_phone_can_refuse_too(connection, tenant, clock):
    refused = set_customers(connection, tenant, "C3", assignments=[], wish=Wish.OPT_OUT, now=clock.now())
    lifted = set_customers(connection, tenant, "C3", assignments=[], wish=Wish.OPT_IN, now=clock.now())

    assert [person["opt_out_date"] for person in refused + lifted] == [clock.now(), None]


def test_columns_and_a_wish_are_set_together(connection, tenant, clock):
    people = set_customers(
        connection, tenant, "C1", assignments=["phone=080-1111-2222"], wish=Wish.OPT_OUT, now=clock.now()
    )
    changed = set_customers(connection, tenant, "C2", assignments=["visits=2"], wish=Wish.NONE, now=clock.now())

    assert [(person["external_id"], person["phone_number"]) for person in people] == [("C1", "+818011112222")]
    assert numbers(changed) == ["C2"]
    with pytest.raises(StateError, match="there is nothing to set"):
        set_customers(connection, tenant, "C1", assignments=[], wish=Wish.NONE, now=clock.now())


def test_what_is_known_of_a_customer_is_told(connection, tenant, clock):
    suppress(connection, tenant.id, "+819012345678", reason="blocked", source="provider", now=clock.now())
    write_segment(connection, tenant.id, {"name": "friends", "members": ["C1"]})
    (person,) = find_customers(connection, tenant, "C1")
    send(connection, tenant, person, clock.now())

    standing = standing_of(connection, tenant.id, person)

    assert standing.suppression == {"reason": "blocked", "source": "provider", "created_at": clock.now()}
    assert standing.segments == ("friends",)
    assert standing.texts == ({"started_at": clock.now(), "campaign": "spring", "status": "sent"},)


def send(connection, tenant, person, now):
    ids = {name: new_id() for name in ("campaign", "occurrence", "recipient", "submission")}
    binds = {**ids, "user_id": tenant.id, "phone": person["phone_number"], "now": now, "criteria": Jsonb({})}
    statements = """
        INSERT INTO sms_campaigns (user_id, id, name, message_content, timezone, target_criteria, currency, definition)
        VALUES (%(user_id)s, %(campaign)s, 'spring', 'Hi', 'Asia/Tokyo', %(criteria)s, 'JPY', '{}');
        INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at)
        VALUES (%(user_id)s, %(occurrence)s, %(campaign)s, %(now)s);
        INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,
            personalized_content, encoding, segments_used, status, send_after, expires_at, provider_message_id)
        VALUES (%(user_id)s, %(recipient)s, %(occurrence)s, %(campaign)s, %(phone)s, 'Asia/Tokyo', 'Hi', 'gsm7', 1,
            'sent', %(now)s, %(now)s, 'SM1');
        INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt,
            parts, started_at)
        VALUES (%(user_id)s, %(submission)s, %(recipient)s, %(occurrence)s, %(phone)s, 'twilio', '+1', 1, 1, %(now)s)
    """
    for statement in statements.split(";"):
        connection.execute(statement, binds)


@pytest.fixture
def exported(database, user_id):
    def exporting():
        stream = io.StringIO(newline="")
        with database.transaction(read_only=True) as connection:
            count = export_customers(connection, user_id, stream)
        return count, stream.getvalue()

    return exporting


def test_customers_are_exported_so_that_no_spreadsheet_runs_them(database, user_id, exported):
    add_customer(
        database,
        user_id,
        "+819012345678",
        external_id="C1",
        last_name="=HYPERLINK(1)",
        first_name="@x",
        tags=["vip", "new"],
        total_sales=Decimal(-5),
        attributes={"=1": "+1", "メモ": "a\r\nb"},
    )

    count, text = exported()

    header, row = csv.reader(io.StringIO(text, newline=""))
    assert count == 1
    assert header[-2:] == ["attributes.=1", "attributes.メモ"]
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert dict(zip(header, row, strict=True)) | {"last_name": "'=HYPERLINK(1)", "tags": "vip;new"} == dict(
        zip(header, row, strict=True)
    )


def test_an_export_taken_in_again_changes_nothing(database, user_id, clock, exported, tmp_path):
    add_customer(
        database,
        user_id,
        "+819012345678",
        external_id="C1",
        last_name="'=1",
        first_name="-x",
        tags=["vip", "new"],
        total_sales=Decimal("-5.50"),
        visit_count=3,
        last_visit_date="2026-01-31",
        next_appointment_at=datetime(2026, 4, 1, 1, 30, tzinfo=UTC),
        birthday="1985-04-01",
        preferred_time="10:00-18:00",
        timezone="Asia/Tokyo",
        opt_out_date=datetime(2026, 1, 1, tzinfo=UTC),
        attributes={"=1": "+1", "phone": "'+2", "メモ": "a\r\nb"},
    )
    add_customer(database, user_id, "+447400123456", last_name="Smith", allow_reminders=False, allow_promotional=False)
    before = rows(database, "customers")
    path = tmp_path / "customers.csv"
    path.write_text(exported()[1], encoding="utf-8-sig", newline="")

    imported = import_customers(
        database,
        tenant_of(database),
        path,
        options=ImportOptions(),
        now=clock.now(),
        progress=lambda done, total=None: None,
    )

    assert (imported.created, imported.updated, imported.unchanged) == (0, 0, 2)
    assert rows(database, "customers") == before


def test_nobody_is_exported_as_a_header_alone(exported):
    count, text = exported()

    assert count == 0
    assert text.startswith("external_id,phone_number,")
    assert text.count("\r\n") == 1
