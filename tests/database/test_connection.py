from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from threading import Barrier

import psycopg
import pytest
from psycopg import errors

from lumiere_sms.database.complaints import DatabaseLostError, complaint, unreachable
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError


def end_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'lumiere-sms'"
        )


@pytest.fixture
def altered(database_url: str) -> Iterator:
    """A database whose settings a test changes before it is opened."""
    opened = []

    def alter(setting: str) -> Database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET {setting}")
        opened.append(Database(database_url))
        return opened[-1]

    yield alter
    for database in opened:
        database.close()


def test_a_block_that_raises_changes_nothing(database: Database):
    def block() -> None:
        with database.transaction() as connection:
            connection.execute("UPDATE users SET name = 'changed'")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        block()

    with database.transaction() as connection:
        assert connection.execute("SELECT name FROM users").fetchone() == {"name": "My business"}


def test_a_block_may_give_up_quietly(database: Database):
    with database.transaction() as connection:
        connection.execute("UPDATE users SET name = 'changed'")
        raise psycopg.Rollback

    with database.transaction() as connection:
        assert connection.execute("SELECT name FROM users").fetchone() == {"name": "My business"}


def test_connections_are_kept_and_never_shared(database: Database):
    meet = Barrier(4)

    def backend(_: int) -> int:
        with database.transaction() as connection:
            meet.wait()
            return connection.info.backend_pid

    with ThreadPoolExecutor(4) as pool:
        first, second = (set(pool.map(backend, range(4))) for _ in range(2))

    assert len(first) == 4
    assert first == second


def test_a_kept_connection_that_died_is_replaced_without_a_word(database: Database, database_url: str):
    with database.transaction() as connection:
        connection.execute("SELECT 1")
    end_connections(database_url)

    with database.transaction() as connection:
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_connection_lost_in_the_middle_is_said_and_nothing_is_kept(database: Database, database_url: str):
    def block() -> None:
        with database.transaction() as connection:
            connection.execute("UPDATE users SET name = 'changed'")
            end_connections(database_url)
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseLostError, match="did not answer"):
        block()

    with database.transaction() as connection:
        assert connection.execute("SELECT name FROM users").fetchone() == {"name": "My business"}


def test_a_dead_server_is_revived_before_another_try(database_url: str):
    asked = []
    database = Database("host=/nowhere", revive=lambda: asked.append(setattr(database, "url", database_url)))

    with database.transaction() as connection:
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}

    assert len(asked) == 1
    database.close()


def test_a_server_that_cannot_be_revived_is_said():
    database = Database("host=/nowhere", revive=lambda: None)

    with pytest.raises(DatabaseLostError, match="cannot be reached"), database.transaction():
        pass


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        pytest.param('FATAL:  password authentication failed for user "x"', "password", id="password"),
        pytest.param("FATAL:  sorry, too many clients already", "max_connections", id="too many"),
        pytest.param('FATAL:  database "x" does not exist', "createdb", id="no such database"),
        pytest.param("FATAL:  the database system is starting up", "try again", id="starting"),
        pytest.param("failed to resolve host 'nix'", "check the host", id="no such host"),
        pytest.param("failed: Connection refused\n\tIs the server running?", "doctor", id="nobody there"),
    ],
)
def test_why_no_connection_opens_is_one_line_with_a_hint(said: str, hint: str):
    error = unreachable(psycopg.OperationalError(f'connection to server at "h", port 5432 failed: {said}'))

    assert hint in error.hint
    assert "\n" not in str(error)
    assert "FATAL" not in str(error)


@pytest.mark.parametrize("url", ["what is this", "postgresql://u:secret@[::1/d", "postgresql://h/d?nix=1"])
def test_a_url_that_is_not_one_is_refused_without_its_password(url: str):
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        Database(url).connect()

    assert "secret" not in str(caught.value)
    assert caught.value.hint.startswith("postgresql://")


def test_a_server_that_takes_no_writes_is_said(altered):
    database = altered("default_transaction_read_only = on")

    with pytest.raises(ConfigurationError, match="takes no writes") as caught, database.transaction() as connection:
        connection.execute("UPDATE users SET name = 'changed'")

    assert "primary" in caught.value.hint


def test_our_own_write_in_a_reading_transaction_is_a_bug(database: Database):
    with (
        pytest.raises(errors.ReadOnlySqlTransaction),
        database.transaction(read_only=True) as connection,
    ):
        connection.execute("UPDATE users SET name = 'changed'")


def test_a_time_limit_is_said(altered):
    database = altered("statement_timeout = '10ms'")

    with pytest.raises(DatabaseLostError, match="gave up"), database.transaction() as connection:
        connection.execute("SELECT pg_sleep(5)")


def test_a_table_that_is_missing_names_the_upgrade(database: Database):
    with pytest.raises(ConfigurationError, match="no_such_table") as caught, database.transaction() as connection:
        connection.execute("SELECT 1 FROM no_such_table")

    assert caught.value.hint == "lumiere-sms db upgrade"


def test_a_wrong_statement_stays_a_bug(database: Database):
    with pytest.raises(errors.UndefinedColumn), database.transaction() as connection:
        connection.execute("SELECT no_such_column FROM users")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(errors.DiskFull("could not extend file"), "the disk of the database is full", id="full"),
        pytest.param(errors.InsufficientPrivilege("permission denied"), "does not let this role", id="not granted"),
        pytest.param(errors.TooManyConnections("too many clients"), "did not answer", id="too many"),
        pytest.param(errors.IdleInTransactionSessionTimeout("idle"), "did not answer", id="idle too long"),
        pytest.param(psycopg.OperationalError(), "did not answer: OperationalError", id="not a word"),
    ],
)
def test_what_an_operator_can_mend_is_one_sentence(error: psycopg.Error, said: str):
    sentence = complaint(error, read_only=False)

    assert sentence is not None
    assert said in str(sentence)
    assert sentence.hint


def test_an_error_never_quotes_the_row(database: Database, user_id):
    with (
        pytest.raises(errors.CheckViolation, match="phone_number_is_e164") as caught,
        database.transaction() as connection,
    ):
        connection.execute(
            "INSERT INTO customers (user_id, id, phone_number, last_name) VALUES (%s, %s, '090-1234-5678', '田中')",
            [user_id, new_id()],
        )

    assert "090-1234-5678" not in str(caught.value)
    assert "田中" not in str(caught.value)


def test_instants_are_in_utc_whatever_the_server_thinks(altered):
    database = altered("timezone = 'Asia/Tokyo'")

    with database.transaction() as connection:
        row = connection.execute("SELECT created_at FROM users").fetchone()

    assert row is not None
    assert row["created_at"].tzinfo is UTC


def test_a_server_that_writes_dates_as_no_one_can_read_them_is_refused_with_what_to_do(altered):
    with pytest.raises(ConfigurationError, match="German, DMY") as refused:
        altered("datestyle = 'German'").connect()

    assert refused.value.hint == "export PGDATESTYLE=ISO, or: ALTER ROLE … SET datestyle = 'ISO'"


def test_a_database_that_cannot_hold_every_text_is_refused(server_url: str):
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(ConfigurationError, match="LATIN1"):
                Database(psycopg.conninfo.make_conninfo(server_url, dbname="latin")).connect()
        finally:
            server.execute("DROP DATABASE latin")


def test_what_is_still_at_work_when_a_database_is_closed_leaves_no_connection_open(database: Database):
    with database.transaction() as connection:
        database.close()

    assert connection.closed
