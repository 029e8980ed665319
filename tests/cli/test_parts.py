import json
from subprocess import CompletedProcess

import pytest
from support.salon import add_customer

from lumiere_sms.messages.templates import write_template


@pytest.fixture
def lint(command, database, user_id):
    for number in range(4):
        add_customer(database, user_id, f"+81900000000{number}", first_name="Ann", last_name="Lee")
    add_customer(database, user_id, "+819000000009", first_name="Maximiliana", last_name="Fitzgerald")
    with database.transaction() as connection:
        content = "Hi {{ name }}, it’s {{ offer }}. " + "x" * 40
        write_template(connection, user_id, {"name": "spring", "content": content})
    return lambda *options: CompletedProcess(options, *command("template", "lint", *options))


def test_a_template_over_an_audience_shows_bars_long_names_and_what_to_write(lint):
    ended = lint("spring", "--audience", "all", "--variable", "offer=20% off")

    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert [line.split() for line in lines[7:9]] == [
        ["ucs2", "1", "4", "80.0%", "█" * 30],
        ["ucs2", "2", "1", "20.0%", "███████"],
    ]
    assert "a shorter name would save a part for 1 person; longest: Maximiliana Fitzgerald (22)" in lines
    assert "write it in GSM-7 where that is faithful −1 −0.0842 USD transliterate: true" in " ".join(
        ended.stdout.split()
    )


def test_a_template_over_an_audience_as_json(lint):
    ended = lint("spring", "--audience", "all", "--variable", "offer=20% off", "--json")

    found = json.loads(ended.stdout)
    assert (found["recipients"], found["parts"], found["cost"]) == (5, 6, {"amount": "0.5052", "currency": "USD"})
    assert {each["kind"]: each["parts"] for each in found["proposals"]} == {
        "transliterate": 1,
        "leave_out": 1,
        "last_name": 1,
        "truncate": 1,
    }


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param(["--content", "Hi", "--audience", "all"], 2, "needs the name of a template", id="no template"),
        pytest.param(["spring", "--audience", "alll"], 6, 'there is no segment "alll"', id="no such segment"),
        pytest.param(["spring", "--audience", "all", "--variable", "offer"], 2, "NAME=VALUE", id="no value"),
        pytest.param(["spring", "--audience", "all", "--country", "US"], 2, "nothing beside --audience", id="country"),
        pytest.param(["spring", "--content", "Hi"], 2, "counts for nothing beside", id="two texts"),
    ],
)
def test_what_it_cannot_count_is_told(lint, options, code, said):
    ended = lint(*options)

    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr


def test_the_type_and_the_spelling_that_are_named_count_for_an_audience_too(lint, database):
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET allow_promotional = last_name = 'Fitzgerald'")
    asked = ["spring", "--audience", "all", "--variable", "offer=20% off", "--json"]

    blast, offer, plain = (
        json.loads(lint(*asked, *more).stdout) for more in ([], ["--type", "promotional"], ["--transliterate"])
    )

    assert (blast["recipients"], offer["recipients"]) == (5, 1)
    assert (blast["parts"], plain["parts"]) == (6, 5)


@pytest.mark.parametrize("option", [["--type", "promotional"], ["--variable", "offer"], ["--transliterate"]])
def test_what_a_file_says_itself_is_not_said_by_an_option(lint, tmp_path, option):
    (tmp_path / "a.yaml").write_text("templates: {a: {content: hi}}", encoding="utf-8")

    ended = lint("a.yaml", *option)

    assert (ended.returncode, "counts for nothing beside a file" in " ".join(ended.stderr.split())) == (2, True)
