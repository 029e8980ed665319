import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.audience.cells import read_text, readers, split_name

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
READERS = readers(country="JP", zone=ZoneInfo("Asia/Tokyo"), now=NOW)


@pytest.mark.parametrize(
    ("column", "cell", "read"),
    [
        pytest.param("external_id", "　Ｃ００１ ", "C001", id="full-width letters and digits"),
        pytest.param("last_name", "ﾀﾅｶ", "タナカ", id="half-width kana"),
        pytest.param("last_name", "が", "が", id="NFC"),
        pytest.param("last_name", "髙橋（旧姓 林）", "髙橋（旧姓 林）", id="other characters stay"),
        pytest.param("last_visit_date", "2026-03-15", "2026-03-15", id="ISO"),
        pytest.param("last_visit_date", "2026/3/5", "2026-03-05", id="slashes"),
        pytest.param("last_visit_date", "2026.3.5", "2026-03-05", id="dots"),
        pytest.param("last_visit_date", "2026年3月15日", "2026-03-15", id="年月日"),
        pytest.param("last_visit_date", "2026年 3月 5日(木)", "2026-03-05", id="年月日 with a weekday"),
        pytest.param("last_visit_date", "２０２６/０３/１５", "2026-03-15", id="full width"),
        pytest.param("last_visit_date", "20260315", "2026-03-15", id="without separators"),
        pytest.param("last_visit_date", "2026/03/15 14:30", "2026-03-15", id="the time is left out"),
        pytest.param("birthday", "昭和60年4月1日", "1985-04-01", id="昭和"),
        pytest.param("birthday", "平成元年1月8日", "1989-01-08", id="the first year of an era"),
        pytest.param("next_appointment_at", "2026-03-20 10:00", "2026-03-20T10:00:00+09:00", id="local time"),
        pytest.param("opt_out_date", "2026-03-01(日)", "2026-03-01T00:00:00+09:00", id="a refusal with a weekday"),
        pytest.param(
            "consent_date", "2026年3月1日（日） 10:00", "2026-03-01T10:00:00+09:00", id="a weekday and a time"
        ),
        pytest.param("next_appointment_at", "2026年3月20日 9時05分", "2026-03-20T09:05:00+09:00", id="時分"),
        pytest.param("next_appointment_at", "2026-03-20T10:00:30Z", "2026-03-20T10:00:30+00:00", id="UTC"),
        pytest.param(
            "next_appointment_at", "2026-03-20T10:00:00.123+05:30", "2026-03-20T10:00:00+05:30", id="an offset"
        ),
        pytest.param("opt_out_date", "2026-01-31", "2026-01-31T00:00:00+09:00", id="the day of a refusal"),
        pytest.param("opt_out_date", "はい", NOW.isoformat(), id="a refusal without a day"),
        pytest.param("opt_out_date", "no", None, id="no refusal"),
        pytest.param("visit_count", "1,204回", "1204", id="a count with its word"),
        pytest.param("visit_count", "１２", "12", id="a count in full width"),
        pytest.param("visit_count", "12.0", "12", id="a count that a spreadsheet made a fraction"),
        pytest.param("total_sales", "¥12,000", "12000", id="yen"),
        pytest.param("total_sales", "12,000円", "12000", id="円"),
        pytest.param("total_sales", "-1500.50", "-1500.50", id="a refund"),
        pytest.param("allow_promotional", "○", "true", id="○"),
        pytest.param("allow_promotional", "×", "false", id="×"),
        pytest.param("allow_promotional", "いいえ", "false", id="いいえ"),
        pytest.param("allow_reminders", "TRUE", "true", id="TRUE"),
        pytest.param("allow_reminders", "０", "false", id="a full-width 0"),
        pytest.param("tags", "vip、color; vip ,", '{"vip","color"}', id="tags by any separator, each once"),
        pytest.param("tags", 'a"b\\', '{"a\\"b\\\\"}', id="tags with quotes"),
        pytest.param("tags", " ; ", None, id="no tags"),
        pytest.param("preferred_time", "9:00〜18:30", "09:00-18:30", id="a wave"),
        pytest.param("preferred_time", "10:00から18:00", "10:00-18:00", id="から"),
        pytest.param("timezone", "Asia/Tokyo", "Asia/Tokyo", id="a zone"),
    ],
)
def test_cells_are_read_as_lists_write_them(column, cell, read):
    assert READERS[column](cell) == read


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        pytest.param("last_visit_date", "2026-02-30", '"2026-02-30" is not a day of the calendar', id="30 February"),
        pytest.param("last_visit_date", "2026/13/1", '"2026/13/1" is not a day of the calendar', id="month 13"),
        pytest.param("birthday", "0026/1/1", '"0026/1/1" is not a day of the calendar', id="the year 26"),
        pytest.param("last_visit_date", "3/15/2026", "is not a date", id="a date that could be two"),
        pytest.param("last_visit_date", "45000", "is not a date", id="a spreadsheet's day number"),
        pytest.param("last_visit_date", "2026-03-150", "is not a date", id="a day too long"),
        pytest.param("next_appointment_at", "2026-03-20", "has no time of day", id="a date alone"),
        pytest.param("next_appointment_at", "2026-03-20 25:00", "has no time of day", id="25:00"),
        pytest.param("next_appointment_at", "2026-03-20 noon", "has no time of day", id="noon"),
        pytest.param("visit_count", "-1", "is not a whole number from 0 to 999,999,999", id="less than none"),
        pytest.param("visit_count", "1.5", "is not a whole number", id="half a visit"),
        pytest.param("visit_count", "12345678901", "is not a whole number", id="too many"),
        pytest.param("total_sales", "many", "is not an amount of money", id="a word"),
        pytest.param("total_sales", "9" * 13, "is not an amount of money", id="too much"),
        pytest.param("allow_promotional", "maybe", '"maybe" is neither yes nor no', id="maybe"),
        pytest.param("preferred_time", "25:00-26:00", "is not a span of hours", id="hours past the day"),
        pytest.param("preferred_time", "evenings", "is not a span of hours", id="evenings"),
        pytest.param("timezone", "Asia/Osaka", "is not an IANA time zone", id="no zone"),
        pytest.param("timezone", "../etc/passwd", "is not an IANA time zone", id="a path"),
        pytest.param(
            "external_id", "x" * 201, "201 characters are too many; 200 is the most", id="too long for an index"
        ),
        pytest.param("tags", "vip;" + "x" * 201, "201 characters are too many", id="a tag too long"),
    ],
)
def test_a_cell_that_makes_no_sense_says_so(column, cell, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        READERS[column](cell)


@pytest.mark.parametrize(
    ("cell", "last", "first"),
    [
        pytest.param("田中　花子", "田中", "花子", id="Japanese, last name first"),
        pytest.param("田中花子様", "田中花子", None, id="Japanese without a space"),
        pytest.param("Hanako Tanaka", "Tanaka", "Hanako", id="Latin, first name first"),
        pytest.param("Élodie van Dyck", "Dyck", "Élodie van", id="Latin with an accent"),
        pytest.param("Tanaka, Hanako", "Tanaka", "Hanako", id="Latin with a comma"),
        pytest.param("Hanako", None, "Hanako", id="Latin, one name"),
        pytest.param(", ", None, None, id="a comma alone"),
        pytest.param("様", None, None, id="a title alone"),
        pytest.param("", None, None, id="nothing"),
    ],
)
def test_a_whole_name_is_parted(cell, last, first):
    assert split_name(cell) == (last, first)


@given(st.text(max_size=30))
def test_reading_a_text_again_changes_nothing(text):
    assert read_text(read_text(text)) == read_text(text)


@given(
    st.dates(date(1800, 1, 1), date(2999, 12, 31)), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d"])
)
def test_every_day_is_read_however_it_is_written(day, form):
    assert READERS["birthday"](day.strftime(form)) == day.isoformat()


@given(st.sampled_from(sorted(READERS)), st.text(min_size=1, max_size=20))
def test_no_cell_breaks_its_reader(column, cell):
    try:
        READERS[column](cell)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most texts raise, some do not
