from pathlib import Path

import pytest

from lumiere_sms.definitions.reading import examine


def problems(folder: Path, text: str) -> list[tuple[str, str]]:
    file = folder / "campaigns.yaml"
    file.write_text(f"campaigns:\n  one: {{segment: all, {text}}}\n", encoding="utf-8")
    return [(one.message, one.hint) for one in examine([file]).problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("type: drip, message: hi", '"steps" is missing', id="a drip without steps"),
        pytest.param("type: reminder, message: hi", '"remind" is missing', id="a reminder without its offset"),
        pytest.param(
            "message: hi, remind: 2h before", '"remind" is for reminder campaigns; this one is a blast', id="remind"
        ),
        pytest.param("message: hi, enrol: {}", '"enrol" is for drip campaigns; this one is a blast', id="enrol"),
        pytest.param(
            "steps: [{message: hi}]", '"steps" is for drip campaigns; this one is a blast', id="steps elsewhere"
        ),
        pytest.param(
            "type: drip, steps: [{message: hi}], message: ho",
            '"steps" and "message" exclude each other',
            id="two texts",
        ),
        pytest.param("type: drip, steps: [{}]", "one of template or message is missing", id="a step without a text"),
        pytest.param("type: drip, steps: []", '"steps" is empty', id="no step"),
        pytest.param(
            "type: drip, steps: [{name: a, message: x}, {name: a, message: y}]",
            'the step "a" is there already: it is step 1',
            id="steps in a circle",
        ),
        pytest.param(
            'type: drip, steps: [{name: "2", message: x}, {message: y}]',
            "the name 2 is another step's number",
            id="a name that is a number",
        ),
        pytest.param(
            "type: drip, steps: [{message: x}], enrol: {again_after: 1h}",
            "again_after: 1h would send people round in a circle",
            id="people in a circle",
        ),
        pytest.param(
            "type: drip, steps: [{message: x, after: -1d}]",
            '"-1d" is not a duration; write 90m, 12h, 1d or 1h30m',
            id="a step before the one before",
        ),
        pytest.param(
            "type: drip, steps: [{message: x, window: 22:00-23:00}]",
            "no text of step 1 could ever leave: quiet hours cover every window",
            id="a window that never opens",
        ),
        pytest.param(
            "type: drip, steps: [{message: x}], canary: {size: 5, wait: 1h}",
            '"canary" needs an audience that is there at once; a drip takes people in day by day',
            id="a canary",
        ),
        pytest.param(
            "type: reminder, message: hi, remind: 2h before, schedule: {at: now, repeat: {type: daily}}",
            "a reminder does not repeat: from its start on it goes on every day",
            id="a repetition",
        ),
        pytest.param(
            "type: reminder, message: hi, remind: soon",
            '"soon" is no reminder; write "1 day before, 18:00-19:00" or "2h before"',
            id="no offset",
        ),
        pytest.param(
            "type: reminder, message: hi, remind: yesterday before",
            '"yesterday" is not a duration; write 90m, 12h, 1d or 1h30m',
            id="an offset that is none",
        ),
        pytest.param(
            "type: reminder, message: hi, remind: -2h before",
            '"-2h" is not a duration; write 90m, 12h, 1d or 1h30m',
            id="after the appointment",
        ),
        pytest.param("type: reminder, message: hi, remind: 90 days before", "90d is too large", id="too long before"),
        pytest.param("type: reminder, message: hi, remind: 5 minutes before", "5m is too small", id="too short before"),
    ],
)
def test_what_cannot_stand_is_refused_in_one_sentence(tmp_path, text, said):
    assert [message for message, _ in problems(tmp_path, text)] == [said]


@pytest.mark.parametrize(
    "written", ["1 day before, 18:00-19:00", "1d before", "2 Hours before", "90 minutes before", "1 week before"]
)
def test_an_offset_is_written_as_people_say_it(tmp_path, written):
    assert problems(tmp_path, f'type: reminder, message: hi, remind: "{written}"') == []


def test_a_reminders_own_window_goes_before_that_of_the_defaults(tmp_path):
    file = tmp_path / "campaigns.yaml"
    file.write_text(
        "defaults: {window: 09:00-11:00}\n"
        'campaigns: {one: {type: reminder, segment: all, message: hi, remind: "1 day before, 18:00-19:00"}}\n',
        encoding="utf-8",
    )

    campaign = examine([file]).checked().campaigns["one"]

    assert [str(window) for window in campaign.windows().windows] == ["18:00-19:00"]


@pytest.mark.parametrize("unless", ["replied", "[replied]", "[replied, opted_out]"])
def test_one_deed_need_not_be_a_list(tmp_path, unless):
    assert problems(tmp_path, f"type: drip, steps: [{{message: x, unless: {unless}}}]") == []
