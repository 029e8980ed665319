"""The basics, directly and, where pgbouncer is installed, behind it in transaction mode.

A transaction-mode pooler gives each transaction another server connection: whatever outlives a transaction breaks.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import create_tenant, list_tenants

WAYS = ["directly", *(["behind pgbouncer"] if shutil.which("pgbouncer") else [])]
CONFIGURATION = """
[databases]
* = host={socket} port=5432 user=lumiere_sms
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@pytest.fixture(scope="module", params=WAYS)
def reached(request: pytest.FixtureRequest) -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="lumiere-sms-test-"))  # open: pgbouncer refuses root too
    folder.chmod(0o755)
    cluster = Cluster(folder, durable=False)
    url = cluster.ensure()
    with pooled(cluster) if request.param == "behind pgbouncer" else direct(url) as place:
        database = Database(place)
        schema.upgrade(database)
        yield database
        database.close()
    cluster.stop()
    shutil.rmtree(folder)


@contextmanager
def direct(url: str) -> Iterator[str]:
    yield url


@contextmanager
def pooled(cluster: Cluster) -> Iterator[str]:
    folder = cluster.status().socket  # where the account that runs the server may write
    configuration = cluster.folder.parent / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(socket=folder, folder=folder))
    identity = {"user": folder.stat().st_uid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(["pgbouncer", "-q", configuration], stderr=subprocess.DEVNULL, **identity)
    try:
        yield until_it_answers(make_conninfo(host=str(folder), port=6432, user="lumiere_sms", dbname="lumiere_sms"))
    finally:
        process.terminate()
        process.wait()


def until_it_answers(url: str) -> str:
    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return url
    raise AssertionError("pgbouncer does not answer")


def test_the_schema_is_current_after_an_upgrade(reached: Database):
    schema.require_current(reached)

    assert schema.upgrade(reached) == (schema.head(), schema.head())


def test_the_same_statement_may_be_asked_for_ever_by_many(reached: Database):
    def ask(number: int) -> int:
        with reached.transaction() as connection:
            row = connection.execute("SELECT %s::int AS number", [number]).fetchone()
        assert row is not None
        return row["number"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))

    assert answers == list(range(200))


def test_a_reading_transaction_leaves_no_trace_on_the_next(reached: Database):
    with reached.transaction(read_only=True) as connection:
        connection.execute("SET LOCAL statement_timeout = '5s'")

    slug = f"t-{new_id().hex[-12:]}"
    create_tenant(reached, slug)

    assert slug in {tenant.slug for tenant in list_tenants(reached)}
    with reached.transaction() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == {"statement_timeout": "0"}


def test_rows_stream_by_a_cursor_of_the_server(reached: Database):
    with reached.transaction() as connection, connection.cursor("rows") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT n FROM generate_series(1, 1000) AS n")
        numbers = [row["n"] for row in cursor]

    assert numbers == list(range(1, 1001))


def test_rows_go_in_by_copy_through_a_table_of_the_transaction(reached: Database):
    with reached.transaction() as connection:
        connection.execute("CREATE TEMP TABLE staging (line int) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY staging (line) FROM STDIN") as copy:
            for line in range(1000):
                copy.write_row([line])
        row = connection.execute("SELECT count(*) AS lines FROM staging").fetchone()

    assert row == {"lines": 1000}
    with reached.transaction() as connection:
        assert connection.execute("SELECT to_regclass('pg_temp.staging') AS left").fetchone() == {"left": None}
