"""A campaign from a command's options, checked as one from a file is."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lumiere_sms.definitions.complaints import complaints_about
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import DefinitionError, Problem
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template

_OF_FILES = {"drip": "steps", "reminder": "remind"}  # types, with the key that only a file has


def define_campaign(name: str, values: Mapping[str, Any], *, defaults_zone: str) -> CampaignDefinition:
    """Make a campaign of values by key; None is a value that was not given.

    >>> define_campaign("hello", {"message": "Hi", "segment": "all", "schedule": "now"}, defaults_zone="UTC").timezone
    'UTC'

    Raises: DefinitionError with all problems; what it names for a file is the option (`--window`).
    """
    given = {key: value for key, value in values.items() if value is not None}
    if (type_ := given.get("type")) in _OF_FILES:
        hint = f"write {_OF_FILES[type_]}: in a YAML file, as `lumiere-sms guide sequences` shows"
        raise DefinitionError([Problem("--type", 0, 0, f"no option says what a {type_} campaign needs", hint)])
    campaign, error = None, None
    try:
        campaign = CampaignDefinition.model_validate({"timezone": defaults_zone, **given, "name": name})
    except ValidationError as refused:
        error = refused
    complaints = complaints_about("campaign", given, error, model=campaign)
    problems = [Problem(_option(one.path), 0, 0, one.message, one.hint) for one in complaints]
    problems += _of_message(given.get("message"))
    if campaign is None or problems:
        raise DefinitionError(problems)
    return campaign


def _option(path: Any) -> str:
    return f"--{str(path[0]).replace('_', '-')}" if path else "the options"


def _of_message(message: str | None) -> Iterator[Problem]:
    try:
        compile_template(message or "")
    except TemplateProblemError as error:
        yield Problem("--message", error.line, error.column, error.message, error.hint)
