"""`lumiere-sms units`: what systemd and cron need to run it."""

import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from lumiere_sms.cli.output import print_text, say
from lumiere_sms.errors import ConfigurationError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Print systemd units or crontab lines.")

ServiceUser = Annotated[str, typer.Option("--user", help="The account it runs as.")]
EnvironmentFile = Annotated[
    Path, typer.Option("--environment-file", help="NAME=value lines: settings, and the secrets, readable by root only.")
]

DAEMON = """\
[Unit]
Description=lumiere-sms: SMS campaigns
Documentation=man:systemd.service(5)
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User={user}
EnvironmentFile={environment_file}
StateDirectory=lumiere-sms
Environment=LUMIERE_SMS_DATA_DIR=/var/lib/lumiere-sms
ExecStart={command} run --json-logs
# SIGTERM drains: what is on the wire is settled, within 40 seconds. The embedded database goes on.
KillSignal=SIGTERM
KillMode=process
TimeoutStopSec=60
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""
ONCE = """\
[Unit]
Description=lumiere-sms: one pass over what is due
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
User={user}
EnvironmentFile={environment_file}
StateDirectory=lumiere-sms
Environment=LUMIERE_SMS_DATA_DIR=/var/lib/lumiere-sms
ExecStart={command} run --once --max-seconds 50 --json-logs
# 8: recipients need a person; 9: a rule paused a campaign. Neither is a failure of the run.
SuccessExitStatus=8 9
# The embedded database outlives the pass.
KillMode=process
NoNewPrivileges=yes
ProtectSystem=strict
"""
TIMER = """\
[Unit]
Description=lumiere-sms: every minute

[Timer]
OnCalendar=*-*-* *:*:00
AccuracySec=1s
Unit=lumiere-sms-once.service

[Install]
WantedBy=timers.target
"""
CRON = """\
# lumiere-sms: every minute, for at most 50 seconds. Two at once are safe. Mail comes when something needs a person.
SHELL=/bin/sh
{line}
"""


@app.command()
def systemd(
    user: ServiceUser = "lumiere",
    environment_file: EnvironmentFile = Path("/etc/lumiere-sms.env"),
    timer: Annotated[bool, typer.Option("--timer", help="A timer and a oneshot service instead of a daemon.")] = False,
    output: Annotated[Path | None, typer.Option("--output", help="Write the files into this folder.")] = None,
) -> None:
    """Print unit files: a daemon, or with --timer a pass every minute.

    Example: lumiere-sms units systemd --output /etc/systemd/system
    """
    binds = {"user": user, "environment_file": environment_file, "command": _command()}
    units = {"lumiere-sms.service": DAEMON}
    if timer:
        units = {"lumiere-sms-once.service": ONCE, "lumiere-sms.timer": TIMER}
    for name, text in units.items():
        if output:
            _write(output / name, text.format(**binds))
        else:
            print_text(f"# {name}\n{text.format(**binds)}")


@app.command()
def cron(environment_file: EnvironmentFile = Path("/etc/lumiere-sms.env")) -> None:
    """Print a crontab that makes a pass every minute.

    Example: lumiere-sms units cron | crontab -
    """
    pass_ = f'{_command()} run --once --max-seconds 50 2>>"$HOME/lumiere-sms.log"'
    line = f'* * * * * set -a; . {quote(str(environment_file))}; set +a; {pass_} || echo "lumiere-sms ended with $?"'
    print_text(CRON.format(line=line))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error
    say(f"wrote {file}")


def _command() -> str:
    beside = Path(sys.executable).with_name("lumiere-sms")
    return str(beside) if beside.exists() else f"{sys.executable} -m lumiere_sms"
