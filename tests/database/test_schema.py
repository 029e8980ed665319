from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.errors import ConfigurationError


@pytest.fixture
def empty(server_url: str) -> Iterator[Database]:
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        database = Database(psycopg.conninfo.make_conninfo(server_url, dbname=name))
        yield database
        database.close()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def set_revision(database: Database, revision: str) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


def test_an_empty_database_is_told_to_upgrade(empty: Database):
    with pytest.raises(ConfigurationError, match="the database is empty") as caught:
        schema.require_current(empty)

    assert (caught.value.exit_code, caught.value.hint) == (4, "lumiere-sms db upgrade")


def test_an_upgrade_makes_it_current_and_a_second_changes_nothing(empty: Database):
    first, second = schema.upgrade(empty), schema.upgrade(empty)

    schema.require_current(empty)
    assert first == (None, schema.head())
    assert second == (schema.head(), schema.head())


def test_two_upgrades_at_once_take_turns(empty: Database):
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: schema.upgrade(empty), range(4)))

    assert {after for _, after in done} == {schema.head()}
    with empty.transaction() as connection:
        assert connection.execute("SELECT count(*) AS tenants FROM users").fetchone() == {"tenants": 1}


def test_an_old_schema_is_told_to_upgrade(database: Database):
    set_revision(database, "0000_older")

    with pytest.raises(ConfigurationError, match="at schema 0000_older; this version needs") as caught:
        schema.require_current(database)

    assert caught.value.hint == "lumiere-sms db upgrade"


def test_a_newer_schema_is_left_alone(database: Database):
    set_revision(database, "9999_newer")

    for refused in (schema.require_current, schema.upgrade):
        with pytest.raises(ConfigurationError, match="newer than this version"):
            refused(database)


def test_a_database_full_of_other_tables_is_refused_and_left_as_it_was(empty: Database):
    with empty.transaction() as connection:
        connection.execute("CREATE TABLE users (their text)")

    with pytest.raises(ConfigurationError, match="other tables already"):
        schema.upgrade(empty)

    with empty.transaction() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {row["tablename"] for row in tables} == {"users", "alembic_version"}


def test_a_server_that_takes_no_writes_refuses_the_upgrade(empty: Database):
    schema.upgrade(empty)
    set_revision(empty, "0000_older")
    with empty.transaction() as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    empty.close()

    with pytest.raises(ConfigurationError, match="takes no writes"):
        schema.upgrade(empty)
