"""Whom a campaign would reach once the files were applied: their segments where they have them, else the database's."""

from collections.abc import Sequence
from typing import Any

from lumiere_sms.audience.criteria import MOST_VALUES
from lumiere_sms.audience.phones import PhoneError, read_phone
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions


def planned_target(tenant: Tenant, definition: CampaignDefinition, *, definitions: Definitions) -> dict[str, Any]:
    """Return a campaign's target with the segment of the files written out as criteria."""
    target = definition.target()
    segment = definitions.segments.get(target["segment"] or "")
    if segment is None:
        return target
    tree = segment.tree() if segment.is_dynamic else _any_of(segment.members or (), country=tenant.country)
    trees = [each for each in (tree, target["criteria"]) if each]
    return {"segment": None, "criteria": {"and": trees} if trees else None}


def _any_of(members: Sequence[str], *, country: str) -> dict[str, Any]:
    """Return criteria for a fixed list: people with one of these external ids or phones, as apply will find them."""
    phones = [phone for member in members if (phone := _phone_or_nothing(member, country))]
    fields = (("external_id", list(members)), ("phone_number", phones))
    return {
        "or": [
            {"field": field, "operator": "in", "value": values[start : start + MOST_VALUES]}
            for field, values in fields
            for start in range(0, len(values), MOST_VALUES)
        ]
    }


def _phone_or_nothing(text: str, country: str) -> str | None:
    try:
        return read_phone(text, country=country)
    except PhoneError:
        return None
