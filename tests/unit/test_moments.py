from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.simulation.moments import (
    SLOT,
    Moment,
    Outlook,
    midnight_after,
    next_moment,
    slot_end,
    time_to_fill,
)

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TOKYO = ["Asia/Tokyo"]
nows = st.integers(0, 86_400_000_000).map(lambda micros: NOW + timedelta(microseconds=micros))
laters = st.none() | st.integers(1, 200_000_000_000).map(lambda micros: timedelta(microseconds=micros))


def at(hour, minute=0, second=0):
    return datetime(2026, 3, 15, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "outlook", "expected"),
    [
        pytest.param(at(1), Outlook(), Moment(at(15), is_event=True), id="nothing: the next midnight in Tokyo"),
        pytest.param(at(1), Outlook(event=at(3, 7)), Moment(at(3, 7), is_event=True), id="an event, to the second"),
        pytest.param(at(1), Outlook(text=at(3, 7, 9)), Moment(at(3, 7, 9)), id="a text after a pause, to the second"),
        pytest.param(
            at(1),
            Outlook(text=at(1, 0, 9)),
            Moment(at(1, 2, 59), is_late=True),
            id="a text close behind: its slot's end",
        ),
        pytest.param(at(1), Outlook(is_paced=True), Moment(at(1, 3)), id="the pace: the next slot"),
        pytest.param(
            at(1, 2, 59), Outlook(is_paced=True), Moment(at(1, 8)), id="the pace, where a slot was taken at its end"
        ),
        pytest.param(
            at(1), Outlook(step=at(1, 1)), Moment(at(1, 2, 59), is_event=True, is_late=True), id="a step is an event"
        ),
        pytest.param(at(1), Outlook(is_open=True), Moment(at(1, 3), is_event=True), id="a look a slot for who enters"),
        pytest.param(
            at(1), Outlook(event=at(1, 3), is_paced=True), Moment(at(1, 3), is_event=True), id="of equals, the event"
        ),
    ],
)
def test_the_next_moment_is_the_first_at_which_something_may_happen(now, outlook, expected):
    assert next_moment(now, outlook, zones=TOKYO) == expected


@given(now=nows, event=laters, text=laters, step=laters, is_paced=st.booleans(), is_open=st.booleans())
def test_time_goes_on_and_nothing_is_passed_by(now, event, text, step, is_paced, is_open):
    outlook = Outlook(event and now + event, text and now + text, step and now + step, is_paced, is_open)

    moment = next_moment(now, outlook, zones=TOKYO)

    assert moment.at > now
    assert moment.at <= min(filter(None, [outlook.event, midnight_after(now, "Asia/Tokyo")]))
    for soft in filter(None, [outlook.text, outlook.step]):
        assert moment.at <= soft + SLOT
    if is_paced:
        assert moment.at <= now + SLOT + SECOND


@given(start=nows, after=st.integers(1, 86_400_000_000), full_five=st.integers(1, 300))
def test_no_text_misses_a_window_that_ends_at_a_full_five_minutes_for_being_met_late(start, after, full_five):
    send_after = start + timedelta(microseconds=after)
    closes = NOW + full_five * SLOT
    text = Outlook(text=send_after)

    moment = next_moment(start, text, zones=["UTC"])

    if moment.is_late and send_after < closes - USABLE - SECOND:
        assert moment.at < closes - USABLE


@given(now=nows, event=laters, is_late=st.booleans())
def test_the_pace_is_taken_ahead_for_a_slot_at_most_and_never_beyond_an_event(now, event, is_late):
    ahead = time_to_fill(Moment(now, is_late=is_late), event and now + event)

    assert timedelta(0) < ahead <= SLOT + SECOND
    assert is_late or event is None or ahead <= event


@given(now=nows)
def test_slots_end_two_minutes_before_a_full_five(now):
    end = slot_end(now)

    assert now + SECOND < end <= now + SLOT + SECOND
    assert (end + USABLE - NOW) % SLOT == timedelta(0)
