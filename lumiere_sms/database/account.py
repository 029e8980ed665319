"""The account that the embedded server runs under.

PostgreSQL refuses to run as root, so in containers and CI another account runs it: one that is named, that owns
the data already, or that exists everywhere. No account is created and no folder that is not ours changes its mode.

Such an account may not be able to walk to the data, where a folder above it is closed to it (root's home, a folder
of mktemp). On Linux the server is then given the folder as an open descriptor, /proc/self/fd/N: that path needs no
permission on the folders above, and every process of the server inherits the descriptor.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumiere_sms.errors import ConfigurationError

USUAL = ("postgres", "nobody")
KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ")  # PGDATA, PGPORT and their like must not reach the server
LONGEST_TEMPORARY = 50  # bytes: a longer one (macOS, tests) leaves too little room for the address of a socket


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server's programs. `borrowed` means: not the account that runs this process."""

    name: str
    uid: int
    gid: int
    borrowed: bool

    def run(
        self, command: Sequence[str], *, pass_fds: Sequence[int] = (), cwd: str = "/"
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, in a session of its own, and return what it said.

        Raises: ConfigurationError when the system does not let us run it as this account.
        """
        identity: dict[str, Any] = {}
        if self.borrowed:
            identity = {"user": self.uid, "group": self.gid, "extra_groups": []}
        try:
            return subprocess.run(  # noqa: S603 - our own commands
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=cwd,
                umask=0o077,
                env={**{name: os.environ[name] for name in KEPT if name in os.environ}, "LC_ALL": "C"},
                start_new_session=True,
                pass_fds=pass_fds,
                **identity,
            )
        except OSError as error:
            raise ConfigurationError(
                f'PostgreSQL cannot be run as the account "{self.name}": {error.strerror}',
                hint="name another account in LUMIERE_SMS_POSTGRES_USER, or a server in DATABASE_URL",
            ) from error

    def own(self, folder: Path) -> None:
        """Make `folder` where it is absent, owned by this account and closed to all others."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.borrowed:
            os.chown(folder, self.uid, self.gid)

    def can_run(self, program: str) -> bool:
        """Tell whether this account can reach and run a program."""
        return not self.borrowed or self.run(["/bin/sh", "-c", '"$0" --version', program]).returncode == 0

    @contextmanager
    def reach(self, folder: Path) -> Iterator["Reach"]:
        """Give the path by which this account's processes reach `folder`.

        Raises: ConfigurationError when there is none.
        """
        if not self.borrowed or self._enters(str(folder)):
            yield Reach(str(folder))
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            path = f"/proc/self/fd/{descriptor}"
            if not self._enters(path, descriptor):
                raise ConfigurationError(
                    f'the account "{self.name}", which runs PostgreSQL for root, cannot enter {folder}',
                    hint="name a folder it can enter in LUMIERE_SMS_DATA_DIR (/var/lib/lumiere-sms)",
                )
            yield Reach(path, (descriptor,))
        finally:
            os.close(descriptor)

    def _enters(self, folder: str, *descriptors: int) -> bool:
        return self.run(["/bin/sh", "-c", 'cd "$0"', folder], pass_fds=descriptors).returncode == 0


@dataclass(frozen=True, slots=True)
class Reach:
    """A folder as the server's processes see it: its path, and the descriptors they must inherit for that."""

    path: str
    descriptors: tuple[int, ...] = ()

    def run(
        self, account: Account, command: Sequence[str], *, pass_fds: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder, or with the descriptors by which it gets there."""
        return account.run(command, pass_fds=(*pass_fds, *self.descriptors), cwd="/" if self.descriptors else self.path)

    def argument(self, name: str) -> str:
        """Return the path of something in the folder: relative if it can be, since pg_ctl leaves `$` to the shell."""
        return f"{self.path}/{name}" if self.descriptors else name


def linked_folder(link: Path, account: Account) -> Path:
    """Return the private folder, in the temporary directory, that `link` points to; made anew where it is gone."""
    if not (link.is_symlink() and link.is_dir() and link.stat().st_uid == account.uid):
        roomy = len(os.fsencode(tempfile.gettempdir())) <= LONGEST_TEMPORARY
        private = Path(tempfile.mkdtemp(prefix="lumiere-sms-", dir=None if roomy else "/tmp"))  # noqa: S108 - mkdtemp is safe there
        account.own(private)
        link.unlink(missing_ok=True)
        link.symlink_to(private)
    return link.readlink()


def server_account(wanted: str = "", *, owner: int | None = None) -> Account:
    """Return the account to run the server under; `owner` is the uid that has the data already.

    Raises: ConfigurationError for one that does not exist or does not own the data.
    """
    if os.geteuid() != 0:
        return _account(os.geteuid(), borrowed=False)
    if not wanted and owner:
        return _account(owner, borrowed=True)
    chosen = _named(wanted)
    if owner is not None and owner != chosen.uid:
        raise ConfigurationError(
            f'the data belongs to the account "{_account(owner, borrowed=True).name}", not to "{chosen.name}"',
            hint="mend or unset LUMIERE_SMS_POSTGRES_USER",
        )
    return chosen


def _named(wanted: str) -> Account:
    import pwd  # noqa: PLC0415 - Windows has none, and imports this module too

    for name in (wanted,) if wanted else USUAL:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(found.pw_name, found.pw_uid, found.pw_gid, borrowed=True)
    named = f'"{wanted}"' if wanted else "postgres or nobody"
    raise ConfigurationError(
        f"PostgreSQL does not run as root, and there is no other account {named}",
        hint="name an account in LUMIERE_SMS_POSTGRES_USER, or a server in DATABASE_URL",
    )


def _account(uid: int, *, borrowed: bool) -> Account:
    import pwd  # noqa: PLC0415 - Windows has none, and imports this module too

    try:
        found = pwd.getpwuid(uid)
    except KeyError as error:
        raise ConfigurationError(
            f"the user id {uid} has no name on this system, and PostgreSQL needs one",
            hint="add it to /etc/passwd, or name a server in DATABASE_URL",
        ) from error
    return Account(found.pw_name, uid, found.pw_gid, borrowed=borrowed)
