import sys

import pytest

from lumiere_sms.__main__ import main


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """The command line, run in this process: its exit code, what it prints, and what it says on stderr."""
    monkeypatch.setenv("LUMIERE_SMS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lumiere-sms", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def command(call, monkeypatch, database_url):
    """The command line on the test's database, as hanako calls it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("USER", "hanako")
    return call
