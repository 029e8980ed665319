"""Whether whoever gets a campaign's texts can refuse further ones: by an answer, or by a link."""

from collections.abc import Mapping, Sequence

from lumiere_sms.campaigns.ways import Way
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import LINK, snake_case
from lumiere_sms.providers.replies import takes_replies

HINT = f"write {{{{ {LINK} }}}} in the text: lumiere-sms guide consent"


def without_way_out(
    way: Way | None, definition: CampaignDefinition, content: Content, *, countries: Sequence[str]
) -> str:
    """Say in which of the `countries` of its recipients nobody can refuse, and what would help; "" where all can.

    Nothing is said where it is not known what the texts come from.
    """
    senders = {provider: sender for provider, sender in way.senders.items() if sender} if way else {}
    if not senders or _has_link(definition, content):
        return ""
    closed = sorted(country for country in countries if not takes_any(senders, country))
    if not closed:
        return ""
    froms = ", ".join(dict.fromkeys(senders.values()))
    return f"nobody in {', '.join(closed)} can refuse: answers to {froms} do not come back; {HINT}"


def takes_any(senders: Mapping[str, str], country: str) -> bool:
    """Say whether an answer from a country comes back to one of the senders, by provider."""
    return any(takes_replies(provider, sender, country) for provider, sender in senders.items())


def _has_link(definition: CampaignDefinition, content: Content) -> bool:
    texts = content.variants.values() or [content]
    return LINK in map(snake_case, definition.variables) or all(
        LINK in compile_template(each.source).variables for each in texts
    )
