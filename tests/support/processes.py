"""The real command as a subprocess, against a database of the test's own and the Twilio stand-in."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer

PATIENCE = 90.0  # seconds until a test gives up: what a process left claimed is free after a lease of 60
#: What is in doubt is decided within two seconds.
QUICK_LOOKS = {
    "LUMIERE_SMS_RECONCILE_AFTER": "0.2,0.5,2,2.8",
    "LUMIERE_SMS_PROVIDER_LISTS_WITHIN": "2",
    "LUMIERE_SMS_SECONDS_BETWEEN_LISTS": "0.05",
}


def environment(
    data_dir: Path, *, database_url: str, server: TwilioServer | None = None, **more: str
) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LUMIERE_SMS_", "TWILIO_"))}
    found = {**plain, "LUMIERE_SMS_DATA_DIR": str(data_dir), "DATABASE_URL": database_url, "COLUMNS": "80", **more}
    if server is not None:
        found |= {
            "TWILIO_ACCOUNT_SID": server.account_sid,
            "TWILIO_AUTH_TOKEN": server.auth_token,
            "LUMIERE_SMS_TWILIO_BASE_URL": server.url,
            "LUMIERE_SMS_TWILIO_FROM": SANDBOX_SENDER,
        }
    return found


def start(*arguments: str, env: dict[str, str], cwd: Path | None = None, after: str = "") -> "subprocess.Popen[str]":
    """Start the command; `after` is Python that is executed first, in the same process."""
    main = f"{after}\nfrom lumiere_sms.__main__ import main\nmain()"
    command = [sys.executable, *(["-c", main] if after else ["-m", "lumiere_sms"]), *arguments]
    return subprocess.Popen(command, env=env, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def running(*arguments: str, env: dict[str, str], after: str = "") -> Iterator["subprocess.Popen[str]"]:
    """A process that does not outlive the test."""
    process = start(*arguments, env=env, after=after)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(*arguments: str, env: dict[str, str], cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    process = start(*arguments, env=env, cwd=cwd)
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_until(condition: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def other_side_of_the_clock(zone_offset: timedelta = timedelta(hours=9)) -> str:
    """A minute of quiet hours, half a day away from now in Tokyo, so that a test may run at any hour."""
    far = datetime.now(UTC) + zone_offset + timedelta(hours=12)
    return f"{far:%H:%M}-{far + timedelta(minutes=1):%H:%M}"
