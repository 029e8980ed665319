import itertools
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len
from typer._click.exceptions import ClickException
from typer.testing import CliRunner

from lumiere_sms.cli.app import COMMANDS, app
from lumiere_sms.cli.guide import TOPICS, read_topic

WIDTH = 80
EXAMPLE = re.compile(r"^\s*Example: (lumiere-sms .*)$", re.MULTILINE)


def loaded(name):
    command = typer.main.get_command(import_module(f"lumiere_sms.cli.{name}").app)
    return {name: command} if not hasattr(command, "commands") else {name: command, **named(name, command.commands)}


def named(group, commands):
    return {f"{group} {name}": command for name, command in commands.items()}


EVERY = {path: command for name in COMMANDS for path, command in loaded(name).items()}
GROUPS = [path for path, command in EVERY.items() if hasattr(command, "commands")]
LEAVES = [path for path in EVERY if path not in GROUPS]


@pytest.fixture
def help_of(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "dumb")

    def read(path: str) -> str:
        done = CliRunner().invoke(app, [*path.split(), "--help"], prog_name="lumiere-sms", catch_exceptions=False)
        assert done.exit_code == 0
        return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())

    return read


@pytest.mark.parametrize("path", ["", *GROUPS])
def test_the_help_is_what_it_was(help_of, golden, path):
    golden(f"help{'_' * bool(path)}{path}.txt", help_of(path))


@pytest.mark.parametrize("path", EVERY)
def test_help_is_readable_on_a_terminal_of_80_columns(help_of, path):
    assert max(map(cell_len, help_of(path).splitlines())) <= WIDTH


@pytest.mark.parametrize("path", LEAVES)
def test_no_word_of_a_help_is_cut_or_broken_on_a_terminal_of_80_columns(help_of, path):
    shown = set(help_of(path).replace("│", " ").split())
    written = {word for option in EVERY[path].params for word in (getattr(option, "help", None) or "").split()}

    assert written - shown == set()
    assert [word for word in shown if word.startswith("<") and "|" in word and not word.endswith(">")] == []


@pytest.mark.parametrize("path", LEAVES)
def test_a_help_says_once_what_may_be_left_out_and_what_repeated(help_of, path):
    usage = next(line for line in help_of(path).splitlines() if "Usage:" in line)

    assert "[[" not in usage
    assert "…" not in usage


@pytest.mark.parametrize("path", LEAVES)
def test_only_the_first_paragraph_of_a_help_is_wrapped_so_the_others_have_lines_that_fit(path):
    _, _, rest = EVERY[path].help.partition("\n\n")

    assert [line for line in rest.splitlines() if len(line) > WIDTH - 2 and "Example:" not in line] == []


@pytest.mark.parametrize("path", LEAVES)
def test_a_help_ends_with_one_example_that_parses(path):
    examples = EXAMPLE.findall(EVERY[path].help)

    assert len(examples) == 1
    assert EVERY[path].help.rstrip().endswith(examples[0])
    assert examples[0].startswith(f"lumiere-sms {path}")
    parse(examples[0])


def commands_of(text):
    """Every command line that a page shows: in indented and fenced blocks, and between backticks."""
    blocks = re.findall(r"^(?: {4}|\$ |)(lumiere-sms [a-z].*)$", text, re.MULTILINE)
    spans = re.findall(r"`(lumiere-sms [a-z][^`]*)`", text)
    return [*blocks, *spans]


PAGES = {
    **{topic: read_topic(topic) for topic in TOPICS},
    "README": (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8"),
    "starter": (Path(__file__).parents[2] / "lumiere_sms/examples/starter/README.md").read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_parses(page):
    lines = commands_of(PAGES[page])

    assert lines
    for line in lines:
        parse(line)


def parse(line):
    """Parse a command line as the command would, without running it."""
    words = list(words_of(line))[1:]
    path = words[0] if words[0] in LEAVES else " ".join(words[:2])
    if path.split() == words and path in EVERY:
        return  # only names a command
    assert path in LEAVES, line
    try:
        EVERY[path].make_context(path, words[len(path.split()) :])
    except ClickException as error:
        pytest.fail(f"{line}: {error}")


def words_of(line):
    """Split as a shell does, up to where its line goes on without the command: a pipe, a redirection, a comment."""
    lexer = shlex.shlex(line.replace("…", "1"), posix=True, punctuation_chars="|><&;")
    lexer.whitespace_split = True
    yield from itertools.takewhile(lambda word: not set(word) & set("|><&;") or " " in word, lexer)
