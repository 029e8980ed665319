import os
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.settings import Settings

STARTER = ["README.md", "campaigns.yaml", "customers.csv", "lumiere-sms.env"]


@pytest.fixture
def command(tmp_path):
    def run(*arguments, **environment):
        line = [sys.executable, "-m", "lumiere_sms", *arguments]
        given = {**os.environ, "LUMIERE_SMS_DATA_DIR": str(tmp_path / "data"), **environment}
        return subprocess.run(line, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def empty_database(server_url):
    name = f"init_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield psycopg.conninfo.make_conninfo(server_url, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_init_writes_a_starter_prepares_the_database_and_says_what_comes_next(command, tmp_path, empty_database):
    ended = command("init", "salon", DATABASE_URL=empty_database)

    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in (tmp_path / "salon").iterdir()) == STARTER
    assert ended.stdout == (
        "Next:\ncd salon\nlumiere-sms customer import customers.csv\n"
        "lumiere-sms plan campaigns.yaml\nlumiere-sms apply campaigns.yaml\n"
        "lumiere-sms campaign schedule come-back --now\nlumiere-sms run --once\n"
    )
    database = Database(empty_database)
    with database.transaction() as connection:
        assert schema.current(connection) == schema.head()
    database.close()


def test_the_starter_s_settings_are_read_by_every_command_in_its_folder(command, tmp_path):
    ended = command("init", ".", "--no-database")

    settings = Settings.read({"LUMIERE_SMS_SETTINGS": str(tmp_path / "lumiere-sms.env")})
    assert settings.provider == "console"
    assert ended.stdout.startswith("Next:\nlumiere-sms customer import")
    assert not (tmp_path / "data").exists()


def test_no_file_is_overwritten_and_none_is_written_beside_one_that_is_there(command, tmp_path):
    (tmp_path / "campaigns.yaml").write_text("mine")

    ended = command("init", ".", "--no-database")

    assert ended.returncode == 6
    assert ended.stderr == ("error: already there: campaigns.yaml; nothing was changed\nhint: name another folder\n")
    assert [path.name for path in tmp_path.iterdir()] == ["campaigns.yaml"]


@pytest.mark.parametrize(
    ("folder", "code", "said"),
    [
        pytest.param("file", 6, "error: file is a file\nhint: name a folder\n", id="a file"),
        pytest.param("file/below", 4, "error: file/below cannot be written: Not a directory\n", id="below a file"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(command, tmp_path, folder, code, said):
    (tmp_path / "file").touch()

    ended = command("init", folder, "--no-database")

    assert (ended.returncode, ended.stderr) == (code, said)
