import json
import sys
from io import BytesIO, TextIOWrapper
from subprocess import CompletedProcess

import pytest
from psycopg.types.json import Jsonb

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.messages.templates import write_template

LATIN = "Hello {{ first_name | default('you') }}, it’s 20% off!"
JAPANESE = "{{ last_name | sama | default('お客様') }}、{{ coupon }}です。"


@pytest.fixture
def command(command, monkeypatch):
    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode())))
        return CompletedProcess(arguments, *command("template", *arguments))

    return run


@pytest.fixture
def add_customer(database, user_id):
    def add(**columns):
        row = {"user_id": user_id, "id": new_id(), "allow_promotional": True, **columns}
        row["attributes"] = Jsonb(row.get("attributes", {}))
        names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        with database.transaction() as connection:
            connection.execute(f"INSERT INTO customers ({names}) VALUES ({places})", row)
        return row["id"]

    return add


@pytest.fixture
def templates(database, user_id):
    with database.transaction() as connection:
        latin = {"name": "latin", "content": LATIN, "category": "promotional", "tags": ["sale"]}
        write_template(connection, user_id, latin)
        write_template(connection, user_id, {"name": "japanese", "content": JAPANESE, "variables": ["coupon"]})


def printed(ended):
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_template_comes_from_an_option_or_a_file_or_stdin(command, tmp_path):
    (tmp_path / "hello.txt").write_bytes("\ufeffHello {{ name }}\n".encode())

    made = [
        command("create", "a", "--content", "Hi", "--transliterate"),
        command("create", "b", "--file", "hello.txt"),
        command("create", "c", "--file", "-", stdin="Hello {{ name }}"),
    ]

    assert [(one.returncode, one.stdout) for one in made] == [(0, "")] * 3
    assert made[0].stderr == 'template "a" is written\n'
    contents = {one["name"]: one["content"].strip() for one in printed(command("list", "--json"))}
    assert contents == {"a": "Hi", "b": "Hello {{ name }}", "c": "Hello {{ name }}"}


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["a"], 2, "give the text by --content or by --file"),
        (["a", "--content", "Hi", "--file", "x"], 2, "give the text by --content or by --file"),
        (["a", "--file", "none.txt"], 3, "none.txt: it cannot be read: No such file"),
        (["a", "--file", "latin1.txt"], 3, "latin1.txt: it is no UTF-8 text"),
        (["a", "--file", "long.txt"], 3, "is longer than 10,000"),
        (["a", "--file", "slip.txt"], 3, "slip.txt:2:13: expected token"),
        (["a", "--content", "{{ a b }}"], 3, "    1 | {{ a b }}\n      |      ^"),
        (["a", "--content", "Hi", "--category", "sale"], 3, '--category: "sale" is not a category'),
        (["a" * 101, "--content", "Hi"], 3, "NAME: "),
        (["a", "--content", "Hi", "--variable", ""], 3, "--variable: "),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(command, tmp_path, options, code, complaint):
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    (tmp_path / "long.txt").write_text("あ" * 20_000)
    (tmp_path / "slip.txt").write_text("a\nHi {{ first name }}")

    ended = command("create", *options)

    assert ended.returncode == code
    assert complaint in ended.stderr
    assert printed(command("list", "--json")) == []


@pytest.mark.usefixtures("templates")
def test_a_name_that_is_taken_is_refused(command):
    ended = command("create", "latin", "--content", "Hi")

    assert (ended.returncode, ended.stderr.splitlines()[0]) == (6, 'error: there is a template "latin" already')


@pytest.mark.usefixtures("templates")
def test_templates_are_listed_with_what_they_take(command):
    everything, some = command("list"), command("list", "--category", "promotional")

    header, _, japanese, latin = everything.stdout.splitlines()
    assert header.split() == ["name", "category", "version", "characters", "parts", "encoding", "used", "last", "used"]
    assert japanese.split() == ["japanese", "1", "17", "1", "ucs2", "0"]
    assert latin.split() == ["latin", "promotional", "1", "27", "1", "ucs2", "0"]
    assert "japanese" not in some.stdout
    assert command("list", "--category", "sale").returncode == 2


@pytest.mark.usefixtures("templates")
def test_a_template_is_shown(command):
    shown = command("show", "latin")

    facts = [line for line in shown.stdout.splitlines() if line.startswith(("category", "tags", "used"))]
    assert facts == ["category       promotional", "tags           sale", "used           never"]
    assert shown.stdout.endswith(f"\n\n{LATIN}\n")
    assert printed(command("show", "latin", "--json"))["content"] == LATIN


@pytest.mark.usefixtures("templates")
def test_a_template_that_is_not_there_gets_a_guess(command):
    for verb in ("show", "preview", "lint"):
        ended = command(verb, "latn")

        assert (ended.returncode, ended.stderr) == (
            6,
            'error: there is no template "latn"\nhint: did you mean latin?\n',
        )


@pytest.mark.usefixtures("templates")
def test_a_preview_shows_the_text_its_parts_and_what_makes_it_dear(command):
    seen = command("preview", "latin")

    assert seen.stderr == "samples stand for first_name\n"
    assert seen.stdout.splitlines() == [
        "Hello Hanako, it’s 20% off!",
        "characters    27",
        "encoding      ucs2 (27 units)",
        "parts         1",
        "price         0.0842 USD",
        "forces UCS-2  ’ (1 part without; transliterate spells them)",
    ]


def test_a_preview_says_what_the_character_costs(command):
    command("create", "long", "--content", "It’s {{ x }} 😀 " + "a" * 70)

    seen = printed(command("preview", "long", "--var", "x=now", "--json"))

    assert seen["forcing_characters"] == ["’", "😀"]
    assert (seen["parts"], seen["parts_without"]) == (2, 1)
    assert seen["cost"] == {"amount": "0.1684", "currency": "USD"}
    assert seen["saved"] == {"amount": "0.0842", "currency": "USD"}
    assert "(1 part without, 0.0842 USD less; leave them out)" in command("preview", "long").stdout


@pytest.mark.usefixtures("templates")
def test_a_preview_takes_variables_in_either_case(command):
    assert printed(command("preview", "latin", "--var", "firstName=Zoe", "--json"))["text"].startswith("Hello Zoe,")


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("given", ["coupon", "=x"])
def test_a_variable_without_name_or_value_is_refused(command, given):
    ended = command("preview", "japanese", "--var", given)

    assert (ended.returncode, "write NAME=VALUE" in ended.stderr) == (2, True)


@pytest.mark.usefixtures("templates")
def test_a_preview_of_a_customer_has_the_customer_s_values(command, add_customer):
    key = add_customer(
        external_id="C-1", last_name="田中", phone_number="+819012345678", attributes={"coupon": "500円"}
    )
    add_customer(external_id="C-2", last_name="John", phone_number="+12125550123")

    by_number, by_phone, by_key = (
        printed(command("preview", "japanese", "--customer", named, "--json"))
        for named in ("C-1", "+819012345678", key)
    )
    abroad = printed(command("preview", "japanese", "--customer", "C-2", "--var", "coupon=10%", "--json"))

    plain = command("preview", "japanese", "--customer", "C-1")

    assert by_number["text"] == "田中様、500円です。"
    assert (plain.stdout.splitlines()[0], plain.stderr) == ("田中様、500円です。", "")
    assert by_number == by_phone == by_key
    assert (abroad["text"], abroad["cost"]["amount"]) == ("John様、10%です。", "0.0083")


@pytest.mark.usefixtures("templates")
def test_a_customer_without_a_value_that_the_text_needs_is_told(command, add_customer):
    add_customer(external_id="C-1", last_name="田中")

    ended = command("preview", "japanese", "--customer", "C-1")

    assert ended.returncode == 3
    assert ended.stderr.startswith(
        'error: "coupon" has no value and the template writes no fallback\nhint: write {{ coupon'
    )


@pytest.mark.usefixtures("templates")
def test_a_customer_must_be_one(command, add_customer):
    add_customer(external_id="C-1", phone_number="+819012345678")
    key = add_customer(phone_number="+819012345678")

    shared, nobody = (command("preview", "latin", "--customer", who) for who in ("+819012345678", "C-9"))

    assert (shared.returncode, shared.stderr) == (
        6,
        f"error: 2 customers have this phone number\nhint: name one: C-1, {key}\n",
    )
    assert nobody.returncode == 6


@pytest.fixture
def a_hundred(add_customer):
    for number in range(97):
        add_customer(first_name="Ann", phone_number=f"+8190123400{number:02}")
    add_customer(first_name="Bartholomew " * 5, phone_number="+819099999999")
    add_customer(first_name="Cy", phone_number="+819088888888", allow_promotional=False)
    add_customer(first_name="Di")


@pytest.mark.usefixtures("templates", "a_hundred")
def test_a_preview_over_a_segment_shows_the_histogram_and_the_dearest(command):
    seen = printed(command("preview", "latin", "--segment", "all", "--worst", "--json"))

    assert (seen["matched"], seen["recipients"], seen["parts"]) == (100, 98, 99)
    assert seen["exclusions"] == {"no_phone": 1, "no_consent": 1}
    assert seen["parts_of"] == {"1": 97, "2": 1}
    assert seen["encodings"] == {"ucs2": 98}
    assert seen["cost"] == {"amount": str(99 * 842 / 10_000), "currency": "USD"}
    assert seen["dearest"]["phone_number"] == "+81········99"
    assert seen["dearest"]["text"].startswith("Hello Bartholomew Barth")
    assert seen["dearest"]["parts_without"] == 1


@pytest.mark.usefixtures("templates", "a_hundred")
def test_a_preview_over_a_segment_for_people(command):
    plain, worst = (
        command("preview", "latin", "--segment", "all"),
        command("preview", "latin", "--segment", "all", "--worst", "--show-phones"),
    )

    assert "recipients  98\n" in plain.stdout
    assert (
        "left out    no_phone 1, no_consent 1\n" in plain.stdout
        or "left out    no_consent 1, no_phone 1\n" in plain.stdout
    )
    assert [line.split() for line in plain.stdout.splitlines()[-2:]] == [["1", "97", "█" * 40], ["2", "1", "█"]]
    assert "the dearest, to +819099999999:\nHello Bartholomew" in worst.stdout


@pytest.mark.usefixtures("templates")
def test_a_preview_over_nobody_says_so(command):
    ended = command("preview", "latin", "--segment", "all", "--worst")

    assert (ended.returncode, "nobody gets a text" in ended.stderr) == (0, True)
    assert printed(command("preview", "latin", "--segment", "all", "--json"))["cost"] is None


@pytest.mark.usefixtures("templates")
def test_a_segment_that_is_not_there_is_told(command):
    assert command("preview", "latin", "--segment", "nobodies").returncode == 6


@pytest.mark.usefixtures("templates")
def test_lint_shows_findings_with_their_places_and_costs(command):
    ended = command("lint", "latin", "--type", "blast")

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[2].startswith(
        'T03    1:44    "’" (U+2019 right single quotation mark) forces UCS-2'
    )


@pytest.mark.usefixtures("templates")
def test_lint_of_a_template_that_will_be_spelled_in_gsm7_finds_nothing_to_spell(command):
    ended = command("lint", "latin", "--type", "blast", "--transliterate")

    assert (ended.returncode, "T03" in ended.stdout) == (0, False)


@pytest.mark.usefixtures("templates")
def test_lint_of_a_sound_template_says_so(command):
    ended = command("lint", "japanese")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "nothing to mend\n")


def test_lint_ends_with_5_when_a_finding_blocks(command):
    ended = command("lint", "--content", "{{ coupn }}", "--variable", "coupon", "--json")

    assert ended.returncode == 5
    assert [(one["rule"], one["blocking"], one["hint"]) for one in json.loads(ended.stdout)] == [
        ("T01", True, "did you mean coupon?"),
        ("T02", False, "take it off `variables`, or use it"),
    ]


def test_lint_of_a_file_knows_attributes_and_transliteration(command, add_customer, tmp_path):
    add_customer(attributes={"Shoe size": "42"})
    (tmp_path / "t.txt").write_text("It’s {{ shoeSize | default('?') }}")

    plain, spelled = (
        printed(command("lint", "--file", "t.txt", "--json", *options)) for options in ([], ["--transliterate"])
    )

    assert ([one["rule"] for one in plain], spelled) == (["T03"], [])


@pytest.mark.usefixtures("templates")
def test_a_deleted_template_is_gone(command):
    ended = command("delete", "latin")

    assert (ended.returncode, ended.stderr) == (0, 'template "latin" is deleted\n')
    assert command("show", "latin").returncode == 6


def test_each_command_s_help_ends_with_an_example(command):
    for verb in ("create", "list", "show", "preview", "lint", "delete"):
        assert f"Example: lumiere-sms template {verb}" in command(verb, "--help").stdout
