"""Makes a data folder and starts a server on it.

The caller holds `start.lock`, and the descriptor of a lock that it passes on: the postmaster and its
backends inherit it, so that lock is free only when no process of the server lives.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lumiere_sms.database.account import Account, Reach, linked_folder
from lumiere_sms.database.programs import Programs, find_major
from lumiere_sms.errors import ConfigurationError

ROLE = "lumiere_sms"
PORT = 5432  # only the name of the socket; nothing listens on TCP
LONGEST_SOCKET = 100  # bytes: sun_path holds 104 on macOS, 108 on Linux
LONGEST_LOG = 10_000_000  # bytes
HAS_BUILTIN_LOCALE = 17  # the first major with it

# What a person may read in the log: no phone numbers and no texts, so no statements and no rows.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "jit": "off",
    "max_wal_size": "2GB",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of the server and what lies in it. The folder is ours; `data` and `run` are the account's."""

    folder: Path
    major: int

    @property
    def data(self) -> Path:
        """The data of one major version."""
        return self.folder / f"pg{self.major}"

    @property
    def run(self) -> Path:
        """The folder of the socket, or a link to it where its path would be too long for a socket."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.data / "server.log"


def refuse_other_major(layout: Layout) -> None:
    """Refuse to begin anew beside the data of another major. Raises: ConfigurationError with the way over."""
    others = [
        path for path in layout.folder.glob("pg[0-9][0-9]") if path != layout.data and (path / "PG_VERSION").exists()
    ]
    if layout.data.exists() or not others:
        return
    old = others[-1]
    major = int(old.name.removeprefix("pg"))
    programs = find_major(major) or f"<the folder of the programs of PostgreSQL {major}>"
    with_old = f"LUMIERE_SMS_PG_BIN={programs} lumiere-sms db"
    raise ConfigurationError(
        f"{old} holds the data of PostgreSQL {major}, and these programs are {layout.major}",
        hint=f"{with_old} backup old.dump && {with_old} stop && mv {old} {old}.old && lumiere-sms db start,"
        " then the pg_restore command that the backup has shown",
    )


def make_data(layout: Layout, programs: Programs, *, account: Account, reach: Reach) -> None:
    """Make the data folder where there is none: in a temporary folder that is renamed when it is whole.

    Raises: ConfigurationError when that fails.
    """
    if layout.data.exists():
        return
    for left in layout.folder.glob("new-*"):
        shutil.rmtree(left)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=layout.folder))
    account.own(fresh)
    data = reach.argument(fresh.name)
    include = ["/bin/sh", "-c", 'echo "include \'../server.conf\'" >>"$0"', f"{data}/postgresql.conf"]
    try:
        for command in (_initdb(programs, data), include):
            _check(reach.run(account, command), layout)
        fresh.rename(layout.data)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _initdb(programs: Programs, target: str) -> list[str]:
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = ["--locale=C", *(builtin if programs.major >= HAS_BUILTIN_LOCALE else [])]
    fixed = ["--encoding=UTF8", "--data-checksums", "--auth=peer", f"--username={ROLE}"]
    return [programs.path("initdb"), "-D", target, *fixed, *locale]


def start(layout: Layout, programs: Programs, *, account: Account, reach: Reach, lock: int, durable: bool) -> None:
    """Start the server; it inherits `lock` and outlives this process.

    Raises: ConfigurationError when it says why it does not start.
    """
    sockets = _socket_folder(layout, account, reach)
    _write_settings(layout, reach, sockets=sockets, durable=durable)
    _write_access(layout, account)
    for stale in (layout.data / "postmaster.pid", layout.run / f".s.PGSQL.{PORT}.lock"):
        stale.unlink(missing_ok=True)
    if layout.log.exists() and layout.log.stat().st_size > LONGEST_LOG:
        layout.log.replace(layout.log.with_suffix(".old.log"))
    data = reach.argument(layout.data.name)
    command = [programs.path("pg_ctl"), "-w", "-D", data, "-l", f"{data}/{layout.log.name}", "start"]
    done = reach.run(account, command, pass_fds=(lock,))
    if done.returncode != 0 and not (layout.data / "postmaster.pid").exists():
        said = _last_words(layout) or done.stderr.strip()
        raise ConfigurationError(f"PostgreSQL did not start: {said}", hint=_hint(said, layout))


def socket_folder(layout_run: Path) -> Path:
    """Return the folder of the socket, by a path that fits into a socket's address."""
    return layout_run.readlink() if layout_run.is_symlink() else layout_run


def _socket_folder(layout: Layout, account: Account, reach: Reach) -> str:
    """Make the folder of the socket and return it as the server sees it."""
    if _fits(layout.run):
        account.own(layout.run)
        return f"{reach.path}/{layout.run.name}"
    return str(linked_folder(layout.run, account))


def _fits(folder: Path) -> bool:
    """Tell whether a socket in `folder` has an address that is short enough and that libpq does not cut at a comma."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= LONGEST_SOCKET and "," not in str(folder)


def _write_settings(layout: Layout, reach: Reach, *, sockets: str, durable: bool) -> None:
    places = {
        "unix_socket_directories": '"{}"'.format(sockets.replace('"', '""')),
        "hba_file": f"{reach.path}/pg_hba.conf",
        "ident_file": f"{reach.path}/pg_ident.conf",
    }
    settings = {**SETTINGS, **places, **({} if durable else NOT_DURABLE)}
    lines = (f"{name} = '{_quoted(value)}'\n" for name, value in settings.items())
    _write(layout.folder / "server.conf", "# Written by lumiere-sms at each start.\n" + "".join(lines))


def _write_access(layout: Layout, account: Account) -> None:
    """Let in the account that runs the server, and root, as the one role; by the socket only, proved by the kernel."""
    people = dict.fromkeys(("root", account.name))
    _write(layout.folder / "pg_hba.conf", "local all all peer map=lumiere\n")
    _write(layout.folder / "pg_ident.conf", "".join(f'lumiere "{name}" {ROLE}\n' for name in people))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _check(done: subprocess.CompletedProcess[str], layout: Layout) -> None:
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.splitlines() if ": " in line and "removing" not in line]
    said = lines[-1] if lines else f"{done.args} failed"
    raise ConfigurationError(
        f"the database could not be made in {layout.folder}: {said}", hint=_hint(done.stderr, layout)
    )


def _last_words(layout: Layout) -> str:
    if not layout.log.exists():
        return ""
    with layout.log.open("rb") as file:
        file.seek(max(0, layout.log.stat().st_size - 10_000))
        lines = file.read().decode(errors="replace").splitlines()
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return fatal[-1].split(":  ", 1)[-1] if fatal else ""


def _hint(said: str, layout: Layout) -> str:
    if "No space left" in said:
        return "make room on that disk"
    if "Permission denied" in said:
        return "name a folder that you may write to in LUMIERE_SMS_DATA_DIR"
    return f"see {layout.log}, or name a server in DATABASE_URL"
