import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from lumiere_sms.cli import output


@dataclass(frozen=True)
class Point:
    x: int
    at: datetime


def test_one_json_document_holds_times_money_and_objects(capsys):
    output.print_json(
        {
            "point": Point(1, datetime(2026, 3, 15, 1, tzinfo=UTC)),
            "day": date(2026, 3, 15),
            "cost": Decimal("0.0842"),
            "took": timedelta(seconds=1.5),
            "names": ("田中",),
            "codes": {1},
        }
    )

    assert json.loads(capsys.readouterr().out) == {
        "point": {"x": 1, "at": "2026-03-15T01:00:00+00:00"},
        "day": "2026-03-15",
        "cost": "0.0842",
        "took": 1.5,
        "names": ["田中"],
        "codes": [1],
    }


def test_a_piped_table_has_neither_colour_nor_cut_cells(capsys):
    output.print_table(["name", ">parts"], [["x" * 100, 12]])

    out = capsys.readouterr().out
    assert "x" * 100 in out
    assert "\x1b" not in out


def test_a_table_without_rows_says_so_on_stderr(capsys):
    output.print_table(["name"], [], empty="no campaign")

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no campaign\n")


def test_facts_are_aligned_and_what_is_not_known_is_left_out(capsys):
    output.print_facts([("name", "spring"), ("description", None), ("id", 7)])

    assert capsys.readouterr().out == "name  spring\nid    7\n"


def test_progress_is_a_plain_line_now_and_then_where_nobody_watches(capsys):
    with output.progress("importing", every=0) as advance:
        advance(10)
        advance(20, 40)

    assert capsys.readouterr().err == "importing: 10\nimporting: 20 of 40\n"


def test_progress_says_nothing_where_it_is_not_wanted(capsys):
    with output.progress("importing", quiet=True) as advance:
        advance(10, 20)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        pytest.param(datetime(2026, 3, 15, 1, tzinfo=UTC), "2026-03-15 10:00 JST", id="an instant"),
        pytest.param(None, "", id="none"),
    ],
)
def test_people_see_local_times_with_their_zone(instant, said):
    assert output.local(instant, "Asia/Tokyo") == said


def test_a_text_of_several_lines_or_too_long_a_one_stays_behind_its_label():
    lines = list(output.hanging("春のご案内\nBook now or never", width=16, label="✓ text  "))

    assert lines == ["✓ text  春のご案", "        内", "        Book now", "        or never"]
