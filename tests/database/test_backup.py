import os
import shlex
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from lumiere_sms.database.backup import back_up, open_shell
from lumiere_sms.database.connection import Database
from lumiere_sms.errors import ConfigurationError, StateError


def test_a_backup_restores_what_was_there(database: Database, server_url: str, tmp_path: Path):
    file = tmp_path / "monday.dump"

    done = back_up(database, file)

    name = f"restored_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        url = psycopg.conninfo.make_conninfo(server_url, dbname=name)
        command = [word for word in shlex.split(done.restore) if not word.startswith("--dbname")]
        subprocess.run([*command, "--no-owner", f"--dbname={url}"], check=True)
        with psycopg.connect(url) as restored:
            assert restored.execute("SELECT slug FROM users").fetchall() == [("default",)]
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert done.size == file.stat().st_size > 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_exists_is_kept(database: Database, tmp_path: Path):
    file = tmp_path / "monday.dump"
    file.write_text("mine")

    with pytest.raises(StateError, match="exists already"):
        back_up(database, file)

    assert file.read_text() == "mine"


def test_a_folder_that_does_not_exist_is_said(database: Database, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        back_up(database, tmp_path / "nowhere" / "monday.dump")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        pytest.param("permission denied", "", id="not allowed"),
        pytest.param("could not write: No space left on device", "make room on that disk", id="full"),
    ],
)
def test_a_dump_that_fails_leaves_no_file(database: Database, tmp_path: Path, said: str, hint: str):
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    version = "[ \"$1\" = --version ] && echo 'pg_dump 99.1' && exit"
    complaint = f"echo 'pg_dump: error: {said}' >&2; echo 'pg_dump: detail: LOCK TABLE' >&2"
    program.write_text(f"#!/bin/sh\n{version}\necho half; {complaint}; exit 1\n")
    program.chmod(0o755)
    target = tmp_path / "target"
    target.mkdir()

    with pytest.raises(ConfigurationError, match=f"pg_dump failed: {said}") as caught:
        back_up(database, target / "monday.dump", pg_bin=str(program.parent))

    assert caught.value.hint == hint
    assert list(target.iterdir()) == []


def test_a_shell_gets_the_password_in_its_environment_only():
    became = []

    open_shell("postgresql://salon:secret@db:5432/sms", execute=lambda *call: became.append(call))

    [(program, arguments, environment)] = became
    assert Path(program).name == "psql"
    assert arguments[0] == "psql"
    assert "secret" not in " ".join(arguments)
    assert environment["PGPASSWORD"] == "secret"
    assert {"user=salon", "host=db", "dbname=sms"} < set(arguments[1].split())


def test_a_shell_without_a_password_adds_none():
    became = []

    open_shell("host=/tmp dbname=sms", execute=lambda *call: became.append(call))

    assert became[0][2].get("PGPASSWORD") == os.environ.get("PGPASSWORD")
    assert shutil.which(became[0][0])
