import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest

from lumiere_sms.schedule.days import ALWAYS_OPEN, OpenDays, has_holidays, read_country

MAY = OpenDays(closed_weekdays=frozenset({7}), closed_days=frozenset({date(2026, 5, 7)}), holidays="JP")


@pytest.mark.parametrize(
    ("day", "why"),
    [
        pytest.param(date(2026, 5, 7), "closed that day", id="a day of its own"),
        pytest.param(date(2026, 5, 10), "closed on Sundays", id="a weekday"),
        pytest.param(date(2026, 5, 4), "Greenery Day", id="a holiday"),
        pytest.param(date(2026, 5, 6), "substitute holiday", id="its substitute"),
        pytest.param(date(2026, 9, 22), "National Holiday", id="the day between two holidays"),
        pytest.param(date(2026, 5, 8), "", id="open"),
    ],
)
def test_why_there_is_no_business(day, why):
    assert MAY.why_closed(day).lower() == why.lower()
    assert MAY.is_open(day) == (not why)


def test_the_first_open_day_is_after_all_the_closed_ones():
    assert MAY.first_open(date(2026, 5, 3)) == date(2026, 5, 8)
    assert ALWAYS_OPEN.first_open(date(2026, 5, 3)) == date(2026, 5, 3)


def test_who_is_always_closed_never_opens():
    assert OpenDays(closed_weekdays=frozenset(range(1, 8))).first_open(date(2026, 5, 3)) is None


def test_the_closed_days_of_a_time_are_listed():
    assert [day.day for day, _ in MAY.closed_between(date(2026, 5, 1), date(2026, 5, 10))] == [3, 4, 5, 6, 7, 10]


@pytest.mark.parametrize(("text", "code"), [("JP", "JP"), (" jp ", "JP"), ("us-ca", "US-CA"), ("DE-BY", "DE-BY")])
def test_a_country_is_read(text, code):
    assert read_country(text) == code
    assert OpenDays(holidays=code).why_closed(date(2026, 1, 1)).lower() == "new year's day"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("XX", 'no public holidays are known of "XX"; write an ISO 3166 code such as JP'),
        ("japan", "did you mean JP"),
        ("EN", "did you mean GB"),
        ("DE-XX", 'no public holidays are known of "XX" in DE; its parts are: BB, BE'),
        ("JP-13", "its parts are: none"),
        ("", "write an ISO 3166 code"),
    ],
)
def test_an_unknown_country_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_country(text)


def test_which_countries_have_holidays():
    assert has_holidays("JP")
    assert not has_holidays("XX")


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_ask_about_a_new_year_at_once_are_all_told_its_holidays(hasty):
    days, together = OpenDays(holidays="JP"), Barrier(4)

    def is_open(year: int) -> bool:
        together.wait()
        return days.is_open(date(year, 1, 1))

    with ThreadPoolExecutor(4) as threads:
        found = [threads.map(is_open, [year] * 4) for year in range(1950, 1970)]

    assert not any(any(each) for each in found)
