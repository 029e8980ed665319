import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand

from lumiere_sms.cli.app import COMMANDS

PACKAGE = Path(__file__).parents[2] / "lumiere_sms"
MODULES = sorted(PACKAGE.rglob("*.py"))
BANNED_NAMES = {"utils", "helpers", "common", "core", "models", "types", "manager"} - {"models"}


def commands_of(name: str) -> list[tuple[str, TyperCommand]]:
    command = typer.main.get_command(import_module(f"lumiere_sms.cli.{name}").app)
    inner = getattr(command, "commands", None)
    return [(f"{name} {each}", inner[each]) for each in inner] if inner else [(name, command)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_passes_400_lines(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_module_is_called_by_a_name_that_says_nothing():
    assert [module for module in MODULES if module.stem in BANNED_NAMES] == []


def test_segment_is_never_said_of_a_piece_of_a_text():
    allowed = {"providers", "testing"}
    said = [
        f"{module.relative_to(PACKAGE)}: {line.strip()}"
        for module in MODULES
        if module.relative_to(PACKAGE).parts[0] not in allowed
        for line in module.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(num_segments|segment_count|message segments?)\b", line)
    ]

    assert said == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_and_ends_with_an_example(name):
    for full_name, command in commands_of(name):
        lines = [line.strip() for line in (command.help or "").splitlines() if line.strip()]
        assert lines, full_name
        assert lines[-1].startswith(f"Example: lumiere-sms {full_name}"), full_name


def test_help_imports_neither_an_sdk_nor_sqlalchemy():
    code = (
        "import sys\nfrom lumiere_sms.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'twilio', 'botocore', 'sqlalchemy', 'psycopg', 'pydantic', 'aiohttp', 'phonenumbers', 'alembic'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_every_command_of_the_readme_exists():
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"lumiere-sms ([a-z]+)", readme)) <= COMMANDS.keys()
