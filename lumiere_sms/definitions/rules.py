"""What must hold between the values of one definition.

A rule about *keys* is always asked: it sees what is written, its keys in snake_case at every level,
and the names of the first level's keys, misspelt ones as they were meant. A rule about *values* is
asked of a model, so only where each value by itself is right. A subject with rules of its own has a
module of its own, and a line in one of the two tables at the end.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lumiere_sms.definitions.base import Complaint, Definition
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.nesting import meant_keys, models_in
from lumiere_sms.definitions.recurrence_rules import recurrence_values
from lumiere_sms.definitions.sharing_rules import sharing_keys
from lumiere_sms.definitions.standing_rules import standing_keys, standing_values
from lumiere_sms.definitions.strategy_rules import strategy_keys, strategy_values
from lumiere_sms.definitions.trial_rules import trial_keys, trial_values
from lumiere_sms.definitions.trials import VariantDefinition
from lumiere_sms.definitions.when import StepDefinition
from lumiere_sms.errors import quoted

KeyRule = Callable[[Mapping[str, Any], Collection[str]], Iterator[Complaint]]
CampaignRule = Callable[[CampaignDefinition], Iterator[Complaint]]


def between_keys(kind: str, data: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    """Yield what the keys of a definition miss, or have too many of."""
    for rule in _KEY_RULES.get(kind, ()):
        yield from rule(data, keys)


def between_values(definition: Definition | None) -> Iterator[Complaint]:
    """Yield what the values of a definition make impossible together."""
    if isinstance(definition, CampaignDefinition):
        for rule in _CAMPAIGN_RULES:
            yield from rule(definition)


def exactly_one(keys: Collection[str], choices: Collection[str]) -> Iterator[Complaint]:
    """Yield a complaint unless one of the choices, and only one, is among the keys."""
    *others, last = choices
    if not set(keys) & set(choices):
        yield Complaint((), f"one of {', '.join(others)} or {last} is missing", at_key=True)
    yield from at_most_one(keys, choices)


def at_most_one(keys: Collection[str], choices: Collection[str]) -> Iterator[Complaint]:
    """Yield a complaint for each of the choices that stands beside another."""
    there = [key for key in keys if key in choices]
    for key in there[1:]:
        yield Complaint((key,), f'"{there[0]}" and "{key}" exclude each other', "keep one of them", at_key=True)


def _who_is_in_a_segment(_: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    yield from exactly_one(keys, ("criteria", "filters", "members"))


def _what_a_campaign_says(data: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    instead = {"steps", "variants"} & set(keys) or data.get("type") == "drip"
    choices = ("template", "message", "steps", "variants")
    yield from at_most_one(keys, choices) if instead else exactly_one(keys, choices[:2])


def _what_each_part_says(data: Mapping[str, Any], _: Collection[str]) -> Iterator[Complaint]:
    for path, model, written in models_in(CampaignDefinition, data):
        if model in (StepDefinition, VariantDefinition):
            for one in exactly_one(meant_keys(model, written), ("template", "message")):
                yield replace(one, path=(*path, *one.path))


def _to_whom(_: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    if not {"segment", "criteria", "filters"} & set(keys):
        hint = "name a segment, or write segment: all for everybody"
        yield Complaint((), "it does not say to whom", hint, at_key=True)


def _one_zone(data: Mapping[str, Any], _: Collection[str]) -> Iterator[Complaint]:
    schedule, zone = data.get("schedule"), data.get("timezone")
    own = schedule.get("timezone") if isinstance(schedule, Mapping) else None
    if own and zone and own != zone:
        yield Complaint(
            ("schedule", "timezone"), f'{quoted(str(own))} contradicts "timezone" above', "keep one of them"
        )


_KEY_RULES: Mapping[str, tuple[KeyRule, ...]] = {
    "defaults": (strategy_keys,),
    "segment": (_who_is_in_a_segment,),
    "campaign": (
        _what_a_campaign_says,
        _what_each_part_says,
        _to_whom,
        _one_zone,
        sharing_keys,
        standing_keys,
        strategy_keys,
        trial_keys,
    ),
}
_CAMPAIGN_RULES: tuple[CampaignRule, ...] = (standing_values, strategy_values, recurrence_values, trial_values)
