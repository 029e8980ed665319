"""Which files an operator means, and their text.

A file is UTF-8, with or without a byte order mark. A folder stands for its *.yaml and *.yml files,
sorted; those whose name begins with a dot (an editor's) are left alone.
"""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from lumiere_sms.definitions.nodes import Source, Span
from lumiere_sms.errors import DefinitionError, Problem

LARGEST = 16 * 1024 * 1024  # bytes; a thousand campaigns need half a megabyte
_SUFFIXES = frozenset({".yaml", ".yml"})


def find_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the files that `paths` stand for, each once, and what is wrong with the rest."""
    found: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            for file in _files_of(path):
                found.setdefault(file.resolve(), file)
        except DefinitionError as error:
            problems += error.problems
        except OSError as error:  # in a folder that this account may not enter, or too long a name
            problems += _unreadable(path, error).problems
    return list(found.values()), problems


def read_source(path: Path) -> Source:
    """Return the text of a file. Raises: DefinitionError when it cannot be read or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > LARGEST:
        raise _whole_file(path, f"it is larger than {LARGEST // 1024**2} MB", "split it into several files of a folder")
    try:
        return Source.of(str(path), content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DefinitionError([_not_utf8(path, content, error.start)]) from error


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
        if not files:
            raise _whole_file(path, "this folder holds no *.yaml or *.yml file", f"lumiere-sms init {path}")
        yield from files
    elif path.exists():
        yield path
    else:
        raise _whole_file(
            path, "there is no such file", _neighbour(path) or "lumiere-sms init . writes one to begin with"
        )


def _neighbour(path: Path) -> str:
    names = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f'did you mean "{path.parent / near[0]}"?' if near else ""


def _not_utf8(path: Path, content: bytes, at: int) -> Problem:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem(str(path), 0, 0, "this file is UTF-16, not UTF-8", "save it as UTF-8")
    source = Source.of(str(path), content.decode("utf-8", "replace"))
    before = Source.of(str(path), content[:at].decode("utf-8-sig")).lines
    span = Span(len(before) - 1, len(before[-1]), len(before) - 1, len(before[-1]) + 1)
    likely = "Shift_JIS" if _is_shift_jis(content) else "another encoding"
    return source.problem(span, f"this file is not UTF-8 but {likely}", hint="save it as UTF-8")


def _is_shift_jis(content: bytes) -> bool:
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        return False
    return True


def _whole_file(path: Path, message: str, hint: str = "") -> DefinitionError:
    return DefinitionError([Problem(str(path), 0, 0, message, hint)])


def _unreadable(path: Path, error: OSError) -> DefinitionError:
    return _whole_file(path, f"it cannot be read: {error.strerror}")
