"""What is wrong with consents, links and answers, through the command: one sentence each, and nothing is changed."""

import pytest
from support.processes import other_side_of_the_clock
from support.salon import add_customer, rows
from support.seeds import phone

from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.secrets import key_of
from lumiere_sms.messages.links import token_of
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer
from lumiere_sms.tracking.link_refusals import MOST_WRONG

NUMBER = phone(10_000_000)
TABLES = ("customers", "consents", "suppressions", "audit_log")
NOT_OURS = "error: this is not a link of ours; nothing was changed\nhint: copy the whole link from the text\n"


@pytest.fixture
def token(database, user_id):
    """The token of the one customer, who was texted it."""
    add_customer(database, user_id, NUMBER, external_id="C1")
    with database.transaction() as connection:
        token = token_of(NUMBER, key=key_of(connection, user_id, "link"))
        connection.execute(
            "INSERT INTO opt_out_links (user_id, id, token, phone_number) VALUES (%s, %s, %s, %s)",
            [user_id, new_id(), token, NUMBER],
        )
    return token


def stand(database):
    return {table: rows(database, table) for table in TABLES}


def test_a_token_that_was_tampered_with_or_guessed_is_told_as_any_other(database, command, token):
    before = stand(database)
    cut, other = token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B")

    said = {
        command("consent", "revoke", "--token", each) for each in (cut, other, "A" * 12, token.swapcase(), "?", "－")
    }

    assert said == {(6, "", NOT_OURS)}
    assert stand(database) == before


def test_who_guesses_by_command_is_made_to_wait_and_then_even_the_right_one_is(database, command, token):
    for number in range(MOST_WRONG):
        assert command("consent", "revoke", "--token", f"{number:012}")[0] == 6

    code, _, said = command("consent", "revoke", "--token", token)

    assert (code, said) == (5, "error: too many links were wrong; nothing was changed\nhint: try again in a minute\n")
    assert rows(database, "suppressions") == []


AHEAD = "is in the future"


@pytest.mark.parametrize(
    ("arguments", "table", "code", "told"),
    [
        pytest.param(["consent", "grant", "C1", "--date=2099-01-01"], "", 2, AHEAD, id="a grant"),
        pytest.param(
            ["consent", "revoke", "C1", "--purpose=reminder", "--date=2099-01-01"], "", 2, AHEAD, id="one back"
        ),
        pytest.param(["consent", "revoke", "C1", "--date=2099-01-01"], "", 2, AHEAD, id="a refusal"),
        pytest.param(["consent", "revoke", "C1", "--date=2020-01-01"], "", 2, "holds from now on", id="one of old"),
        pytest.param(
            ["consent", "import"], "id,purpose,date\nC1,all,2099-01-01", 3, f'csv:2: "2099-01-01" {AHEAD}', id="a list"
        ),
        pytest.param(["suppression", "import"], "tel,date\n09012345678,2099-01-01", 3, AHEAD, id="a list of refusals"),
        pytest.param(
            ["customer", "import"], "id,販促可,同意日\nC1,yes,2099-01-01", 3, AHEAD, id="customers who agreed"
        ),
        pytest.param(["customer", "import"], "id,配信停止日\nC1,2099-01-01", 3, AHEAD, id="customers who refused"),
        pytest.param(
            ["consent", "import"], "id,purpose,date\nC9,all,2020-01-01", 3, "nobody has", id="an unknown person"
        ),
        pytest.param(["consent", "import"], "id,purpose,date\nC1,all,", 3, "the day is missing", id="no day"),
        pytest.param(["suppression", "add", "12345"], "", 2, "is not a phone number", id="no number"),
        pytest.param(["suppression", "lift", NUMBER, "--reason= "], "", 2, "without a reason", id="no reason"),
        pytest.param(["inbox", "show", "\x1b[2J"], "", 6, "no message with this id", id="no message"),
    ],
)
def test_what_nobody_can_have_said_is_refused_in_a_sentence(
    database, command, token, tmp_path, arguments, table, code, told
):
    if table:
        (tmp_path / "list.csv").write_text(table, encoding="utf-8")
    before = stand(database)

    ended, out, said = command(*arguments, *([tmp_path / "list.csv"] if table else []))

    assert (ended, out) == (code, "")
    assert told in said
    assert "Traceback" not in said
    assert stand(database) == before


HOSTILE = {
    "\0STOP\0": "what no database holds",
    "\ud83d\udc4d" * 5 + "\ud83d": "half a character",
    "停止" * 800: "1,600 characters",
    "\x1b[2J\x07\x9b\u202e\u2066": "what steers a terminal",
    bytes(range(256)).decode("latin-1"): "every byte",
    "'; DROP TABLE customers; --": "SQL",
    "{{ 7 * 7 }}": "a template",
    "<script>alert(1)</script>": "a page",
    "": "nothing",
}
STRANGERS = ["+15550001111", "12345", "LUMIERE", "", "+", SANDBOX_SENDER, "+81\x1b[2J", "\u202e" * 99]


def test_hostile_messages_from_anybody_are_kept_and_shown_and_steer_nothing(
    database, command, token, monkeypatch, tmp_path
):
    change_rules(database, "default", {"quiet_hours": other_side_of_the_clock()}, by="mika", now=None)
    with TwilioServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        for body in HOSTILE:
            server.reply(NUMBER, body)
        for sender in STRANGERS:
            server.reply(sender, "配信停止")
        first, second = command("run", "--once"), command("run", "--once")
    messages = rows(database, "inbound_messages")
    shown = [command("inbox", "show", message["id"]) for message in messages]
    shown += [command("inbox", "list", "--limit=100"), command("inbox", "list", "--show-phones", "--review")]
    shown += [command("consent", "proof", NUMBER, "--show-phones"), command("customer", "export", NUMBER)]
    shown += [command("inbox", "list", "--json"), command("consent", "proof", NUMBER, "--json")]

    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert len(messages) == len(HOSTILE) + len(STRANGERS)
    assert {code for code, _, _ in shown} == {0}, shown
    assert not set("\x1b\x07\x9b\u202e\u2066\0") & set("".join(out for _, out, _ in shown[:-2]))
    assert server.accepted == ()
    refused = {row["phone_number"] for row in rows(database, "suppressions")}
    assert refused == {"+15550001111", SANDBOX_SENDER, NUMBER}
