"""Where somebody is in a standing campaign: which step of a sequence is theirs, which appointment is reminded of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.freezing import Frozen, Recipe
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.appointments import Offset
from lumiere_sms.schedule.instants import resolve_zone


@dataclass(frozen=True, slots=True)
class Place:
    """The step of a sequence that is next for somebody, whether they are in it, and what to tell of that."""

    step: int = 1
    is_in: bool = False
    told: str = ""


OUTSIDE = Place()


def place_of(connection: Connection, tenant: Tenant, campaign: Mapping[str, Any], customer: Mapping[str, Any]) -> Place:
    """Return where a customer is in a sequence; of another campaign, or before they enter, nowhere."""
    binds = {"user_id": tenant.id, "campaign_id": campaign["id"], "customer_id": customer["id"]}
    found = connection.execute(_ENROLMENT, binds).fetchone()
    if found is None:
        return OUTSIDE
    steps, step = len(campaign["definition"].get("steps") or ()), found["steps_done"] + 1
    entered = f"entered {_local(found['enrolled_at'], tenant)}"
    if found["left_at"]:
        why = found["left_reason"].replace("_", " ")
        return Place(told=f"{entered}, and left {_local(found['left_at'], tenant)}: {why}")
    if step > steps:
        return Place(steps, is_in=True, told=f"{entered}, and has had all {steps} steps")
    due = f"step {step} of {steps} is due {_local(found['next_at'], tenant)}"
    return Place(step, is_in=True, told=f"{entered}; {due}")


def before_appointment(recipe: Recipe, definition: CampaignDefinition, customer: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a reminder as it is for somebody's own appointment; any other as it is.

    It may be wished for in the past: whether it still goes is for `is_too_late` to say.
    """
    appointment = customer["next_appointment_at"]
    if definition.remind is None or appointment is None:
        return recipe
    offset = Offset(definition.remind.before)
    wish = offset.wish(appointment, _zone(customer["timezone"], recipe.zone))
    patience = offset.patience(definition.expires_after)
    return replace(recipe, wish=wish, expires_after=patience)


def is_too_late(frozen: Frozen | None, customer: Mapping[str, Any], now: datetime) -> bool:
    """Say whether a reminder's last window has ended, or its appointment begun, before it could leave."""
    appointment = customer["next_appointment_at"]
    if frozen is None or appointment is None:
        return False
    return bool(min(frozen.expires_at, appointment) <= max(now, frozen.send_after) + USABLE)


def _zone(name: str | None, otherwise: str) -> ZoneInfo:
    try:
        return resolve_zone(name or otherwise)
    except ValueError:  # the freezing says so
        return ZoneInfo(otherwise)


def _local(instant: datetime, tenant: Tenant) -> str:
    return f"{instant.astimezone(ZoneInfo(tenant.timezone)):%Y-%m-%d %H:%M %Z}"


_ENROLMENT: LiteralString = """
    SELECT enrolled_at, steps_done, next_at, left_at, left_reason FROM enrolments
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND customer_id = %(customer_id)s
    ORDER BY round DESC LIMIT 1
"""
