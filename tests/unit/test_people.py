import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.audience.cells import readers
from lumiere_sms.audience.headers import read_headers
from lumiere_sms.audience.people import PERSON, PersonReader, RowError, guarded

READERS = readers(country="JP", zone=ZoneInfo("Asia/Tokyo"), now=datetime(2026, 3, 15, tzinfo=UTC))


def reader(*headers):
    return PersonReader(read_headers(headers), readers=READERS)


def read(headers, row):
    person = reader(*headers).read(row)
    return person and {name: value for name, value in zip(PERSON, person, strict=True) if value is not None}


def test_a_row_becomes_a_person():
    headers = ["携帯", "氏名", "来店回数", "性別", "メモ", ""]

    person = read(headers, ["090-1234-5678", "田中　花子", " 5回 ", " 女 ", "", " "])

    assert person == {
        "phone_number": "+819012345678",
        "last_name": "田中",
        "first_name": "花子",
        "visit_count": "5",
        "attributes": '{"性別": "女"}',
    }


def test_words_that_name_who_agreed_to_them_are_refused_since_they_stay():
    headers = ["tel", "氏名", "consent_wording"]

    kept = read(headers, ["090-1234-5678", "田中 花子", "お得な情報の配信に同意します"])
    with pytest.raises(RowError, match="names the person"):
        read(headers, ["090-1234-5678", "田中 花子", "私、田中は配信に同意します"])

    assert kept["consent_wording"] == "お得な情報の配信に同意します"


def test_a_row_of_blanks_is_nobody():
    assert read(["tel", "名", "メモ"], ["", "　", " "]) is None


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        pytest.param(["1", "2"], [("", "2 cells, but the header has 4")], id="too few cells"),
        pytest.param(["1"], [("", "1 cell, but the header has 4")], id="one cell"),
        pytest.param(["1", "2", "3", "4", ""], [("", "5 cells, but the header has 4")], id="too many cells"),
        pytest.param(
            ["090", "many", "", "x"],
            [
                ("tel", '"090" is not a phone number of JP'),
                ("来店回数", '"many" is not a whole number from 0 to 999,999,999'),
                ("", '"x" stands in column 4, which has no header'),
            ],
            id="everything at once",
        ),
        pytest.param(
            ["", "5", "", ""], [("", "this person has neither a customer number nor a phone number")], id="no number"
        ),
        pytest.param(
            ["", "5", "x" * 10_001, ""],
            [("メモ", "10,001 characters are too many; 10,000 is the most")],
            id="a long cell",
        ),
    ],
)
def test_everything_that_is_wrong_with_a_row_is_told_with_its_column(row, problems):
    with pytest.raises(RowError) as raised:
        reader("tel", "来店回数", "メモ", "").read(row)

    assert [(problem.header, problem.message) for problem in raised.value.problems] == problems


@given(
    st.text(st.sampled_from("'=+-@\t\r\nab1 ,\"") | st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
)
def test_a_guarded_cell_is_no_formula_and_is_read_back_as_it_was(text):
    stored = text.strip()
    line = io.StringIO()
    csv.writer(line).writerow(["C1", guarded(stored)])
    row = next(csv.reader(io.StringIO(line.getvalue(), newline=""), strict=True))

    person = read(["no", "メモ"], row)

    assert not row[1].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert person == ({"external_id": "C1", "attributes": _json(stored)} if stored else {"external_id": "C1"})


def _json(text):
    from json import dumps  # noqa: PLC0415 - used once

    return dumps({"メモ": text}, ensure_ascii=False)
