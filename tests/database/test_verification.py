from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from support.seeds import phone, seed_campaign

from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.scratch import scratch_database
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_messages import AcceptedText
from lumiere_sms.verification.verdict import judge
from lumiere_sms.verification.watching import Stage, WatchedDatabase

NOBODY = """UPDATE users SET name = name WHERE slug = 'nobody'"""


def accepted(number, *, sid=None):
    return AcceptedText(phone(number), f"text {number} of spring", sid or f"SM{number}", "")


def mark(database, seeded, number, status, sid=None):
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = %s, provider_message_id = %s WHERE user_id = %s AND id = %s",
            [status, sid, seeded.user_id, seeded.recipient_ids[number]],
        )


@pytest.fixture
def seeded(database, user_id, clock):
    return seed_campaign(database, user_id, now=clock.now(), texts=2)


def test_everybody_who_has_the_text_that_the_row_names_is_well(database, seeded):
    mark(database, seeded, 0, "sent", "SM0")
    mark(database, seeded, 1, "bounced", "SM1")

    verdict = judge(database, [accepted(0), accepted(1)], texts=2)

    assert verdict.holds
    assert (verdict.accepted, verdict.by_status) == (2, {"sent": 1, "bounced": 1})


def test_a_second_text_of_the_same_words_to_the_same_number_is_a_duplicate(database, seeded):
    mark(database, seeded, 0, "sent", "SM0")
    mark(database, seeded, 1, "sent", "SM1")

    verdict = judge(database, [accepted(0), accepted(1), accepted(1, sid="SM2")], texts=2)

    assert (verdict.duplicates, verdict.lost, verdict.holds) == (1, 0, False)


@pytest.mark.parametrize(
    ("status", "sid", "log"),
    [
        pytest.param("pending", None, [], id="waits for ever"),
        pytest.param("failed", None, [], id="given up"),
        pytest.param("sent", "SM1", [], id="said to be sent, and the provider knows nothing of it"),
        pytest.param("sent", "SM0", [accepted(1)], id="the row names the text of another"),
        pytest.param("pending", None, [accepted(1)], id="sent, and about to be sent again"),
    ],
)
def test_who_has_no_text_of_his_own_and_is_no_doubt_is_lost(database, seeded, status, sid, log):
    mark(database, seeded, 0, "sent", "SM0")
    mark(database, seeded, 1, status, sid)

    verdict = judge(database, [accepted(0), *log], texts=2)

    assert (verdict.duplicates, verdict.lost, verdict.holds) == (0, 1, False)


def test_a_doubt_is_not_lost_and_is_told(database, seeded):
    mark(database, seeded, 0, "unknown")
    mark(database, seeded, 1, "unknown")

    verdict = judge(database, [accepted(0)], texts=2)

    assert (verdict.lost, verdict.unknown, verdict.holds) == (0, 2, True)


def test_recipients_that_are_not_there_at_all_are_lost(database):
    assert judge(database, [], texts=3).lost == 3


@pytest.fixture
def told():
    return []


@pytest.fixture
def watched(database_url, told):
    database = WatchedDatabase(database_url, names={NOBODY: "nobody"}, tell=lambda *about: told.append(about))
    yield database
    database.close()


def test_a_watched_statement_is_told_before_it_runs_after_it_and_when_it_is_committed(watched, told):
    with watched.transaction() as connection:
        connection.execute("SELECT 1")
        connection.execute(NOBODY)
        assert told == [("nobody", Stage.BEFORE), ("nobody", Stage.EXECUTED)]

    assert told[2:] == [("nobody", Stage.COMMITTED)]


def test_what_is_rolled_back_was_never_committed(watched, told):
    with watched.transaction() as connection:
        connection.execute(NOBODY)
        raise psycopg.Rollback
    with watched.transaction() as connection:
        connection.execute("SELECT 1")

    assert ("nobody", Stage.COMMITTED) not in told


def test_a_statement_that_is_a_transaction_by_itself_is_committed_at_once(watched, told):
    with watched.connect() as connection:
        connection.execute(NOBODY)

    assert [stage for _, stage in told] == [Stage.BEFORE, Stage.EXECUTED, Stage.COMMITTED]


def names(server_url):
    with psycopg.connect(server_url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^verify_'")}


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


@pytest.fixture
def settings(server_url):
    return Settings(data_dir=Path("/nonexistent"), database_url=server_url)


def test_a_scratch_database_has_our_schema_and_is_gone_afterwards(settings, server_url):
    with scratch_database(settings) as url:
        database = Database(url)
        verdict = judge(database, [], texts=0)
        database.close()

    assert verdict.holds
    assert name_of(url) not in names(server_url)


def test_who_stays_in_a_scratch_database_is_thrown_out(settings, server_url):
    with scratch_database(settings) as url:
        stays = psycopg.connect(url)

    assert name_of(url) not in names(server_url)
    with pytest.raises(psycopg.OperationalError), stays:
        stays.execute("SELECT 1")


def test_a_scratch_database_may_be_kept_and_what_a_killed_proof_left_is_dropped(settings, server_url):
    left = f"verify_{'0' * 32}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {left}")

        with scratch_database(settings, keep=True) as url:
            pass
        kept = names(server_url)
        connection.execute(f"DROP DATABASE {name_of(url)}")

    assert name_of(url) in kept
    assert left not in kept


@pytest.fixture
def poor(server_url):
    """The server, as an account that may make no database."""
    role = f"poor_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role}")
        yield psycopg.conninfo.make_conninfo(server_url, options=f"-c role={role}")
        connection.execute(f"DROP ROLE {role}")


def test_an_account_that_may_make_no_database_is_told_so(poor):
    settings = Settings(data_dir=Path("/nonexistent"), database_url=poor)

    with pytest.raises(ConfigurationError, match="may not make a scratch database"), scratch_database(settings):
        pass


def test_what_another_accounts_proof_left_is_that_accounts_to_drop(poor, server_url):
    left, role = f"verify_{'0' * 31}1", psycopg.conninfo.conninfo_to_dict(poor)["options"].rpartition("=")[2]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {role} CREATEDB")
        connection.execute(f"CREATE DATABASE {left}")

        with scratch_database(Settings(data_dir=Path("/nonexistent"), database_url=poor)) as url:
            made = names(server_url)
        connection.execute(f"DROP DATABASE {left}")

    assert {name_of(url), left} <= made


def test_a_server_that_is_not_there_is_told():
    nowhere = Settings(data_dir=Path("/nonexistent"), database_url="postgresql://127.0.0.1:1/postgres")

    with pytest.raises(ConfigurationError), scratch_database(nowhere):
        pass


def test_a_scratch_database_that_somebody_is_just_making_is_left_alone(settings, server_url):
    made = f"verify_{new_id().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {made}")

        with scratch_database(settings):
            pass
        there = names(server_url)
        connection.execute(f"DROP DATABASE {made}")

    assert made in there
