"""Criteria written as JSON, as commands take them, with their problems told as those of a file are."""

import json
from pathlib import Path as FilePath
from typing import Any

from lumiere_sms.audience.criteria import CriteriaError, Path, check_criteria
from lumiere_sms.errors import DefinitionError, Problem


def read_tree(text: str, *, source: str) -> dict[str, Any]:
    """Return the tree that JSON text holds; `source` names the option or file it came from.

    Raises: DefinitionError that lists everything that is wrong with it.
    """
    try:
        tree = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        said = getattr(error, "msg", "nested too deeply")
        raise DefinitionError([Problem(source, line, column, f"this is not JSON: {said}")]) from error
    if problems := check_criteria(tree):
        raise criteria_problems(problems, source=source)
    assert isinstance(tree, dict)
    return tree


def read_file(file: FilePath) -> dict[str, Any]:
    """Return the tree that a file of JSON holds. Raises: DefinitionError."""
    try:
        return read_tree(file.read_text(encoding="utf-8-sig"), source=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError([Problem(str(file), 0, 0, f"cannot be read: {_reason(error)}")]) from error


def criteria_problems(problems: list[CriteriaError], *, source: str) -> DefinitionError:
    """Return the error that lists problems with where in the tree they are."""
    told = [Problem(source, 0, 0, f"{_place(each.path)}{each.message}", each.hint) for each in problems]
    return DefinitionError(told)


def _place(path: Path) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"at {steps.lstrip('.')}: " if steps else ""


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "no such file").lower() if isinstance(error, OSError) else "it is not UTF-8"
