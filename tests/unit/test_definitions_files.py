import os
from pathlib import Path

import pytest

from lumiere_sms.definitions import files
from lumiere_sms.definitions.files import find_files, read_source
from lumiere_sms.errors import DefinitionError


def complaint_of(path):
    with pytest.raises(DefinitionError) as caught:
        read_source(path)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_folder_stands_for_its_yaml_files_sorted():
    for name in ("b.yaml", "a.yml", ".hidden.yaml", "notes.txt"):
        Path(name).touch()

    found, problems = find_files([Path(), Path("b.yaml")])

    assert [str(path) for path in found] == ["a.yml", "b.yaml"]
    assert problems == []


def test_what_is_not_there_is_told_with_what_may_be_meant():
    Path("campaigns.yaml").touch()
    Path("empty").mkdir()

    found, problems = find_files([Path("campains.yaml"), Path("empty"), Path("no/where.yaml"), Path("campaigns.yaml")])

    assert [str(path) for path in found] == ["campaigns.yaml"]
    assert [str(problem) for problem in problems] == [
        'campains.yaml: there is no such file; did you mean "campaigns.yaml"?',
        "empty: this folder holds no *.yaml or *.yml file; lumiere-sms init empty",
        "no/where.yaml: there is no such file; lumiere-sms init . writes one to begin with",
    ]


def test_a_byte_order_mark_is_no_part_of_the_text():
    Path("c.yaml").write_bytes(b"\xef\xbb\xbfcampaigns:\n")

    assert read_source(Path("c.yaml")).text == "campaigns:\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            "a: 1\nb: 田中\n".encode("cp932"),
            "c.yaml:2:4: this file is not UTF-8 but Shift_JIS; save it as UTF-8",
            id="Shift_JIS",
        ),
        pytest.param(
            b"a: caf\xe9\n", "c.yaml:1:7: this file is not UTF-8 but another encoding; save it as UTF-8", id="Latin-1"
        ),
        pytest.param("a: 1".encode("utf-16"), "c.yaml: this file is UTF-16, not UTF-8; save it as UTF-8", id="UTF-16"),
    ],
)
def test_another_encoding_is_named_with_the_first_place_that_shows_it(content, said):
    Path("c.yaml").write_bytes(content)

    assert complaint_of(Path("c.yaml")).partition("\n")[0] == said


def test_a_file_beyond_any_need_is_refused_before_it_is_read_whole():
    with Path("c.yaml").open("wb") as file:
        os.truncate(file.fileno(), 10 * files.LARGEST)

    assert complaint_of(Path("c.yaml")) == "c.yaml: it is larger than 16 MB; split it into several files of a folder"


def test_a_file_that_the_system_does_not_give_is_told():
    Path("dir.yaml").mkdir()

    assert complaint_of(Path("dir.yaml")) == "dir.yaml: it cannot be read: Is a directory"
