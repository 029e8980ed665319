import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, rows, tenant_of

from lumiere_sms.audience.consent_rows import count_differing
from lumiere_sms.audience.exports import export_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppressions import lift, suppress
from lumiere_sms.errors import ConfigurationError, DefinitionError
from lumiere_sms.privacy.erasing import erase_person

HEADER = "顧客番号,電話番号,姓,名,来店回数,最終来店日,タグ,販促可,配信停止日,性別\n"
TANAKA = "C1,090-1234-5678,田中,花子,5,2026/3/1,vip;color,はい,,女\n"
SUZUKI = "C2,080-1111-2222,鈴木,,,,,,,\n"


@pytest.fixture
def take(database, clock, tmp_path):
    def importing(text, **options):
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        told = []
        imported = import_customers(
            database,
            tenant_of(database),
            path,
            options=ImportOptions(**options),
            now=clock.now(),
            progress=lambda done, total=None: told.append((done, total)),
        )
        assert told[-1] == (imported.rows - imported.skipped + clashes(imported), told[-1][0])
        return counts(imported)

    return importing


def clashes(imported):
    return sum("line" in problem.message or "stored" in problem.message for problem in imported.problems)


def counts(imported):
    return {
        name: count
        for name in ("created", "updated", "unchanged", "skipped", "opted_out")
        if (count := getattr(imported, name))
    }


def problems(raised):
    return [(problem.line, problem.message) for problem in raised.value.problems]


def test_people_are_added_with_everything_that_the_list_says(database, take):
    counted = take(HEADER + TANAKA + " ,,,,,,,,,\n" + SUZUKI)

    tanaka, suzuki = rows(database, "customers", order="external_id")
    assert counted == {"created": 2}
    assert (tanaka["phone_number"], tanaka["last_name"], tanaka["first_name"]) == ("+819012345678", "田中", "花子")
    assert (tanaka["visit_count"], tanaka["tags"], tanaka["attributes"]) == (5, ["vip", "color"], {"性別": "女"})
    assert tanaka["allow_promotional"] is True
    assert (suzuki["visit_count"], suzuki["tags"], suzuki["attributes"]) == (0, [], {})
    assert (suzuki["allow_promotional"], suzuki["allow_reminders"]) == (False, True)


def test_taking_the_same_list_again_changes_nothing(database, take):
    header = "電話番号,氏名,次回予約,売上,配信停止日\n"
    text = header + "090-1234-5678,田中 花子,2026-04-01 10:00,¥5000,\n080-1111-2222,,,,はい\n"
    take(text)
    before = rows(database, "customers"), rows(database, "suppressions")

    counted = take(text)

    assert counted == {"unchanged": 2, "opted_out": 1}
    assert (rows(database, "customers"), rows(database, "suppressions")) == before


def test_a_customer_is_found_again_by_number_and_empty_cells_leave_what_is_stored(database, take):
    take(HEADER + TANAKA)

    counted = take("id,phone,visits,性別,担当\nC1,,6,,佐藤\n")

    (tanaka,) = rows(database, "customers")
    assert counted == {"updated": 1}
    assert (tanaka["visit_count"], tanaka["phone_number"], tanaka["tags"]) == (6, "+819012345678", ["vip", "color"])
    assert tanaka["attributes"] == {"性別": "女", "担当": "佐藤"}
    assert tanaka["allow_promotional"] is True


@pytest.mark.parametrize(
    ("row", "counted"),
    [
        pytest.param("090-1234-5678,田中,花子,9", {"updated": 1}, id="the same phone and name"),
        pytest.param("090-1234-5678,,花子,9", {"updated": 1}, id="a name left empty may be any"),
        pytest.param("090-1234-5678,,,9", {"updated": 1}, id="a phone alone"),
        pytest.param("090-1234-5678,田中,桜,9", {"created": 1}, id="another name is another person"),
        pytest.param("090-9999-9999,田中,花子,9", {"created": 1}, id="another phone is another person"),
    ],
)
def test_without_a_number_a_customer_is_found_by_phone_and_name(take, row, counted):
    take(HEADER + TANAKA)

    assert take(f"tel,姓,名,来店回数\n{row}\n") == counted


def test_a_number_is_given_to_a_customer_who_had_none_and_never_taken_from_one(database, take):
    take("tel,姓\n090-1234-5678,田中\n")

    first = take("id,tel,姓\nC1,090-1234-5678,田中\n")
    second = take("id,tel,姓\nC2,090-1234-5678,田中\n")

    assert (first, second) == ({"updated": 1}, {"created": 1})
    assert [row["external_id"] for row in rows(database, "customers", order="external_id")] == ["C1", "C2"]


def test_the_nearest_name_is_found_when_a_phone_is_shared(database, user_id, take):
    add_customer(database, user_id, "+819012345678", last_name="田中", external_id="mother")
    add_customer(database, user_id, "+819012345678", external_id="nameless")

    counted = take("tel,来店回数\n09012345678,3\n")

    visits = {row["external_id"]: row["visit_count"] for row in rows(database, "customers")}
    assert counted == {"updated": 1}
    assert visits == {"mother": 0, "nameless": 3}


def test_rows_that_cannot_be_told_apart_are_each_told_with_the_other(database, user_id, take):
    for number in ("A", "B"):
        add_customer(database, user_id, "+817011112222", last_name="林", external_id=number)
    add_customer(database, user_id, "+817033334444", last_name="森")
    text = (
        "id,tel,姓\n"
        "C1,090-1234-5678,田中\n"
        "C1,090-1234-9999,田中\n"
        ",080-1111-2222,鈴木\n"
        ",080-1111-2222,鈴木\n"
        ",090-1234-5678,田中\n"
        ",070-1111-2222,林\n"
        ",070-3333-4444,森\n"
        "C9,070-3333-4444,森\n"
        ",070-3333-4444,\n"
    )

    with pytest.raises(DefinitionError) as raised:
        take(text)

    assert problems(raised) == [
        (3, "the customer number is that of line 2 too"),
        (5, "the phone and name are those of line 4 too, and no customer number tells them apart"),
        (6, "the phone and name are those of line 2 too, and no customer number tells them apart"),
        (7, "2 stored customers have this phone and name; give the customer number"),
        (8, "the phone and name are those of line 9 too, and no customer number tells them apart"),
        (9, "this is the same stored customer as line 8"),
        (10, "this is the same stored customer as line 8"),
    ]
    assert len(rows(database, "customers")) == 3


def test_one_bad_row_is_enough_to_change_nothing(database, take):
    with pytest.raises(DefinitionError) as raised:
        take(HEADER + TANAKA + "C3,090,山田,,many,,,,,\n" + '"C4\n')

    assert rows(database, "customers") == []
    assert problems(raised) == [
        (3, 'column "電話番号": "090" is not a phone number of JP'),
        (3, 'column "来店回数": "many" is not a whole number from 0 to 999,999,999'),
        (4, "a quote is opened here and never closed"),
    ]


def test_the_good_rows_go_in_when_that_is_asked(database, take):
    counted = take(HEADER + TANAKA + "C3,090,山田,,many,,,,,\n" + SUZUKI + "C2,,,,,,,,,\n", skip_bad=True)

    assert counted == {"created": 2, "skipped": 2}
    assert [row["external_id"] for row in rows(database, "customers", order="external_id")] == ["C1", "C2"]


def test_the_first_problems_are_told_and_the_others_counted(take):
    with pytest.raises(DefinitionError) as raised:
        take("tel\n" + "x\n" * 1_284)

    assert len(raised.value.problems) == 50
    assert "and 1,234 more\n1,284 problems in" in str(raised.value)


def test_a_dry_run_counts_and_changes_nothing(database, take):
    take(HEADER + TANAKA)

    counted = take("id,tel,来店回数,配信停止日\nC1,,9,2026-01-01\nC5,090-8888-7777,,\n", dry_run=True)

    assert counted == {"created": 1, "updated": 1, "opted_out": 1}
    assert [row["visit_count"] for row in rows(database, "customers")] == [5]
    assert rows(database, "suppressions") == []


def test_a_refusal_in_a_list_suppresses_the_number(database, clock, take):
    counted = take("id,tel,配信停止日\nC1,090-1234-5678,2025-12-31\nC2,090-1234-5678,\nC3,,はい\n")

    (suppression,) = rows(database, "suppressions")
    refused = [row["opt_out_date"] for row in rows(database, "customers", order="external_id")]
    assert counted == {"created": 3, "opted_out": 2}
    assert (suppression["phone_number"], suppression["reason"]) == ("+819012345678", "opted_out")
    assert suppression["source"] == "import"
    assert refused == [datetime(2025, 12, 30, 15, tzinfo=UTC), None, clock.now()]


def test_a_refusal_is_exported_as_exactly_as_it_is_stored(database, user_id, clock, take):
    take(HEADER + TANAKA)
    with database.transaction() as connection:
        now = clock.now() - timedelta(microseconds=1)
        suppress(connection, user_id, "+819012345678", reason="opted_out", source="reply", now=now)
        export_customers(connection, user_id, stream := io.StringIO())

    assert take(stream.getvalue()) == {"unchanged": 1, "opted_out": 1}
    assert rows(database, "customers")[0]["opt_out_date"] == now


def test_a_list_never_lifts_a_refusal_and_the_first_one_counts(database, take):
    take("id,tel,配信停止日\nC1,090-1234-5678,2025-12-31\n")

    take("id,tel,配信停止\nC1,090-1234-5678,いいえ\n")
    take("id,tel,配信停止日\nC1,,2026-02-01\n")

    (customer,) = rows(database, "customers")
    assert len(rows(database, "suppressions")) == 1
    assert customer["opt_out_date"] == datetime(2025, 12, 30, 15, tzinfo=UTC)


def test_a_refusal_outranks_what_was_wrong_with_a_number(database, user_id, clock, take):
    with database.transaction() as connection:
        suppress(connection, user_id, "+819012345678", reason="invalid_number", source="provider", now=clock.now())

    take("id,tel,配信停止日\nC1,090-1234-5678,はい\n")

    (suppression,) = rows(database, "suppressions")
    assert (suppression["reason"], suppression["source"]) == ("opted_out", "import")


def test_a_lifted_refusal_comes_back_with_a_list_that_still_has_it(database, user_id, take):
    text = "id,tel,配信停止日\nC1,090-1234-5678,2025-12-31\n"
    take(text)
    with database.transaction() as connection:
        lifted = lift(connection, user_id, "+819012345678")

    counted = take(text)

    assert lifted
    assert counted == {"updated": 1, "opted_out": 1}
    assert len(rows(database, "suppressions")) == 1


def test_consent_is_given_only_by_the_list_or_the_one_who_imports_it(database, take):
    text = "id,tel,販促可\nC1,090-1234-5678,\nC2,090-1234-5679,いいえ\nC3,090-1234-5670,はい\n"
    take(text)
    before = [row["allow_promotional"] for row in rows(database, "customers", order="external_id")]

    take(text, allow_promotional=True)

    after = [row["allow_promotional"] for row in rows(database, "customers", order="external_id")]
    assert (before, after) == ([False, False, True], [True, False, True])


def test_numbers_without_a_plus_are_of_the_country_that_is_named(database, take):
    take("id,tel\nC1,07400 123456\n", country="gb")

    assert [row["phone_number"] for row in rows(database, "customers")] == ["+447400123456"]
    with pytest.raises(ConfigurationError, match='"XX" is not a country'):
        take("id,tel\nC1,07400 123456\n", country="XX")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "tel,携帯\n1,2\n", [(1, 'columns "tel" and "携帯" are all phone_number; rename all but one')], id="twice"
        ),
        pytest.param("性別\n女\n", [(1, "no column is a phone number or a customer number")], id="nobody"),
        pytest.param("\n\n", [(0, "the file has no header")], id="blank lines"),
        pytest.param('"tel\n1\n', [(1, "a quote is opened here and never closed")], id="a quote in the header"),
        pytest.param("tel\n", [(0, "has a header but no people")], id="only a header"),
    ],
)
def test_a_list_that_cannot_be_begun_is_told(take, text, told):
    with pytest.raises(DefinitionError) as raised:
        take(text)

    assert problems(raised) == told


def test_progress_is_told_while_a_long_list_is_read(database, clock, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("id\n" + "".join(f"C{number}\n" for number in range(12_000)), encoding="utf-8")
    told = []

    import_customers(
        database,
        tenant_of(database),
        path,
        options=ImportOptions(),
        now=clock.now(),
        progress=lambda done, total=None: told.append((done, total)),
    )

    assert told == [(5_000, 12_001), (10_000, 12_001), (12_000, 12_000)]


def test_other_tenants_are_neither_matched_nor_changed(database, user_id, take):
    with database.transaction() as connection:
        other = connection.execute(
            "INSERT INTO users (id, slug, name) VALUES (gen_random_uuid(), 'other', 'Other') RETURNING id"
        ).fetchone()["id"]
    add_customer(database, other, "+819012345678", external_id="C1", last_name="田中", first_name="花子")

    counted = take(HEADER + TANAKA)

    mine = [row for row in rows(database, "customers") if row["user_id"] == user_id]
    theirs = [row for row in rows(database, "customers") if row["user_id"] == other]
    assert counted == {"created": 1}
    assert [row["visit_count"] for row in mine + theirs] == [5, 0]


def test_attributes_keep_any_text(database, take):
    value = json.dumps({"quote": '"', "yen": "¥", "slash": "\\", "tab": "\t"})

    take('id,メモ\nC1,"' + value.replace('"', '""') + '"\n')

    (customer,) = rows(database, "customers")
    assert customer["attributes"] == {"メモ": value}
    assert Jsonb(customer["attributes"])


def test_a_list_that_brings_back_an_erased_person_who_refused_says_that_they_refuse(database, user_id, clock, take):
    numbers = [f"+81901234567{last}" for last in range(8)]
    for key, number in enumerate(numbers):
        add_customer(database, user_id, number, external_id=f"C{key}")
        with database.transaction() as connection:
            suppress(connection, user_id, number, reason="opted_out", source="reply", now=clock.now())
        erase_person(database, tenant_of(database), number, now=clock.now())

    clock.advance(timedelta(days=1))
    take("電話番号,販促可,リマインド可\n" + "".join(f"{number},はい,はい\n" for number in numbers))

    assert all(row["opt_out_date"] for row in rows(database, "customers"))
    with database.transaction() as connection:
        assert count_differing(connection, user_id) == 0
