"""From files to checked definitions; everything that is wrong is told at once, each at its place."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumiere_sms.definitions.complaints import MODELS, Complaint, complaints_about
from lumiere_sms.definitions.entries import Entry, read_entries
from lumiere_sms.definitions.files import find_files, read_source
from lumiere_sms.definitions.models import (
    DEFAULT_ZONE,
    CampaignDefinition,
    DefaultsDefinition,
    Definition,
    Definitions,
    SegmentDefinition,
    TemplateDefinition,
)
from lumiere_sms.definitions.nodes import Scalar
from lumiere_sms.definitions.places import node_at, span_inside
from lumiere_sms.definitions.references import dangling, default_twins, name_twins, unknown_providers
from lumiere_sms.errors import DefinitionError, Problem
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.schedule.instants import resolve_zone

_SOME_DAY = datetime(2026, 1, 5, tzinfo=UTC)  # windows repeat daily: one day shows whether they ever open


@dataclass(frozen=True, slots=True)
class Reading:
    """What files hold, and what is wrong there; complete only where nothing is."""

    definitions: Definitions
    problems: tuple[Problem, ...]

    def checked(self) -> Definitions:
        """Return the definitions. Raises: DefinitionError with all problems."""
        if self.problems:
            raise DefinitionError(self.problems)
        return self.definitions


def read_definitions(
    paths: Sequence[Path],
    *,
    defaults_zone: str = DEFAULT_ZONE,
    known_templates: Collection[str] = (),
    known_segments: Collection[str] = (),
) -> Definitions:
    """Read files and folders; campaigns may also name templates and segments that are known already.

    `defaults_zone` is the zone of campaigns where neither they nor `defaults:` name one.

    Raises: DefinitionError with all problems.
    """
    known = {"template": known_templates, "segment": known_segments}
    return examine(paths, defaults_zone=defaults_zone, known=known).checked()


def examine(
    paths: Sequence[Path], *, defaults_zone: str = DEFAULT_ZONE, known: dict[str, Collection[str]] | None = None
) -> Reading:
    """Read files and folders, and list what is wrong instead of raising it."""
    files, problems = find_files(paths)
    entries: list[Entry] = []
    whole = not problems
    for file in files:
        try:
            found, wrong = read_entries(read_source(file))
        except DefinitionError as error:
            whole, found, wrong = False, [], list(error.problems)
        entries += found
        problems += wrong
    made, wrong = _make(entries, defaults_zone)
    problems += [*wrong, *name_twins(entries), *default_twins(entries, made), *unknown_providers(entries, made)]
    if whole:  # a name that is missing may stand in a file that could not be read
        problems += dangling(entries, made, known=known or {"template": (), "segment": ()})
    order = {str(file): number for number, file in enumerate(files)}
    problems.sort(key=lambda one: (order.get(one.file, -1), one.line, one.column))
    return Reading(_definitions(entries, made, list(order)), tuple(problems))


def _make(entries: Sequence[Entry], defaults_zone: str) -> tuple[dict[tuple[str, str], Definition], list[Problem]]:
    """Make the models; of two with one name the first counts."""
    made: dict[tuple[str, str], Definition] = {}
    problems: list[Problem] = []
    for entry in sorted(entries, key=lambda entry: entry.kind != "defaults"):
        model, wrong = _checked(entry)
        if isinstance(model, CampaignDefinition):
            defaults = made.get(("defaults", "defaults"))
            model = _with_defaults(model, defaults, defaults_zone)
            wrong += _never_open(entry, model)
        if model is not None:
            made.setdefault((entry.kind, entry.name.text), model)
        problems += wrong
    return made, problems


def _checked(entry: Entry) -> tuple[Definition | None, list[Problem]]:
    data = entry.data()
    if not isinstance(data, dict):
        return None, [entry.problem((), "keys and values were expected here", hint='write "key: value" lines below')]
    model, error = _validated(entry, data)
    problems = [_problem(entry, complaint) for complaint in complaints_about(entry.kind, data, error)]
    return model, [*problems, *_of_texts(entry)]


def _validated(entry: Entry, data: dict[str, Any]) -> tuple[Definition | None, ValidationError | None]:
    given = {key: value for key, value in data.items() if value is not None}
    if entry.kind != "defaults":
        given["name"] = entry.name.text
    try:
        return MODELS[entry.kind].model_validate(given), None
    except ValidationError as error:
        return None, error


def _problem(entry: Entry, complaint: Complaint) -> Problem:
    return entry.problem(complaint.path, complaint.message, hint=complaint.hint, at_key=complaint.at_key)


def _of_texts(entry: Entry) -> Iterator[Problem]:
    """Yield what is wrong with a template's text, at its own place inside the scalar."""
    key = {"template": "content", "campaign": "message"}.get(entry.kind, "")
    text = node_at(entry.node, (key,))
    if not isinstance(text, Scalar) or not text.text.strip():
        return
    try:
        compile_template(text.text, name=entry.name.text)
    except TemplateProblemError as error:
        span = span_inside(entry.source, text, line=error.line, column=error.column, width=error.width)
        yield entry.source.problem(span, error.message, hint=error.hint)


def _with_defaults(campaign: CampaignDefinition, defaults: Definition | None, defaults_zone: str) -> CampaignDefinition:
    """Fill what a campaign does not say itself."""
    given = defaults if isinstance(defaults, DefaultsDefinition) else DefaultsDefinition()
    filled = {
        name: getattr(given, name)
        for name in given.model_fields_set - {"variables"}
        if name not in campaign.model_fields_set
    }
    own = campaign.schedule.timezone if campaign.schedule else None
    if "timezone" not in campaign.model_fields_set:
        filled["timezone"] = own or given.timezone or defaults_zone
    filled["variables"] = {**given.variables, **campaign.variables}
    return campaign.model_copy(update=filled)


def _never_open(entry: Entry, campaign: CampaignDefinition) -> list[Problem]:
    if campaign.windows().first_open(_SOME_DAY, resolve_zone(campaign.timezone)) is not None:
        return []
    key = next((key for key in ("window", "quiet_hours") if node_at(entry.node, (key,))), "window")
    return [entry.problem((key,), "no text could ever leave: quiet hours cover every window")]


def _definitions(
    entries: Sequence[Entry], made: dict[tuple[str, str], Definition], files: Sequence[str]
) -> Definitions:
    places: dict[tuple[str, str], tuple[str, int, int]] = {}
    for entry in entries:
        places.setdefault((entry.kind, entry.name.text), entry.place)
    return Definitions(
        {name: model for (_, name), model in made.items() if isinstance(model, TemplateDefinition)},
        {name: model for (_, name), model in made.items() if isinstance(model, SegmentDefinition)},
        {name: model for (_, name), model in made.items() if isinstance(model, CampaignDefinition)},
        tuple(files),
        places,
    )
