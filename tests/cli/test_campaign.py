import csv
import io
import json

import pytest
from support.salon import add_customer, add_customers, apply_text, define, only, prices, rows

from lumiere_sms.campaigns.launch import launch_due

SPRING = """
templates: {spring: {content: "Hello {{ first_name | default('you') }}: {{ offer }}", variables: [offer]}}
campaigns:
  spring: {template: spring, segment: all, variables: {offer: =20%}}
"""


@pytest.fixture
def command(command, monkeypatch):
    monkeypatch.setenv("LUMIERE_SMS_PROVIDER", "twilio")
    return command


@pytest.fixture
def spring(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819012345678", first_name="Mia")
    apply_text(database, tmp_path, SPRING, clock=clock)


@pytest.fixture
def running(database, user_id, clock, tmp_path, spring):
    apply_text(database, tmp_path, SPRING.replace("segment: all", "segment: all, schedule: now"), clock=clock)
    launch_due(database, clock=clock, prices=prices)


def test_a_campaign_is_created_from_options(command, database):
    code, out, said = command(
        "campaign", "create", "--name", "hello", "--message", "Hi {{ offer }} Stop: 03-1234-5678", "--segment", "all",
        "--var", "offer=20%",
        "--at", "2031-04-01 10:00", "--priority", "high", "--window", "09:00-11:00", "--type", "promotional",
    )  # fmt: skip

    campaign = only(database, "sms_campaigns")
    assert (code, said) == (0, "")
    assert (campaign["status"], campaign["priority"], campaign["created_by"]) == ("scheduled", "high", "hanako")
    assert campaign["definition"]["window"] == ["09:00-11:00"]
    assert "2031-04-01 10:00 JST" in out


@pytest.mark.parametrize(("type_", "key"), [("reminder", "remind:"), ("drip", "steps:")])
def test_a_type_that_no_options_describe_leads_to_a_file(command, type_, key):
    code, _, said = command("campaign", "create", "--name", "x", "--message", "Hi", "--segment", "all", "--type", type_)

    assert code == 3
    assert f"--type: no option says what a {type_} campaign needs; write {key} in a YAML file" in said
    assert "lumiere-sms guide sequences" in said


def test_a_campaign_is_created_from_a_file_with_its_template(command, database, tmp_path):
    define(tmp_path, SPRING)

    created = command("campaign", "create", "campaigns.yaml", "--json")
    again = command("campaign", "create", "campaigns.yaml")

    assert created[0] == 0
    assert (json.loads(created[1])["name"], json.loads(created[1])["source"]) == ("spring", "command")
    assert (again[0], 'there is a campaign "spring" already' in again[2]) == (6, True)


def test_of_a_file_with_several_campaigns_one_is_named(command, database, tmp_path):
    define(tmp_path, SPRING + "  other: {message: hi, segment: all}\n")

    unnamed = command("campaign", "create", "campaigns.yaml")
    unknown = command("campaign", "create", "campaigns.yaml", "--name", "third")
    named = command("campaign", "create", "campaigns.yaml", "--name", "other")

    assert (unnamed[0], "one campaign was expected; the file defines spring, other" in unnamed[2]) == (3, True)
    assert (unknown[0], "there is no campaign third" in unknown[2]) == (3, True)
    assert (named[0], only(database, "sms_campaigns")["name"]) == (0, "other")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--message", "hi"], 2, "give a file, or --name", id="no name"),
        pytest.param(["--name", "x", "--message", "hi"], 3, "it does not say to whom", id="nobody"),
        pytest.param(
            ["--name", "x", "--message", "hi", "--segment", "vip"], 6, 'no segment "vip"', id="no such segment"
        ),
        pytest.param(
            ["--name", "x", "--template", "t", "--segment", "all"], 6, 'no template "t"', id="no such template"
        ),
        pytest.param(["--name", "x", "--message", "{{", "--segment", "all"], 3, "--message:1", id="no template text"),
        pytest.param(
            ["--name", "x", "--message", "h", "--segment", "all", "--at", "soon"], 3, "is not a time", id="no time"
        ),
        pytest.param(
            ["--name", "x", "--message", "h", "--segment", "all", "--at", "2020-01-01 10:00"],
            3,
            "has passed",
            id="the past",
        ),
        pytest.param(
            ["--name", "x", "--message", "h", "--segment", "all", "--var", "a"], 2, "NAME=VALUE", id="no value"
        ),
        pytest.param(["x.yaml", "--message", "hi"], 2, "exclude each other", id="a file and options"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused(command, database, arguments, code, said):
    ended = command("campaign", "create", *arguments)

    assert ended[0] == code
    assert said in ended[2].replace("\n│ ", " ").replace("│\n", "")
    assert rows(database, "sms_campaigns") == []


@pytest.mark.parametrize("type_", ["blast", "promotional", "drip", "reminder"])
def test_campaigns_are_listed_by_each_type_that_there_is(command, spring, type_):
    code, out, said = command("campaign", "list", "--type", type_)

    assert (code, "spring" in out) == (0, type_ == "blast")
    assert said == ("" if type_ == "blast" else "no campaigns\n")


def test_campaigns_are_listed(command, database, running):
    code, out, said = command("campaign", "list")
    as_json = json.loads(command("campaign", "list", "--json", "--limit", "1")[1])

    assert code == 0
    assert out.splitlines()[2].split() == [
        "spring",
        "blast",
        "running",
        "2026-03-15",
        "10:00",
        "JST",
        "1",
        "0.08",
        "USD",
    ]
    assert (as_json["total"], as_json["campaigns"][0]["recipients"]) == (1, {"pending": 1})
    assert said == ""


def test_a_page_says_that_there_are_more(command, database, clock, tmp_path):
    text = "campaigns:\n" + "".join(f"  c{number}: {{message: a, segment: all}}\n" for number in range(3))
    apply_text(database, tmp_path, text, clock=clock)

    _, out, said = command("campaign", "list", "--limit", "2")
    nothing = command("campaign", "list", "--status", "running")

    assert (len(out.splitlines()), said) == (4, "page 1: 2 of 3 campaigns\n")
    assert nothing == (0, "", "no campaigns\n")
    assert command("campaign", "list", "--status", "walking")[0] == 2


def test_a_campaign_is_shown(command, running, golden):
    code, out, _ = command("campaign", "show", "spring")

    assert code == 0
    golden("campaign_show.txt", out)


def test_a_preview_masks_phones_unless_told_otherwise(command, spring):
    masked = command("campaign", "preview", "spring")[1]
    whole = json.loads(command("campaign", "preview", "spring", "--json", "--show-phones")[1])

    assert masked.startswith("+81········78")
    assert masked.splitlines()[1] == "Hello Mia: =20%"
    assert whole[0]["phone"] == "+819012345678"


def test_a_campaigns_life_by_command(command, database, spring):
    said = [
        command("campaign", *arguments)[2].strip()
        for arguments in (
            ["schedule", "spring", "--at", "2031-04-01 10:00"],
            ["pause", "spring", "--reason", "wrong price"],
            ["resume", "spring"],
            ["cancel", "spring", "--reason", "sold out"],
            ["delete", "spring"],
        )
    ]

    assert said == [
        'campaign "spring" goes at 2031-04-01 10:00 JST (2031-04-01 01:00 UTC)',
        'campaign "spring": scheduled → paused; in flight: none',
        'campaign "spring": paused → scheduled; 0 left, 0 expired meanwhile',
        'campaign "spring": scheduled → cancelled; 0 get no text; in flight: none',
        'campaign "spring" is deleted',
    ]
    campaign = only(database, "sms_campaigns")
    assert (campaign["status_reason"], campaign["status_by"]) == ("sold out", "hanako")


def test_a_state_that_does_not_allow_it_exits_6_and_says_what_would_be_possible(command, spring):
    code, _, said = command("campaign", "resume", "spring")

    assert code == 6
    assert said == (
        'error: campaign "spring" is draft; only a paused campaign can be resumed\n'
        "hint: possible now: `campaign schedule` or `campaign cancel` or `campaign delete`\n"
    )


@pytest.mark.parametrize("arguments", [[], ["--now", "--at", "2031-04-01 10:00"]], ids=["no time", "two times"])
def test_a_schedule_takes_one_time(command, spring, arguments):
    assert command("campaign", "schedule", "spring", *arguments)[0] == 2


def test_recipients_are_listed_masked_and_as_safe_csv(command, running):
    table = command("campaign", "recipients", "spring")[1]
    as_csv = command("campaign", "recipients", "spring", "--csv", "--show-phones", "--status", "pending")[1]
    as_json = json.loads(command("campaign", "recipients", "spring", "--json")[1])

    (row,) = csv.DictReader(io.StringIO(as_csv))
    assert "+81········78" in table
    assert (row["phone_number"], row["status"], row["provider"]) == ("'+819012345678", "pending", "")
    assert as_json[0]["phone_number"] == "+81········78"
    assert command("campaign", "recipients", "spring", "--status", "lost")[0] == 2
    assert command("campaign", "recipients", "spring", "--status", "sent")[2] == "no recipients\n"


def test_a_long_text_is_cut_in_the_table_and_whole_in_csv(command, database, clock, tmp_path, user_id):
    add_customers(database, user_id, 1)
    apply_text(
        database, tmp_path, f"campaigns:\n  long: {{message: {'=a ' * 30}, segment: all, schedule: now}}\n", clock=clock
    )
    launch_due(database, clock=clock, prices=prices)

    table = command("campaign", "recipients", "long")[1]
    (row,) = csv.DictReader(io.StringIO(command("campaign", "recipients", "long", "--csv")[1]))

    assert "…" in table
    assert row["text"] == "'" + ("=a " * 30).strip()


@pytest.fixture
def delivered(database, running):
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'delivered', provider = 'twilio', provider_message_id = 'SM1',"
            " cost = 0.0842, currency = 'USD', sent_at = '2026-03-15 01:00Z', delivered_at = '2026-03-15 01:00:03Z'"
        )


@pytest.mark.parametrize(
    "arguments", [[], ["--by", "hour"], ["--by", "provider"], ["--csv"], ["--by", "provider", "--csv"]]
)
def test_a_report_reads_the_same_as_before(command, delivered, golden, arguments):
    code, out, _ = command("campaign", "report", "spring", *arguments)

    assert code == 0
    golden(f"report{'_'.join(arguments).replace('--', '_')}.txt", out)


def test_a_report_as_json(command, delivered):
    report = json.loads(command("campaign", "report", "spring", "--json")[1])

    assert (report["matched"], report["total"], report["recipients"]) == (1, 1, {"delivered": 1})
    assert (report["sent"], report["delivery_rate"], report["cost"]) == (1, 1.0, "0.0842")
    assert report["providers"][0]["average_delivery_time"] == 3.0
    assert command("campaign", "report", "spring", "--by", "moon")[0] == 2


def test_a_report_of_a_draft_says_that_nobody_was_texted(command, spring):
    out = command("campaign", "report", "spring")[1]

    assert "recipients  none" in out


def test_send_freezes_a_text_to_numbers_once_a_key(command, database, spring):
    sent = command(
        "send",
        "--to",
        "090-1234-5678",
        "--to",
        "+819011112222",
        "--template",
        "spring",
        "--var",
        "offer=5%",
        "--key",
        "k",
    )
    again = command(
        "send", "--to", "090-1234-5678", "--template", "spring", "--var", "offer=5%", "--key", "k", "--json"
    )

    assert sent[0] == 0
    assert sent[2] == 'campaign "k": 2 texts, 2 parts\na running daemon sends it, or: lumiere-sms run --once\n'
    assert again == (0, '{\n  "campaign": "k",\n  "sent_before": true\n}\n', '"k" was sent before; nothing is sent\n')
    assert {row["personalized_content"] for row in rows(database, "campaign_recipients")} == {
        "Hello Mia: 5%",
        "Hello you: 5%",
    }


def test_send_reads_a_csv(command, database, tmp_path):
    (tmp_path / "list.csv").write_text("phone,first_name\n090-1234-5678,Mia\n090-1234-5678,Mia\n", "utf-8")

    code, out, said = command("send", "--csv", "list.csv", "--message", "Hi {{ first_name }}", "--json")

    shown = json.loads(out)
    assert command("campaign", "preview", shown["campaign"])[0] == 6, "its audience is the numbers given"
    assert (code, shown["matched"], shown["kept"], shown["exclusions"]) == (0, 2, 1, {"shared_phone": 1})
    assert "left out: shared_phone 1" in said
    assert only(database, "campaign_recipients")["personalized_content"] == "Hi Mia"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--message", "hi"], 2, id="to nobody"),
        pytest.param(["--to", "1", "--csv", "x.csv", "--message", "hi"], 2, id="to numbers and a list"),
        pytest.param(["--to", "hello", "--message", "hi"], 3, id="to no number"),
        pytest.param(["--to", "090-1234-5678"], 2, id="no text"),
        pytest.param(["--to", "090-1234-5678", "--message", "hi", "--template", "x"], 2, id="two texts"),
        pytest.param(["--to", "090-1234-5678", "--template", "none"], 6, id="no such template"),
        pytest.param(["--csv", "none.csv", "--message", "hi"], 3, id="no such list"),
    ],
)
def test_a_sending_that_makes_no_sense_is_refused(command, database, arguments, code):
    assert command("send", *arguments)[0] == code
    assert rows(database, "sms_campaigns") == []


def test_a_sending_that_waits_is_sent(command, database, monkeypatch):
    monkeypatch.setenv("LUMIERE_SMS_PROVIDER", "console")

    code, _, said = command("send", "--to", "090-1234-5678", "--message", "hi", "--wait")

    found = only(database, "campaign_recipients")
    assert code == 0
    assert (found["status"] == "sent") == ("1 accepted" in said)


def test_a_test_is_sent_to_one_number(command, database, spring):
    code, _, said = command("campaign", "test-send", "spring", "--to", "090-1234-5678")

    assert code == 0
    assert said.startswith('campaign "spring (test ')
    assert only(database, "campaign_recipients")["personalized_content"] == "Hello Mia: =20%"
