from datetime import UTC, datetime

import pytest

from lumiere_sms.errors import RefusedError, UsageError
from lumiere_sms.simulation.spans import read_span

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo


def read(begins=None, until=None):
    return read_span(begins, until, now=NOW, zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("begins", "until", "expected"),
    [
        pytest.param(None, None, ("2026-03-15T01:00", "2026-04-14T15:00"), id="thirty days, to a midnight"),
        pytest.param("2026-03-15", None, ("2026-03-15T01:00", "2026-04-14T15:00"), id="today begins now"),
        pytest.param("2026-03-16", "2026-03-16", ("2026-03-15T15:00", "2026-03-16T15:00"), id="one whole day"),
        pytest.param("2026-03-16", "2026-03-16 12:30", ("2026-03-15T15:00", "2026-03-16T03:30"), id="a time"),
        pytest.param(None, "2026-03-20T00:00Z", ("2026-03-15T01:00", "2026-03-20T00:00"), id="a time with its offset"),
        pytest.param("2026-06-01", None, ("2026-05-31T15:00", "2026-07-01T15:00"), id="thirty days from then"),
    ],
)
def test_a_stretch_of_time_is_read_as_people_write_it(begins, until, expected):
    span = read(begins, until)

    assert (f"{span.begins:%Y-%m-%dT%H:%M}", f"{span.until:%Y-%m-%dT%H:%M}") == expected


@pytest.mark.parametrize(
    ("begins", "until", "said"),
    [
        pytest.param("2026-03-14", None, "2026-03-14 is over", id="it begins in the past"),
        pytest.param(None, "2026-03-14", "not after now", id="it ends before it begins"),
        pytest.param("2026-03-20", "2026-03-19", "not after 2026-03-20", id="backwards"),
        pytest.param("soon", None, '"soon" is no day', id="no date"),
        pytest.param(None, "2026-02-30", '"2026-02-30" is no day', id="a day that is not"),
        pytest.param(None, "2027-04-01", "more than a year ahead", id="too long"),
        pytest.param(None, "9999-12-31", "no day|more than a year", id="the end of days"),
    ],
)
def test_what_is_no_stretch_of_time_is_refused_with_what_to_write(begins, until, said):
    with pytest.raises((RefusedError, UsageError), match=said) as refused:
        read(begins, until)

    assert refused.value.hint
