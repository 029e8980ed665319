import configparser
import shutil
import subprocess
import sys

import pytest


def units(*arguments: str) -> str:
    command = [sys.executable, "-m", "lumiere_sms", "units", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param((), ["lumiere-sms.service"], id="a daemon"),
        pytest.param(("--timer",), ["lumiere-sms-once.service", "lumiere-sms.timer"], id="a timer"),
    ],
)
def test_the_units_are_what_systemd_reads(tmp_path, options, names):
    (tmp_path / "env").touch()

    units("systemd", "--user", "root", "--environment-file", str(tmp_path / "env"), "--output", str(tmp_path), *options)

    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "env") == names
    for name in names:
        parsed = configparser.RawConfigParser(strict=True)
        parsed.read(tmp_path / name)
        assert "Unit" in parsed.sections()
    if shutil.which("systemd-analyze"):
        verified = subprocess.run(
            ["systemd-analyze", "verify", *[str(tmp_path / name) for name in names]],
            capture_output=True,
            text=True,
            check=False,
        )
        complaints = [line for line in verified.stderr.splitlines() if "lumiere-sms" in line]
        assert complaints == []


def test_the_crontab_makes_a_pass_every_minute_and_speaks_only_when_something_is_wrong():
    lines = [line for line in units("cron").splitlines() if line.startswith("* * * * * ")]

    assert len(lines) == 1
    assert "run --once --max-seconds 50" in lines[0]
    assert lines[0].endswith('|| echo "lumiere-sms ended with $?"')
    assert "%" not in lines[0]


def test_the_crontab_reads_settings_from_a_folder_whose_name_has_a_blank():
    assert "set -a; . '/srv/my salon/sms.env'; set +a;" in units("cron", "--environment-file", "/srv/my salon/sms.env")


def test_what_is_printed_names_each_file():
    assert "# lumiere-sms.timer\n[Unit]" in units("systemd", "--timer")
