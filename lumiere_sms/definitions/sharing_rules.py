"""What holds where several people share a phone: `{{ names }}` is for one text to all of them, and for nothing else."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from lumiere_sms.definitions.base import Complaint, Definition
from lumiere_sms.definitions.entries import Entry
from lumiere_sms.definitions.models import CampaignDefinition, TemplateDefinition
from lumiere_sms.definitions.nesting import models_in
from lumiere_sms.definitions.places import Path
from lumiere_sms.errors import Problem, quoted
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import snake_case

NAMES = "names"
_ABOUT_ONE = ("drip", "reminder")


def sharing_keys(data: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    """Yield that a campaign merges people which is about each of them by themselves."""
    type_ = data.get("type", "blast")
    if "shared_phones" in keys and data.get("shared_phones") == "merge" and type_ in _ABOUT_ONE:
        message = f"a {type_} is about one person, so it cannot go to all who share a number"
        yield Complaint(("shared_phones",), message, "leave it out: each gets their own")


def strange_names(entries: Iterable[Entry], made: Mapping[tuple[str, str], Definition]) -> Iterator[Problem]:
    """Yield each text with the names of all who share a number in a campaign that goes to one of them."""
    for entry in entries:
        campaign = made.get((entry.kind, entry.name.text)) if entry.kind == "campaign" else None
        if isinstance(campaign, CampaignDefinition) and NAMES not in map(snake_case, campaign.variables):
            yield from _of_campaign(entry, campaign, made)


def _of_campaign(
    entry: Entry, campaign: CampaignDefinition, made: Mapping[tuple[str, str], Definition]
) -> Iterator[Problem]:
    read = {path: _reads_names(source) for path, source in _texts(entry, made)}
    for path, reads in read.items():
        if reads and not campaign.is_merging:
            of = f"the template {quoted(entry.data()[path[-1]])} says" if path == ("template",) else "it says"
            message = f"{of} the names of all who share a number, and goes to one of them"
            yield entry.problem(path, message, hint="write shared_phones: merge, or {{ name }} in the text")
    if campaign.is_merging and read and not any(read.values()):
        message = "it goes to all who share a number, and says nobody's name but one"
        yield entry.problem(("shared_phones",), message, hint="write {{ names }} in the text, or leave this out")


def _texts(entry: Entry, made: Mapping[tuple[str, str], Definition]) -> Iterator[tuple[Path, str]]:
    """Yield the texts that a campaign sends, as far as the files say them, and where it names them."""
    for path, _, written in models_in(CampaignDefinition, entry.data()):
        template = made.get(("template", str(written.get("template"))))
        if isinstance(template, TemplateDefinition):
            yield (*path, "template"), template.content
        elif isinstance(written.get("message"), str):
            yield (*path, "message"), written["message"]


def _reads_names(source: str) -> bool:
    try:
        return NAMES in compile_template(source).variables
    except TemplateProblemError:  # told where it stands
        return False
