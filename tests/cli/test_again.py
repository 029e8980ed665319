import json
from datetime import UTC, datetime

import pytest
from support.doubts import put_in_doubt
from support.processes import other_side_of_the_clock
from support.salon import only, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.testing.clocks import FrozenClock

MASKED = "+81········00"
BECAUSE = ("--reason", "she told us")


@pytest.fixture
def seeded(database, user_id):
    now = datetime.now(UTC)
    return seed_campaign(database, user_id, now=now, texts=2, quiet_hours=other_side_of_the_clock())


@pytest.fixture
def doubtful(database, seeded):
    put_in_doubt(database, seeded, clock=FrozenClock(datetime.now(UTC)))
    with database.transaction() as connection:
        connection.execute("UPDATE submissions SET finding = 'look 4, 181 s on: not in the provider''s records'")
    return seeded


def test_failed_ones_are_texted_again(command, database, user_id, seeded):
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed', error_code = '30008'")

    code, out, said = command("campaign", "retry", "spring", "--failed", "--codes", "30003, 30008")

    assert (code, out) == (0, "")
    assert said == 'campaign "spring": 2 wait to be texted again\n'
    assert statuses(database, user_id) == {"pending": 2}
    assert only(database, "audit_log")["actor"] == "hanako"


def test_what_a_retry_leaves_out_is_said(command, database, seeded):
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed'")
        connection.execute(
            "UPDATE campaign_recipients SET expires_at = now() - interval '1 hour' WHERE id = %s",
            [seeded.recipient_ids[0]],
        )

    _, _, said = command("campaign", "retry", "spring", "--failed")

    assert said == (
        'campaign "spring": 1 wait to be texted again; 1 have no window left (--expires-after gives them one)\n'
    )


def test_those_in_doubt_are_texted_again_only_with_yes_where_nobody_can_be_asked(command, database, user_id, doubtful):
    asked = command("campaign", "retry", "spring", "--unknown", *BECAUSE)
    before = statuses(database, user_id)
    done = command("campaign", "retry", "spring", "--unknown", *BECAUSE, "--yes")

    assert (asked[0], before) == (2, {"unknown": 2})
    assert "2 in doubt: whoever has got the text gets a second one; say --yes" in " ".join(asked[2].split()).replace(
        " │ │", ""
    )
    assert (done[0], statuses(database, user_id)) == (0, {"pending": 2})


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y\n", 0, {"pending": 2}), ("n\n", 1, {"unknown": 2})], ids=["yes", "no"]
)
def test_on_a_terminal_a_person_is_asked(command, database, user_id, doubtful, monkeypatch, answer, code, left):
    monkeypatch.setattr("sys.stdin", _Keyboard(answer))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    ended = command("campaign", "retry", "spring", "--unknown", *BECAUSE)

    assert (ended[0], statuses(database, user_id)) == (code, left)
    assert "Send again?" in ended[2]


def test_ctrl_c_in_place_of_an_answer_ends_as_it_does_everywhere(command, database, user_id, doubtful, monkeypatch):
    monkeypatch.setattr("sys.stdin", _Interrupted())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    ended = command("campaign", "retry", "spring", "--unknown", *BECAUSE)

    assert (ended[0], statuses(database, user_id)) == (130, {"unknown": 2})


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="nothing"),
        pytest.param(("--failed", "--unknown", *BECAUSE), id="both"),
        pytest.param(("--unknown",), id="in doubt without a reason"),
        pytest.param(("--unknown", *BECAUSE, "--codes", "30003"), id="codes of those in doubt"),
        pytest.param(("--failed", "--codes", " , "), id="no codes"),
        pytest.param(("--failed", "--expires-after", "soon"), id="a time that is none"),
    ],
)
def test_a_retry_that_makes_no_sense_is_a_wrong_command_line(command, doubtful, options):
    assert command("campaign", "retry", "spring", *options)[0] == 2


@pytest.mark.parametrize(("option", "status"), [("--sent", "sent"), ("--not-sent", "pending")])
def test_a_doubt_is_settled_by_a_persons_word(command, database, doubtful, option, status):
    code, _, said = command("campaign", "resolve", "spring", "+81 90-0000-0000", option, *BECAUSE)

    assert (code, said) == (0, f'campaign "spring", {MASKED}: unknown → {status}\n')
    assert only(database, "audit_log")["reason"] == "she told us"


def test_a_recipient_may_be_named_by_its_id(command, database, user_id, doubtful):
    code, _, _ = command("campaign", "resolve", "spring", str(doubtful.recipient_ids[1]), "--sent", *BECAUSE)

    assert (code, statuses(database, user_id)) == (0, {"sent": 1, "unknown": 1})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("+81 90-0000-0000", *BECAUSE), 2, id="neither"),
        pytest.param(("+81 90-0000-0000", "--sent", "--not-sent", *BECAUSE), 2, id="both"),
        pytest.param(("+81 90-0000-0000", "--sent"), 2, id="no reason"),
        pytest.param(("hanako", "--sent", *BECAUSE), 2, id="no number"),
        pytest.param(("090-1234-5678", "--sent", *BECAUSE), 6, id="nobody"),
    ],
)
def test_a_word_that_settles_nothing_is_refused(command, database, user_id, doubtful, arguments, code):
    assert command("campaign", "resolve", "spring", *arguments)[0] == code
    assert statuses(database, user_id) == {"unknown": 2}


def test_who_is_in_doubt_is_listed_with_what_was_looked_at(command, database, doubtful):
    finding = "look 4, 181 s on: not in the provider's records"

    _, table, _ = command("campaign", "recipients", "spring", "--status", "unknown")
    _, as_json, _ = command("campaign", "recipients", "spring", "--status", "unknown", "--json")
    _, status, _ = command("status")
    _, status_json, _ = command("status", "--json")

    assert f"{MASKED} {doubtful.recipient_ids[0]}: {finding}" in table
    assert [each["finding"] for each in json.loads(as_json)] == [finding, finding]
    assert f"twilio spring {MASKED} {doubtful.recipient_ids[0]}: {finding}" in status
    assert [each["phone"] for each in json.loads(status_json)["doubts"]] == [MASKED, "+81········01"]
    assert phone(0) not in status_json


def test_who_is_not_in_doubt_has_no_finding(command, database, seeded):
    _, as_json, _ = command("campaign", "recipients", "spring", "--json")

    assert [each["finding"] for each in json.loads(as_json)] == [None, None]
    assert rows(database, "submissions") == []


class _Keyboard:
    def __init__(self, keys):
        self._keys = list(keys)

    def isatty(self):
        return True

    def readline(self, *_):
        line = "".join(self._keys)
        self._keys.clear()
        return line


class _Interrupted(_Keyboard):
    def __init__(self):
        super().__init__("")

    def readline(self, *_):
        raise KeyboardInterrupt
