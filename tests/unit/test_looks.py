from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.sending.looks import Looks
from lumiere_sms.settings import Settings

ARMED = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
LOOKS = Looks()


def at(seconds: float) -> datetime:
    return ARMED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("now", "absent_at", "then"),
    [
        pytest.param(5, None, 30, id="as planned"),
        pytest.param(31, None, 120, id="a late look is not made up for"),
        pytest.param(121, 121, 180, id="the second that proves"),
        pytest.param(170, 170, 206, id="never sooner than a call may last after the first"),
        pytest.param(3600, 3600, 3636, id="an hour late"),
        pytest.param(180, None, 270, id="undecided, after the last"),
        pytest.param(3600, None, 5400, id="ever more rarely"),
    ],
)
def test_when_to_look_again(now, absent_at, then):
    absent = None if absent_at is None else at(absent_at)

    assert LOOKS.next_at(ARMED, absent_at=absent, now=at(now)) == at(then)


@pytest.mark.parametrize(("seconds", "counts"), [(119.9, False), (120, True), (82_800, True), (82_801, False)])
def test_not_to_find_a_text_counts_once_it_must_be_listed_and_while_records_reach_back(seconds, counts):
    assert LOOKS.counts(ARMED, at=at(seconds)) is counts


@pytest.mark.parametrize(("absent_at", "seconds", "proves"), [(None, 999, False), (120, 155, False), (120, 156, True)])
def test_a_second_look_later_than_a_call_may_last_proves_that_a_text_is_not_there(absent_at, seconds, proves):
    first = None if absent_at is None else at(absent_at)

    assert LOOKS.proves(first, at=at(seconds)) is proves


def test_the_times_are_settings():
    settings = Settings(Path(), reconcile_after="0.5, 2", provider_lists_within=1.0, seconds_between_lists=0.1)

    looks = Looks.of(settings)

    assert looks == Looks((timedelta(seconds=0.5), timedelta(seconds=2)), timedelta(seconds=1), 0.1)
    assert looks.gap == timedelta(seconds=0.25)


@pytest.mark.parametrize("text", ["", "soon", "30,5", "5,5", "0,5", "-1", "5,nan", "5,inf", "90000"])
def test_times_that_make_no_sense_are_refused(text):
    with pytest.raises(ConfigurationError, match="LUMIERE_SMS_RECONCILE_AFTER"):
        Looks.of(Settings(Path(), reconcile_after=text))
