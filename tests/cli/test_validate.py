import json
import subprocess
import sys

import pytest

GOOD = "templates:\n  t: {content: Hi}\ncampaigns:\n  c: {template: t, segment: all}\n"
BAD = "campaigns:\n  c:\n    segmnet: lapsed\n    message: Hi\n"


@pytest.fixture
def command(tmp_path):
    def run(*arguments):
        line = [sys.executable, "-m", "lumiere_sms", *arguments]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_valid_files_are_counted_on_stdout(command, tmp_path):
    (tmp_path / "c.yaml").write_text(GOOD)

    ended = command("validate", "c.yaml")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "c.yaml: 1 template, 0 segments, 1 campaign\nvalid\n"


def test_problems_go_to_stderr_in_the_form_of_a_compiler(command, tmp_path):
    (tmp_path / "c.yaml").write_text(BAD)

    ended = command("validate", ".")

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        'c.yaml:3:5: unknown key "segmnet"; did you mean "segment"?\n'
        "    3 |     segmnet: lapsed\n"
        "      |     ^^^^^^^\n"
        "1 problem in c.yaml; nothing was changed\n"
    )


def test_a_program_gets_the_problems_as_json(command, tmp_path):
    (tmp_path / "c.yaml").write_text(BAD)

    ended = command("validate", "c.yaml", "nowhere.yaml", "--json")

    assert (ended.returncode, ended.stderr) == (3, "")
    assert json.loads(ended.stdout) == {
        "valid": False,
        "files": ["c.yaml"],
        "templates": [],
        "segments": [],
        "campaigns": [],
        "problems": [
            {
                "file": "nowhere.yaml",
                "line": 0,
                "column": 0,
                "message": "there is no such file",
                "hint": "lumiere-sms init . writes one to begin with",
            },
            {
                "file": "c.yaml",
                "line": 3,
                "column": 5,
                "message": 'unknown key "segmnet"',
                "hint": 'did you mean "segment"?',
            },
        ],
    }


def test_the_schema_is_one_json_document(command):
    ended = command("schema")

    assert json.loads(ended.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
