import csv
import io
import json
import os
import subprocess
import sys

import pytest

LIST = (
    "顧客番号,電話番号,氏名,来店回数,タグ,性別\nC1,090-1234-5678,田中 花子,5,vip,女\nC2,090-1234-5678,田中 桜,1,,女\n"
)


@pytest.fixture
def command(database_url, tmp_path):
    environment = {**os.environ, "DATABASE_URL": database_url, "LUMIERE_SMS_DATA_DIR": str(tmp_path / "data")}

    def run(*arguments):
        line = [sys.executable, "-m", "lumiere_sms", "customer", *map(str, arguments)]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, check=False)

    return run


@pytest.fixture
def shop(command, tmp_path):
    (tmp_path / "list.csv").write_text(LIST, encoding="cp932")
    ended = command("import", "list.csv")
    assert ended.returncode == 0, ended.stderr.decode()
    return command


def out(ended):
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


def test_an_import_says_what_it_did_and_again_that_nothing_changed(command, tmp_path):
    (tmp_path / "list.csv").write_text(LIST, encoding="cp932")

    dry, first = command("import", "list.csv", "--dry-run"), command("import", "list.csv")
    again = json.loads(out(command("import", "list.csv", "--json")))

    assert out(dry) == out(first)
    assert "a dry run: nothing was changed" in dry.stderr.decode()
    assert [line.split() for line in out(first).splitlines()][:3] == [["rows", "2"], ["created", "2"], ["updated", "0"]]
    assert (again["unchanged"], again["problems"]) == (2, [])


def test_a_bad_list_is_told_by_line_and_column_and_ends_with_3(command, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(LIST + "C3,090-1234,山田,many,,\n", encoding="utf-8")

    refused = command("import", "list.csv")
    taken = command("import", "list.csv", "--skip-bad")

    problem = 'list.csv:4: column "電話番号": "090···34" is not a phone number of JP\n'
    problem += 'list.csv:4: column "来店回数": "many" is not a whole number from 0 to 999,999,999\n'
    assert refused.returncode == 3
    assert refused.stdout == b""
    assert refused.stderr.decode().startswith("error: " + problem) or problem in refused.stderr.decode()
    assert "2 problems in list.csv; nothing was changed" in refused.stderr.decode()
    assert problem in taken.stderr.decode()
    assert "skipped    1" in out(taken)


def test_a_list_shows_masked_phones_unless_they_are_asked_for(shop):
    masked, whole = out(shop("list")), out(shop("list", "--show-phones", "--tag", "vip"))
    people = json.loads(out(shop("list", "--search", "桜", "--json")))

    assert "+81········78" in masked
    assert "9012345678" not in masked
    assert "+819012345678" in whole
    assert "桜" not in whole
    assert [(person["external_id"], person["phone_number"]) for person in people] == [("C2", "+81········78")]


def test_a_full_page_says_how_to_go_on_and_an_empty_one_that_it_is_empty(shop):
    first, beyond = shop("list", "--limit", "1"), shop("list", "--page", "9")

    assert "there may be more: --page 2" in first.stderr.decode()
    assert out(beyond) == ""
    assert "no customers" in beyond.stderr.decode()


def test_one_customer_is_shown_whole_and_those_who_share_a_phone_as_a_list(shop):
    shop("set", "C1", "--opt-out")
    one, several = out(shop("show", "C1")), out(shop("show", "090-1234-5678"))
    as_json = json.loads(out(shop("show", "C1", "--json")))
    both = json.loads(out(shop("show", "090-1234-5678", "--json")))
    shop("set", "C2", "phone=080-1111-2222")

    assert "name        田中 花子" in one
    assert "suppressed  opted_out, by operator" in one
    assert "性別" in one
    assert "C1" in several
    assert "C2" in several
    assert as_json["suppression"]["reason"] == "opted_out"
    assert len(both) == 2
    assert "suppressed" not in out(shop("show", "C2"))


def test_nobody_found_ends_with_6(shop):
    ended = shop("show", "C9")

    assert ended.returncode == 6
    assert "hint: lumiere-sms customer list" in ended.stderr.decode()


def test_columns_and_refusals_are_set(shop):
    changed = json.loads(out(shop("set", "C1", "visit_count=9", "tags+=gold", "allow_promotional=yes", "--json")))
    refused = out(shop("set", "C1", "--opt-out"))
    lifted = json.loads(out(shop("set", "C2", "--opt-in", "--json")))

    assert [(person["visit_count"], person["tags"]) for person in changed] == [(9, ["vip", "gold"])]
    assert refused.count("refused") == 2
    assert [person["opt_out_date"] for person in lifted] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["set", "C1", "visit_count=many"], 3, id="a value that makes no sense"),
        pytest.param(["set", "C1", "--opt-in", "--opt-out"], 2, id="a contradiction"),
        pytest.param(["set", "C1"], 6, id="nothing to set"),
        pytest.param(["import", "gone.csv"], 3, id="no such file"),
        pytest.param(["import", "list.csv", "--country", "XX"], 4, id="no such country"),
        pytest.param(["import", "list.csv", "--encoding", "latin"], 2, id="no such encoding"),
    ],
)
def test_mistakes_end_with_their_code_and_no_traceback(shop, arguments, code):
    ended = shop(*arguments)

    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr


def test_an_export_is_safe_for_spreadsheets_and_taken_in_again_changes_nothing(shop, tmp_path):
    shop("set", "C2", "first_name==1+1")

    printed, written = shop("export"), shop("export", "out.csv", "--bom")
    again = json.loads(out(shop("import", "out.csv", "--json")))

    content = (tmp_path / "out.csv").read_bytes()
    cells = [cell for row in csv.reader(io.StringIO(printed.stdout.decode(), newline="")) for cell in row]
    assert content == b"\xef\xbb\xbf" + printed.stdout
    assert "'=1+1" in cells
    assert "'+819012345678" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "2 customers exported" in written.stderr.decode()
    assert (again["unchanged"], again["created"], again["updated"]) == (2, 0, 0)
