from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tables.everything import METADATA, table_classes

COLUMNS = """
    SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        AND c.relname <> 'alembic_version'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conname <> 'alembic_version_pkc'
"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
STORAGE = """
    SELECT relname, (SELECT array_agg(one ORDER BY one) FROM unnest(reloptions) AS one) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""


@pytest.fixture
def declared(server_url: str) -> Iterator[str]:
    name = f"declared_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        url = psycopg.conninfo.make_conninfo(server_url, dbname=name)
        engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool)
        METADATA.create_all(engine)
        yield url
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(COLUMNS, id="columns, their order, types, nullability and defaults"),
        pytest.param(CONSTRAINTS, id="keys and checks"),
        pytest.param(INDEXES, id="indexes"),
        pytest.param(STORAGE, id="storage parameters"),
    ],
)
def test_the_classes_say_what_the_migrations_make(declared: str, database_url: str, query: str):
    with psycopg.connect(declared) as said, psycopg.connect(database_url) as made:
        in_classes = set(map(repr, said.execute(query)))
        in_database = set(map(repr, made.execute(query)))

    assert in_classes == in_database
    assert in_database


def test_alembic_finds_nothing_to_change(database_url: str):
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=pool.NullPool
    )

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": _is_ours}
        )
        found = compare_metadata(context, METADATA)

    assert found == []


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name == "alembic_version")


def test_there_is_one_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(schema.migrations()))

    heads = ScriptDirectory.from_config(config).get_heads()

    assert heads == [schema.head()]


def test_every_table_has_a_class_and_every_class_a_table(database: Database):
    with database.transaction() as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert {row["tablename"] for row in rows} == {*table_classes(), "alembic_version"}
