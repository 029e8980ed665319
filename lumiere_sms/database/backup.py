"""Dumps and shells: PostgreSQL's own programs, pointed at the database in use.

A password goes to them in the environment: a command line can be read by everyone on the machine.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lumiere_sms.database.connection import Database
from lumiere_sms.database.programs import find_client
from lumiere_sms.errors import ConfigurationError, StateError


@dataclass(frozen=True, slots=True)
class Backup:
    """A dump in PostgreSQL's custom format. `size` is in bytes, `restore` the command that puts it back."""

    file: Path
    size: int
    restore: str


def back_up(database: Database, file: Path, *, pg_bin: str = "") -> Backup:
    """Dump the database into `file`, which appears only when it is whole and is readable by its owner only.

    Raises: StateError when the file exists, ConfigurationError when there is no fitting pg_dump or it fails.
    """
    if file.exists():
        raise StateError(f"{file} exists already", hint="name another file")
    with database.transaction(read_only=True) as connection:
        major = connection.info.server_version // 10_000
    program = find_client("pg_dump", pg_bin, at_least=major)
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as half:
            _dump(program, database.url, half)
            os.fsync(half.fileno())
        Path(half.name).rename(file)
    except OSError as error:
        raise ConfigurationError(f"the backup cannot be written to {file}: {error.strerror}") from error
    restore = [
        str(Path(program).with_name("pg_restore")),
        "--clean",
        "--if-exists",
        f"--dbname={_place(database.url)[0]}",
    ]
    return Backup(file, file.stat().st_size, shlex.join([*restore, str(file)]))


def open_shell(
    url: str,
    *,
    pg_bin: str = "",
    execute: Callable[[str, list[str], Mapping[str, str]], object] = os.execve,
) -> None:
    """Become psql on the database. Raises: ConfigurationError when there is none."""
    program = find_client("psql", pg_bin)
    place, environment = _place(url)
    execute(program, ["psql", place], environment)


def _dump(program: str, url: str, target: IO[bytes]) -> None:
    place, environment = _place(url)
    command = [program, "--format=custom", "--no-password", f"--dbname={place}"]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        command,
        stdin=subprocess.DEVNULL,
        stdout=target,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        Path(target.name).unlink()
        lines = done.stderr.strip().splitlines()
        said = [line for line in lines if "error: " in line] or lines or [f"exit code {done.returncode}"]
        full = "No space left" in done.stderr
        raise ConfigurationError(
            f"pg_dump failed: {said[-1].removeprefix('pg_dump: ').removeprefix('error: ')}",
            hint="make room on that disk" if full else "",
        )


def _place(url: str) -> tuple[str, dict[str, str]]:
    """Return where the database is without its password, and an environment with it."""
    parameters = conninfo_to_dict(url)
    password = parameters.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    return make_conninfo("", **parameters), {**os.environ, **secret}
