import json
from subprocess import CompletedProcess

import pytest
from support.salon import add_customer

REGULARS = {
    "and": [
        {"field": "visit_count", "operator": "gte", "value": 5},
        {"field": "tags", "operator": "any", "value": ["vip"]},
    ]
}


@pytest.fixture
def command(command, database, user_id):
    for place in range(4):
        tags = ["vip"] if place % 2 else []
        phone = f"+81901111222{place}"
        add_customer(database, user_id, phone, external_id=f"C{place}", visit_count=place * 3, tags=tags)

    return lambda *arguments: CompletedProcess(arguments, *command("segment", *arguments))


def out(ended):
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_segment_is_made_listed_shown_and_deleted(command):
    made = command("create", "regulars", "--criteria", json.dumps(REGULARS), "--description", "Often here")
    listed, shown = out(command("list")), out(command("show", "regulars"))
    as_json = json.loads(out(command("list", "--json")))
    deleted = command("delete", "regulars")

    assert 'segment "regulars" is written' in made.stderr
    assert "Often here" in listed
    assert "criteria" in listed
    assert json.loads(shown[shown.index("{") :]) == REGULARS
    assert [segment["criteria"] for segment in as_json] == [REGULARS]
    assert deleted.returncode == 0
    assert json.loads(out(command("list", "--json"))) == []


def test_a_fixed_list_is_made_of_its_members(command):
    command("create", "friends", "--member", "C1", "--member", "090-1111-2222")
    shown = out(command("show", "friends"))
    size = json.loads(out(command("preview", "friends", "--json")))["estimated_size"]

    assert "members    2" in shown
    assert json.loads(out(command("show", "friends", "--json")))["is_dynamic"] is False
    assert size == 2


def test_a_preview_shows_size_people_and_what_each_clause_drops(command, tmp_path):
    (tmp_path / "regulars.json").write_text(json.dumps(REGULARS))
    command("create", "regulars", "--file", "regulars.json")

    shown = out(command("preview", "regulars"))
    tried = json.loads(out(command("preview", "--file", "regulars.json", "--sample", "1", "--json")))

    lines = [line.split() for line in shown.splitlines()]
    assert lines[0] == ["1", "of", "4", "customers"]
    assert ["visit_count", "gte", "5", "2", "1"] in lines
    assert ["tags", "any", "vip", "2", "1"] in lines
    assert "+81········23" in shown
    assert tried["estimated_size"] == 1
    assert [person["phone_number"] for person in tried["sample"]] == ["+81········23"]
    assert json.loads(out(command("show", "regulars", "--json")))["estimated_size"] == 1


def test_a_change_is_shown_by_who_joins_and_who_leaves(command, tmp_path):
    command("create", "regulars", "--criteria", json.dumps(REGULARS))
    (tmp_path / "new.yaml").write_text("segments: {regulars: {filters: {visit_count: {min: 6}}}}")

    shown = out(command("preview", "regulars", "--diff", "new.yaml"))
    as_json = json.loads(out(command("preview", "regulars", "--diff", "new.yaml", "--json")))

    lines = [line.split() for line in shown.splitlines()]
    assert ["new.yaml", "2"] in lines
    assert ["join", "1"] in lines
    assert ["C2", "+81········22", "6"] in lines
    assert (as_json["from"], as_json["to"], as_json["joining"], as_json["leaving"]) == ("now", "new.yaml", 1, 0)


def test_a_segment_is_checked_against_labels(command, tmp_path):
    command("create", "regulars", "--criteria", json.dumps(REGULARS))
    (tmp_path / "labels.csv").write_text("id,label\nC3,yes\nC2,yes\nC0,no\nX,no\n")

    ended = command("check", "regulars", "--labels", "labels.csv")
    as_json = json.loads(out(command("check", "regulars", "--labels", "labels.csv", "--json")))

    assert "precision  1.000  1 of 1 in the segment are labelled yes" in out(ended)
    assert "recall     0.500  1 of 2 labelled yes are in the segment" in ended.stdout
    assert "not: tags any vip" in ended.stdout
    assert "no customer is named by line 5" in ended.stderr
    assert (as_json["precision"], as_json["recall"], as_json["strangers"]) == (1.0, 0.5, [5])
    assert as_json["wrong"][0]["phone_number"] == "+81········22"


def test_the_sql_of_a_segment_is_printed_ready_to_run(command):
    command("create", "regulars", "--criteria", json.dumps(REGULARS))

    as_json = json.loads(out(command("sql", "regulars", "--json")))

    assert out(command("sql", "regulars")).startswith("SELECT * FROM customers WHERE user_id = '")
    assert "%(user_id)s" in as_json["sql"]
    assert as_json["runnable"].endswith(";")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["create", "x"], 2, "give one of", id="neither criteria nor members"),
        pytest.param(["preview"], 2, "give a segment's name", id="nothing to preview"),
        pytest.param(["preview", "nobody"], 6, 'there is no segment "nobody"', id="no such segment"),
        pytest.param(["create", "x", "--criteria", "{"], 3, "--criteria:1:2: this is not JSON", id="no JSON"),
        pytest.param(["create", "x", "--member", "C9"], 6, "no customer has the number", id="no such member"),
        pytest.param(["create", "x", "--file", "gone.json"], 3, "gone.json: cannot be read", id="no such file"),
    ],
)
def test_mistakes_end_with_their_code_and_a_sentence(command, arguments, code, said):
    ended = command(*arguments)

    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
