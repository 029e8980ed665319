"""What a campaign's strategy leaves no room for, and what is no use where it goes day by day."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lumiere_sms.definitions.base import Complaint
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.providers.choices import Goal


def strategy_keys(data: Mapping[str, Any], keys: Collection[str]) -> Iterator[Complaint]:
    """Yield what a strategy decides already."""
    if {"strategy", "routing"} <= set(keys):
        hint = "a strategy says itself how texts are shared out: keep one of them"
        key = next(each for each in data if each in {"strategy", "routing"})
        other = "routing" if key == "strategy" else "strategy"
        yield Complaint((other,), f'"{key}" and "{other}" exclude each other', hint, at_key=True)


def strategy_values(campaign: CampaignDefinition) -> Iterator[Complaint]:
    """Yield what contradicts a strategy, or has no meaning for a campaign of this type."""
    if campaign.strategy == Goal.TIME.value and campaign.spread == "window":
        said = f'"spread: window" makes a text wait, "strategy: {Goal.TIME}" has it go as soon as it can'
        yield Complaint(("spread",), said, "keep one of them")
    if campaign.if_too_slow and campaign.is_standing:
        said = f"a {campaign.type} takes people in day by day; it cannot be too slow as a whole"
        yield Complaint(("if_too_slow",), said, "leave it out: what does not leave in time expires", at_key=True)
