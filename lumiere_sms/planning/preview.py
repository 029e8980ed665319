"""The texts of a few recipients of a campaign, as a launch now would write them."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.freezing import Recipe, Tally, audience_batches, freeze
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.campaigns.writing import content_of
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import StateError


@dataclass(frozen=True, slots=True)
class Previewed:
    """One recipient's text. The phone is whole: mask it before showing it."""

    phone: str
    timezone: str
    send_after: datetime
    expires_at: datetime
    encoding: str
    parts: int
    text: str


def preview_campaign(database: Database, tenant: Tenant, *, name: str, limit: int, now: datetime) -> list[Previewed]:
    """Return what the first recipients would get.

    Raises: StateError when there is no such campaign, its template or its audience.
    """
    with database.transaction(read_only=True) as connection:
        found = find_campaign(connection, tenant.id, name=name)
        if found["source"] == "send":
            raise StateError(f'"{name}" went to the numbers given', hint=f'lumiere-sms campaign recipients "{name}"')
        definition = CampaignDefinition.from_payload(found["definition"])
        wish = max(found["scheduled_at"] or now, now)
        recipe = Recipe.of(definition, content_of(connection, tenant.id, definition), tenant=tenant, wish=wish)
        query = audience_query(
            connection,
            tenant.id,
            target=definition.target(),
            campaign_type=definition.type,
            today=local_day(tenant, wish),
            cap=recipe.cap,
            merges=definition.is_merging,
        )
        batches = audience_batches(connection, query, columns=recipe.columns)
        recipe = with_habit(connection, tenant.id, recipe, definition=definition)
        answered = ((rows, answers_of(connection, tenant.id, rows, recipe=recipe)) for rows in batches)
        frozen = chain.from_iterable(freeze(rows, recipe, Tally(), answers=answers) for rows, answers in answered)
        return [
            Previewed(
                each.phone_number,
                each.timezone,
                each.send_after,
                each.expires_at,
                each.encoding,
                each.segments_used,
                each.personalized_content,
            )
            for each in islice(frozen, limit)
        ]
