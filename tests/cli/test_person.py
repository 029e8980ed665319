import json
import stat
import subprocess

import pytest

LIST = "顧客番号,電話番号,氏名,性別\nC1,090-1234-5678,<b>桜庭</b> 詩織,女\nC2,080-1234-5678,田中 桜,女\n"


@pytest.fixture
def shop(command, tmp_path):
    def run(*arguments):
        return subprocess.CompletedProcess(arguments, *command(*arguments))

    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    assert run("customer", "import", "list.csv").returncode == 0
    return run


def test_one_person_is_exported_as_json_as_text_and_as_a_page(shop, tmp_path):
    as_json = json.loads(shop("customer", "export", "090-1234-5678", "--json").stdout)
    told = shop("customer", "export", "C1")
    paged = shop("customer", "export", "C1", "--page", "c1.html")

    page = (tmp_path / "c1.html").read_text(encoding="utf-8")
    assert as_json["number"] == "+819012345678"
    assert as_json["rows"]["customers"][0]["attributes"] == {"性別": "女"}
    assert "+819012345678" in told.stdout
    assert "What is known of you (1)" in told.stdout
    assert "&lt;b&gt;桜庭&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "田中" not in page + told.stdout
    assert stat.S_IMODE((tmp_path / "c1.html").stat().st_mode) & 0o077 == 0
    assert "written to c1.html" in paged.stderr


def test_a_person_is_erased_after_a_dry_run_and_the_log_is_whole(shop):
    dry = shop("customer", "erase", "C1", "--dry-run")
    done = shop("customer", "erase", "C1", "--reason", "asked by letter", "--by", "aki", "--json", "--yes")
    again = shop("customer", "erase", "C1")

    assert "customers" in dry.stdout
    assert "a dry run: nothing was changed" in dry.stderr
    assert json.loads(done.stdout)["removed"]["customers"] == 1
    assert again.returncode == 6
    assert "nothing is kept of anybody" in again.stderr
    assert "C2" in shop("customer", "list").stdout
    assert shop("audit", "verify").returncode == 0
    assert "customer.erase" in shop("audit", "tail").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["export", "C404"], 6, "nothing is kept", id="nobody is not a file"),
        pytest.param(["export", "out.csv", "--json"], 2, "for one person", id="json of a list"),
        pytest.param(["export", "--page", "p.html"], 2, "for one person", id="a page of nobody"),
        pytest.param(["export", "C1", "--bom"], 2, "for the list", id="a byte order mark for a person"),
        pytest.param(["export", "C1", "--page", "no/such/p.html"], 4, "cannot be written", id="no such folder"),
        pytest.param(["erase"], 2, "Missing argument", id="nobody named"),
        pytest.param(["erase", "C1"], 2, "it cannot be undone; say --yes", id="nobody there who could be asked"),
        pytest.param(["erase", "C1", "--reason", "詩織"], 5, "names the person", id="a name in the reason"),
    ],
)
def test_mistakes_end_with_their_code_and_a_sentence(shop, tmp_path, arguments, code, said):
    ended = shop("customer", *arguments)

    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert said in ended.stderr
    assert not (tmp_path / "C404").exists()


def test_a_tenant_says_how_long_it_keeps_what(shop):
    changed = shop("tenant", "set", "--retention", "texts=400d", "--retention", "answers=2y")
    refused = shop("tenant", "set", "--retention", "texts=0d")
    shown = shop("tenant", "show")

    assert changed.returncode == 0, changed.stderr
    assert (refused.returncode, "too short" in refused.stderr) == (2, True)
    assert "texts are kept    400 days" in shown.stdout
