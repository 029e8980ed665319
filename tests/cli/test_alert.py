import json

import pytest
from support.processes import environment, run
from support.salon import rows

from lumiere_sms.campaigns.alerts import list_alerts, raise_alert


@pytest.fixture
def alert(database_url, tmp_path):
    return lambda *arguments: run(
        "alert", *arguments, env=environment(tmp_path, database_url=database_url, USER="hanako")
    )


@pytest.fixture
def keys(database, user_id):
    with database.transaction() as connection:
        for subject in ("spring", "summer"):
            raise_alert(connection, user_id, kind="campaign_paused", subject=subject, message="no sender", now=None)
        return {each.subject: each.key for each in list_alerts(connection, user_id)}


def test_an_alert_is_acknowledged_by_its_key_and_on_record(database, alert, keys):
    done = alert("acknowledge", keys["spring"], "--reason", "bought a number")
    left = json.loads(alert("list", "--json").stdout)
    shown = alert("list", "--all").stdout

    assert done.returncode == 0, done.stderr
    assert [each["subject"] for each in left] == ["summer"]
    assert "by hanako" in shown
    (logged,) = rows(database, "audit_log")
    assert (logged["actor"], logged["action"], logged["subject"]) == ("hanako", "alert.acknowledge", keys["spring"])
    assert logged["reason"] == "bought a number"


def test_all_that_are_open_are_acknowledged_at_once(alert, keys):
    done = alert("acknowledge", "--all", "--json")

    assert {each["key"] for each in json.loads(done.stdout)} == set(keys.values())
    assert alert("list").stderr == "no alerts\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["00000000"], 6, 'there is no open alert "00000000"', id="a key of none"),
        pytest.param([], 2, "give either keys or --all", id="nothing named"),
        pytest.param(["--all", "00000000"], 2, "give either keys or --all", id="both"),
    ],
)
def test_what_cannot_be_acknowledged_is_refused_whole(database, alert, keys, arguments, code, said):
    done = alert("acknowledge", *arguments, *([keys["spring"]] if code == 6 else []))

    assert done.returncode == code
    assert said in done.stderr
    assert [row["acknowledged_at"] for row in rows(database, "alerts")] == [None, None]


@pytest.mark.usefixtures("keys")
def test_what_goes_on_after_it_was_acknowledged_raises_a_new_alert(database, user_id, alert):
    alert("acknowledge", "--all")

    with database.transaction() as connection:
        raised = raise_alert(connection, user_id, kind="campaign_paused", subject="spring", message="again", now=None)

    assert raised
