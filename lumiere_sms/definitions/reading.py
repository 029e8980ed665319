"""From files to checked definitions; everything that is wrong is told at once, each at its place."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from lumiere_sms.definitions.base import Complaint, Definition
from lumiere_sms.definitions.complaints import MODELS, complaints_about
from lumiere_sms.definitions.criteria_references import named_in_criteria, segments_in_circles
from lumiere_sms.definitions.defaults import with_defaults
from lumiere_sms.definitions.entries import Entry, read_entries
from lumiere_sms.definitions.files import find_files, read_source
from lumiere_sms.definitions.models import (
    DEFAULT_ZONE,
    CampaignDefinition,
    Definitions,
    SegmentDefinition,
    TemplateDefinition,
)
from lumiere_sms.definitions.nesting import models_in
from lumiere_sms.definitions.nodes import Scalar
from lumiere_sms.definitions.places import Written, node_at, span_inside
from lumiere_sms.definitions.references import dangling, default_twins, name_twins, unknown_providers
from lumiere_sms.definitions.sharing_rules import strange_names
from lumiere_sms.errors import DefinitionError, Problem
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.windows import SendWindows

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
    known_campaigns: Collection[str] = (),
) -> Definitions:
    """Read files and folders; they may also name templates, segments and campaigns that are known already.

    `defaults_zone` is the zone of campaigns where neither they nor `defaults:` name one.

    Raises: DefinitionError with all problems.
    """
    known = {"template": known_templates, "segment": known_segments, "campaign": known_campaigns}
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
    problems += [*segments_in_circles(entries), *strange_names(entries, made)]
    if whole:  # a name that is missing may stand in a file that could not be read
        known = known or {"template": (), "segment": ()}
        problems += [*dangling(entries, made, known=known), *named_in_criteria(entries, made, known=known)]
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
            model = with_defaults(model, defaults, zone=defaults_zone)
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
    problems = [_problem(entry, complaint) for complaint in complaints_about(entry.kind, data, error, model=model)]
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
    """Yield what is wrong with a template's text, wherever one is written, at its own place inside the scalar."""
    for text in _texts(entry):
        yield from _of_text(entry, text)


def _texts(entry: Entry) -> Iterator[Scalar]:
    """Yield the texts that a definition writes."""
    key = {"template": "content", "campaign": "message"}.get(entry.kind, "")
    for path, model, _ in models_in(MODELS[entry.kind], entry.data()) if key else ():
        text = node_at(entry.node, (*path, key)) if key in model.model_fields else None
        if isinstance(text, Scalar) and text.text.strip():
            yield text


def _of_text(entry: Entry, text: Scalar) -> Iterator[Problem]:
    try:
        compile_template(text.text, name=entry.name.text)
    except TemplateProblemError as error:
        span = span_inside(entry.source, text, line=error.line, column=error.column, width=error.width)
        yield entry.source.problem(span, error.message, hint=error.hint)


def _never_open(entry: Entry, campaign: CampaignDefinition) -> list[Problem]:
    zone = resolve_zone(campaign.timezone)
    shut = [(number, own) for number, own in campaign.windows_of_steps().items() if not own.lets_texts_go(zone)]
    if shut:
        number, own = shut[0]
        said = f"no text of step {number} could ever leave: {_why_never(own, zone)}"
        return [entry.problem(("steps", int(number) - 1, "window"), said, hint="let a window end behind quiet hours")]
    if campaign.windows().lets_texts_go(zone):
        return []
    if campaign.closed and len(campaign.closed.weekdays or ()) == 7:  # noqa: PLR2004 - days of a week
        said = "no text could ever leave: all days of the week are closed"
        return [entry.problem(("closed",), said, hint="name only some of them")]
    key = next((key for key in ("window", "remind", "quiet_hours") if node_at(entry.node, (key,))), "window")
    said = f"no text could ever leave: {_why_never(campaign.windows(), zone)}"
    return [entry.problem((key,), said, hint="widen a window, or narrow the quiet hours")]


def _why_never(windows: SendWindows, zone: ZoneInfo) -> str:
    if windows.first_open(_SOME_DAY, zone) is None:
        return "quiet hours cover every window"
    return "no window is open for five minutes at a time"


def _definitions(
    entries: Sequence[Entry], made: dict[tuple[str, str], Definition], files: Sequence[str]
) -> Definitions:
    places: dict[tuple[str, str], tuple[str, int, int]] = {}
    for entry in entries:
        places.setdefault((entry.kind, entry.name.text), entry.place)
    texts = {
        (each.kind, each.name.text, text.text): Written(each.source, text) for each in entries for text in _texts(each)
    }
    return Definitions(
        {name: model for (_, name), model in made.items() if isinstance(model, TemplateDefinition)},
        {name: model for (_, name), model in made.items() if isinstance(model, SegmentDefinition)},
        {name: model for (_, name), model in made.items() if isinstance(model, CampaignDefinition)},
        tuple(files),
        places,
        texts,
    )
