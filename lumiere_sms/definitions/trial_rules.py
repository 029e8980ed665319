"""What holds in a campaign that tries something out first: several wordings, a hold-out, a winner, a canary."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from lumiere_sms.definitions.base import Complaint
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.trials import Undecided
from lumiere_sms.errors import quoted

_ALL = 100
_LEAST_VARIANTS = 2
_ROUNDING = 0.01  # of each weight: 33.33 % three times is meant to be all


def trial_keys(_: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    """Yield the keys of a trial that miss what they are about."""
    if "winner" in keys and "variants" not in keys:
        hint = "write variants: with a weight and a text each"
        yield Complaint(("winner",), '"winner" needs wordings to choose from', hint, at_key=True)


def trial_values(definition: CampaignDefinition) -> Iterator[Complaint]:
    """Yield what the values of a trial make impossible together."""
    if definition.holdout == _ALL:
        yield Complaint(("holdout",), "100% held out: nobody would get a text", "hold out a part, such as 10%")
    if definition.variants is None:
        return
    if len(definition.variants) < _LEAST_VARIANTS:
        yield Complaint(("variants",), "there is nothing to compare it with", "write two variants or more", at_key=True)
        return
    yield from _names(definition)
    yield from _weights(definition)


def _names(definition: CampaignDefinition) -> Iterator[Complaint]:
    variants, winner = definition.variants or {}, definition.winner
    for name in variants:
        if name in get_args(Undecided):
            message = f"{quoted(name)} is no name for a variant: if_undecided says it of all of them"
            yield Complaint(("variants", name), message, "give it another name", at_key=True)
    if winner and winner.if_undecided not in {*variants, *get_args(Undecided)}:
        known = ", ".join(sorted(variants))
        message = f"there is no variant {quoted(winner.if_undecided)}"
        yield Complaint(("winner", "if_undecided"), message, f"write best, pause, or one of {known}")


def _weights(definition: CampaignDefinition) -> Iterator[Complaint]:
    variants = definition.variants or {}
    for name, variant in variants.items():
        if variant.weight == 0:
            yield Complaint(("variants", name, "weight"), "a weight of 0% gets nobody", "leave the variant out")
    total = round(sum(variant.weight for variant in variants.values()), 2)
    if definition.winner is None and abs(total - _ALL) > _ROUNDING * len(variants):
        hint = f"make them 100%{', or add winner: so that the rest gets the better one' if total < _ALL else ''}"
        yield Complaint(("variants",), f"the weights add up to {total:g}%, not to 100%", hint, at_key=True)
    if definition.winner is not None and total >= _ALL:
        hint = "give each some percent, such as 10%; the rest gets the winner"
        message = f"the weights add up to {total:g}%, which leaves nobody for the winner"
        yield Complaint(("variants",), message, hint, at_key=True)
