"""A real PostgreSQL for every test that touches data: one migrated template per session, one copy per test.

The whole suite runs in several processes, each with a server of its own; tests that are named run in this one.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from support.parallel import FoldersOfTheClock, processes
from support.statements import Watch

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.testing.clocks import FrozenClock

MEMORY = Path("/dev/shm")
watch = Watch()
# A busy machine is no defect.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is printed instead of comparing with it")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More processes than cores, since a test waits half of its time; none but this one for tests that are named."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    return processes()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FoldersOfTheClock:
    return FoldersOfTheClock(config, log)


def pytest_configure() -> None:
    watch.install()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background, and so would what is started here
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith(("LUMIERE_SMS_", "TWILIO_", "DATABASE_URL"))]:
        if name != "LUMIERE_SMS_TEST_SERVER":
            del os.environ[name]


@pytest.fixture(autouse=True)
def tenancy() -> Iterator[None]:
    """Whatever a test makes the product execute keeps the rules of tenancy."""
    yield
    broken = watch.take()
    assert not broken, "\n\n".join(broken)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    if given := os.environ.get("LUMIERE_SMS_TEST_SERVER"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="lumiere-sms-test-", dir=folder_in_memory()) as folder:
        cluster = Cluster(Path(folder), durable=False)
        yield cluster.ensure()
        cluster.stop()


def folder_in_memory() -> Path | None:
    """Return where files are in memory, if there is room: databases are made there in a tenth of the time."""
    if not MEMORY.is_dir():
        return None
    found = os.statvfs(MEMORY)
    is_roomy = found.f_bavail * found.f_frsize >= 4 << 30
    runs_programs = not found.f_flag & os.ST_NOEXEC  # PostgreSQL's may have to be copied beside its data
    return MEMORY if is_roomy and runs_programs and os.access(MEMORY, os.W_OK) else None


def on_server(server_url: str, sql: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql)


def url_of(server_url: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(server_url, dbname=name)


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    name = f"template_{uuid4().hex[:12]}"
    on_server(server_url, f"CREATE DATABASE {name}")
    database = Database(url_of(server_url, name))
    schema.upgrade(database)
    database.close()
    yield name
    on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield url_of(server_url, name)
    on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def user_id(database: Database) -> UUID:
    return find_tenant(database, "default").id


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 3, 15, 1, 0, tzinfo=UTC))  # 10:00 in Tokyo


@pytest.fixture
def checkout() -> Path:
    return Path(__file__).parents[1]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    def compare(name: str, printed: str) -> None:
        file = request.path.parent / "golden" / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(printed, encoding="utf-8")
        assert printed == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A data folder that the account which runs the embedded server may enter, whoever runs the tests."""
    with TemporaryDirectory(prefix="lumiere-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
