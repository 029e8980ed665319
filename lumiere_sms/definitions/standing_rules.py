"""What holds in a campaign that takes people in day by day: a sequence of steps, or reminders of appointments."""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from lumiere_sms.definitions.base import Complaint
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.values import duration_text
from lumiere_sms.errors import quoted

#: What a standing campaign cannot have: it has no moment at which all of its audience is there.
_ONCE = ("variants", "holdout", "winner", "canary")
_OF_TYPE = {"steps": "drip", "enrol": "drip", "remind": "reminder"}
_LEAST_ROUND = timedelta(days=1)


def standing_keys(data: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    """Yield the keys that a drip or reminder campaign misses, and those that stand in a campaign of another type."""
    type_ = data.get("type", "blast")
    for key, owner in _OF_TYPE.items():
        if key in keys and type_ != owner:
            hint = f"write type: {owner}, or leave {key} out"
            yield Complaint((key,), f'"{key}" is for {owner} campaigns; this one is a {type_}', hint, at_key=True)
    if type_ == "drip" and "steps" not in keys:
        yield Complaint(
            (), '"steps" is missing', "a drip campaign sends one text after the other: list them", at_key=True
        )
    if type_ == "reminder" and "remind" not in keys:
        yield Complaint((), '"remind" is missing', 'write remind: "1 day before, 18:00-19:00"', at_key=True)
    if type_ in _OF_TYPE.values():
        yield from _once_only(data, keys, type_)


def _once_only(data: Mapping[str, Any], keys: Collection[str], type_: str) -> Iterator[Complaint]:
    for key in _ONCE:
        if key in keys:
            message = f'"{key}" needs an audience that is there at once; a {type_} takes people in day by day'
            yield Complaint((key,), message, "leave it out", at_key=True)
    schedule = data.get("schedule")
    if isinstance(schedule, Mapping) and "repeat" in schedule:
        message = f"a {type_} does not repeat: from its start on it goes on every day"
        yield Complaint(("schedule", "repeat"), message, "leave it out", at_key=True)


def standing_values(definition: CampaignDefinition) -> Iterator[Complaint]:
    """Yield what the values of a sequence make impossible together."""
    names: dict[str, int] = {}
    for place, step in enumerate(definition.steps or ()):
        first = names.setdefault(step.name or "", place)
        if step.name and first != place:
            message = f"the step {quoted(step.name)} is there already: it is step {first + 1}"
            yield Complaint(
                ("steps", place, "name"), message, "steps follow each other as listed; give it another name"
            )
        if step.name and step.name.isdecimal() and step.name != str(place + 1):
            yield Complaint(("steps", place, "name"), f"the name {step.name} is another step's number", "use words")
    yield from _round(definition)


def _round(definition: CampaignDefinition) -> Iterator[Complaint]:
    again = definition.enrol.again_after if definition.enrol else None
    if again is not None and again < _LEAST_ROUND:
        message = f"again_after: {duration_text(again)} would send people round in a circle"
        yield Complaint(("enrol", "again_after"), message, "1d is the least; leave it out and they enter once")
