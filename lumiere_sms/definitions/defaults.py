"""What `defaults:` lends to the campaigns of the same files."""

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.models import CampaignDefinition, DefaultsDefinition
from lumiere_sms.providers.choices import Goal


def with_defaults(campaign: CampaignDefinition, defaults: Definition | None, *, zone: str) -> CampaignDefinition:
    """Fill what a campaign does not say itself; `zone` is its zone where nobody names one.

    A default that contradicts what the campaign says, or has no meaning for its type, is not for it.
    """
    given = defaults if isinstance(defaults, DefaultsDefinition) else DefaultsDefinition()
    filled = {
        name: getattr(given, name)
        for name in given.model_fields_set - {"variables"}
        if name not in campaign.model_fields_set and _suits(name, given, campaign)
    }
    own = campaign.schedule.timezone if campaign.schedule else None
    if "timezone" not in campaign.model_fields_set:
        filled["timezone"] = own or given.timezone or zone
    filled["variables"] = {**given.variables, **campaign.variables}
    return campaign.model_copy(update=filled)


def _suits(name: str, given: DefaultsDefinition, campaign: CampaignDefinition) -> bool:
    match name:
        case "strategy":
            waits = given.strategy == Goal.TIME.value and campaign.spread == "window"
            return campaign.routing is None and not waits
        case "routing":
            return campaign.strategy is None
        case "spread":
            return (campaign.strategy or given.strategy) != Goal.TIME.value
        case "if_too_slow":
            return not campaign.is_standing
    return True
