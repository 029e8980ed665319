import json
import os
import pty
import subprocess
import sys

import psycopg
import pytest
from support.processes import environment

LIST = "顧客番号,電話番号,氏名,販促可,同意日,同意方法,同意文言\n"
LIST += "C1,090-1234-5678,田中 花子,はい,2026-01-05,申込書,お知らせを受け取る\n"


@pytest.fixture
def says(command):
    """The command line, which ends with `code`: what it says of a result, or of what is wrong."""

    def run(*arguments, code=0):
        ended, out, err = command(*arguments)
        assert ended == code, err
        return out if code in {0, 1} else err

    return run


@pytest.fixture
def shop(says, tmp_path):
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    says("customer", "import", "list.csv")
    return says


def test_the_proof_is_a_page_that_masks_numbers_unless_asked(shop):
    page, whole = shop("consent", "proof", "C1"), shop("consent", "proof", "090-1234-5678", "--show-phones", "--json")

    assert "Consent of +81········78" in page
    assert "2026-01-05 00:00 JST  agreed to promotional texts, by form" in page
    assert 'in these words: "お知らせを受け取る"' in page
    assert "entry 1 of the audit log" in page
    proof = json.loads(whole)
    (consent,) = proof["people"][0]["consents"]
    assert (proof["phone_number"], consent["is_whole"], len(consent["entry_hash"])) == ("+819012345678", True, 64)


def test_on_a_terminal_the_page_is_broken_between_words_at_its_own_indent(shop, database_url, tmp_path):
    shop("consent", "grant", "C1", "--wording", "News and offers by SMS, not more than once a week")
    env = environment(tmp_path, database_url=database_url, COLUMNS="60", TERM="xterm")
    ours, terminal = pty.openpty()

    subprocess.run(
        [sys.executable, "-m", "lumiere_sms", "consent", "proof", "C1"], env=env, stdout=terminal, check=True
    )

    lines = os.read(ours, 10_000).decode().splitlines()
    assert '    in these words: "News and offers by SMS, not more than' in lines
    assert '    once a week"' in lines


def test_a_refusal_is_taken_and_lifted_by_command(shop):
    shop("consent", "revoke", "090-1234-5678", "--source", "reply")

    assert "opted_out" in shop("suppression", "list")
    assert "--lifts-refusal --reason TEXT" in shop("consent", "grant", "C1", code=5)
    shop("consent", "grant", "C1", "--lifts-refusal", "--reason", "asked at the desk")
    assert json.loads(shop("suppression", "list", "--json")) == []
    assert json.loads(shop("consent", "show", "C1", "--json"))["people"][0]["holds"] == {
        "promotional": True,
        "reminder": True,
    }


def test_who_answered_a_request_and_took_it_back_is_not_said_to_have_kept_silent(shop, command):
    for act in (["request"], ["grant"], ["revoke"]):
        shop("consent", *act, "C1", "--purpose", "reminder")

    ended, _, told = command("consent", "request", "C1", "--purpose", "reminder")

    assert (ended, told) == (0, "they were asked already; --again asks once more\n")


def test_the_proof_by_a_customer_number_is_of_whoever_shares_the_phone_too(shop, tmp_path):
    (tmp_path / "list.csv").write_text(LIST + "C2,090-1234-5678,田中 太郎,,,,\n", encoding="utf-8")
    shop("customer", "import", "list.csv")

    shown, proof = (json.loads(shop("consent", name, "C1", "--json")) for name in ("show", "proof"))

    assert [each["external_id"] for each in shown["people"]] == ["C1"]
    assert sorted(each["external_id"] for each in proof["people"]) == ["C1", "C2"]


def test_what_holds_is_shown_with_the_first_word_of_it(shop):
    shop("consent", "grant", "C1", "--purpose", "promotional", "--source", "form", "--date", "2025-12-01")

    (person,) = json.loads(shop("consent", "show", "C1", "--json"))["people"]
    promotional, reminder = person["consents"]

    assert (promotional["texts"], promotional["at"]) == ("yes", "2025-11-30T15:00:00+00:00")
    assert reminder == {"purpose": "reminder", "texts": "yes", "at": None, "source": None, "wording": None}
    assert "2025-12-01 00:00 JST" in shop("consent", "show", "C1")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["grant", "C1", "--date", "2099-01-01"], 2, "is in the future", id="a day ahead"),
        pytest.param(["grant", "C1", "--wording", " "], 2, "the wording is empty", id="no words"),
        pytest.param(["grant", "C1", "--purpose", "mood"], 2, "'mood' is not one of", id="unknown purpose"),
        pytest.param(["grant", "C9"], 6, "no customer has this id", id="unknown person"),
        pytest.param(["revoke"], 2, "name a person or a number", id="nobody"),
        pytest.param(["proof", "C9"], 6, "nothing is kept", id="no proof"),
    ],
)
def test_bad_input_is_told(shop, arguments, code, told):
    assert told in " ".join(shop("consent", *arguments, code=code).replace("│", " ").split())


def test_the_audit_names_a_consent_that_was_altered(shop, database_url):
    shop("audit", "verify")
    with psycopg.connect(database_url) as connection:
        (consent_id,) = connection.execute("UPDATE consents SET wording = 'anything' RETURNING id").fetchone()

    assert f"entry 1, consent {consent_id}: it is not what was written" in shop("audit", "verify", code=1)
    assert "IT IS NOT WHAT WAS WRITTEN" in shop("consent", "proof", "C1")
