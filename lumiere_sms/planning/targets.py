"""Whom a campaign would reach once the files were applied: their segments where they have them, else the database's."""

from collections.abc import Mapping, Sequence
from typing import Any

from lumiere_sms.audience.algebra import segments_in
from lumiere_sms.audience.criteria import MOST_VALUES
from lumiere_sms.audience.phones import phone_or_none
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions


def planned_target(tenant: Tenant, definition: CampaignDefinition, *, definitions: Definitions) -> dict[str, Any]:
    """Return a campaign's target with the segments of the files, written out as criteria, that it is made of."""
    target = definition.target()
    return {**target, "segments": planned_segments(tenant, target, definitions=definitions)}


def planned_segments(tenant: Tenant, target: Mapping[str, Any], *, definitions: Definitions) -> dict[str, Any]:
    """Return the criteria of the segments of the files that a target names, and of those that these name."""
    found: dict[str, Any] = {}
    wanted = [target["segment"] or "", *(name for _, name in segments_in(target["criteria"]))]
    while wanted:
        name = wanted.pop()
        segment = definitions.segments.get(name)
        if segment is not None and name not in found:
            found[name] = segment.tree() if segment.is_dynamic else _any_of(segment.members or (), tenant.country)
            wanted += [part for _, part in segments_in(found[name])]
    return found


def _any_of(members: Sequence[str], country: str) -> dict[str, Any]:
    """Return criteria for a fixed list: people with one of these external ids or phones, as apply will find them."""
    phones = [phone for member in members if (phone := phone_or_none(member, country=country))]
    fields = (("external_id", list(members)), ("phone_number", phones))
    return {
        "or": [
            {"field": field, "operator": "in", "value": values[start : start + MOST_VALUES]}
            for field, values in fields
            for start in range(0, len(values), MOST_VALUES)
        ]
    }
