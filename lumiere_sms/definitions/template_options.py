"""A template from a command's options, checked as one from a file is."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lumiere_sms.definitions.complaints import complaints_about
from lumiere_sms.definitions.models import TemplateDefinition
from lumiere_sms.errors import DefinitionError, Problem
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template

_OPTIONS = {"name": "NAME", "variables": "--variable", "tags": "--tag"}  # where an option has another name than its key


def define_template(name: str, values: Mapping[str, Any], *, origin: str) -> TemplateDefinition:
    """Make a template of values by key (None: not given); `origin` is what its text comes from, an option or a file.

    >>> define_template("hello", {"content": "Hi {{ first_name }}"}, origin="--content").category

    Raises: DefinitionError with all problems.
    """
    given = {key: value for key, value in values.items() if value is not None}
    template, error = None, None
    try:
        template = TemplateDefinition.model_validate({**given, "name": name})
    except ValidationError as refused:
        error = refused
    complaints = complaints_about("template", given, error, model=template)
    problems = [Problem(_origin(one.path, origin), 0, 0, one.message, one.hint) for one in complaints]
    problems += _of_content(str(values["content"]), origin)
    if template is None or problems:
        raise DefinitionError(problems)
    return template


def _origin(path: Any, origin: str) -> str:
    key = str(path[0]) if path else "content"
    return origin if key == "content" else _OPTIONS.get(key, f"--{key.replace('_', '-')}")


def _of_content(content: str, origin: str) -> Iterator[Problem]:
    try:
        compile_template(content)
    except TemplateProblemError as error:
        lines = content.splitlines()
        source = lines[error.line - 1][:500] if error.line <= len(lines) else ""
        yield Problem(origin, error.line, error.column, error.message, error.hint, source, error.width)
