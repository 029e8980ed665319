import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from support.aws import AT_ONCE, ENVIRONMENT, SnsFront, sns_front
from support.processes import environment, other_side_of_the_clock, run
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.testing.aws_server import AwsServer
from lumiere_sms.testing.contract import Behaviour
from lumiere_sms.testing.twilio_faults import Fault, Faults

FAST = {"LUMIERE_SMS_PARTS_PER_SECOND": "200", "AWS_CONFIG_FILE": "/dev/null"}


@pytest.fixture
def seed(database, user_id):
    def make(texts: int):
        seed_campaign(
            database, user_id, now=datetime.now(UTC), texts=texts, quiet_hours=other_side_of_the_clock(), name="spring"
        )

    return make


@pytest.fixture
def front() -> Iterator[SnsFront]:
    with sns_front() as front:
        front.forget()
        yield front


def submissions(database) -> list[dict]:
    with database.transaction() as connection:
        return connection.execute("SELECT outcome, finding, closed_at FROM submissions").fetchall()


def test_aws_texts_everybody_once_and_events_settle_the_answers_that_were_lost(
    database, database_url, user_id, seed, tmp_path
):
    seed(12)
    faults = Faults(script=(Fault.CUT_AFTER, None, Fault.ERROR_AFTER), deliver_after=AT_ONCE)

    with AwsServer(faults, longest_wait=AT_ONCE) as server:
        env = environment(tmp_path, database_url=database_url, **server.environment(), **FAST)
        done = run("run", "--once", "--json", env=env)

    assert done.returncode == 0, done.stderr
    assert sorted(text.phone for text in server.accepted) == [phone(number) for number in range(12)]
    assert statuses(database, user_id) == {"delivered": 12}
    assert len(server.queue) == 0


def test_a_doubt_at_sns_stays_is_told_and_is_never_sent_again_by_itself(
    database, database_url, user_id, seed, front, tmp_path
):
    seed(1)
    front.behaviour = Behaviour.CUTS_AFTER_ACCEPTING
    more = {**ENVIRONMENT, **FAST, "AWS_ENDPOINT_URL": front.url, "LUMIERE_SMS_PROVIDER": "sns"}
    env = environment(tmp_path, database_url=database_url, AWS_MAX_ATTEMPTS="5", AWS_RETRY_MODE="legacy", **more)

    first = run("run", "--once", "--json", env=env)
    front.behaviour = Behaviour.ACCEPTS
    second = run("run", "--once", "--json", env=env)

    assert (first.returncode, second.returncode) == (8, 8), second.stderr
    assert json.loads(second.stdout)["unknown"] == 1
    assert len(front.published) == 1
    (only,) = submissions(database)
    assert (only["outcome"], only["finding"]) == ("unknown", "sns keeps no records that could be looked at")


def test_the_list_of_refusals_is_copied_before_anybody_is_texted(database, database_url, user_id, seed, tmp_path):
    seed(2)

    with AwsServer(Faults(deliver_after=AT_ONCE), longest_wait=AT_ONCE) as server:
        server.opted_out.append(phone(0))
        env = environment(tmp_path, database_url=database_url, **server.environment(), **FAST)
        done = run("run", "--once", env=env)

    assert done.returncode == 0, done.stderr
    assert [text.phone for text in server.accepted] == [phone(1)]
    assert statuses(database, user_id) == {"delivered": 1, "suppressed": 1}
