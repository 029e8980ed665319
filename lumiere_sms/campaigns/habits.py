"""When people answered texts: read for a launch, or a plan, whose campaign learns its times (`best_time: learned`)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.freezing import Recipe, Row
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.best_times import habit_of_hours
from lumiere_sms.schedule.instants import resolve_zone

#: How long an answer tells something of somebody's habits.
REMEMBERED = timedelta(days=365)

Answers = Mapping[str, Sequence[datetime]]
NOTHING_LEARNED: Answers = {}


def with_habit(connection: Connection, user_id: UUID, recipe: Recipe, *, definition: CampaignDefinition) -> Recipe:
    """Return the recipe with the hours at which the tenant's people answer, where its campaign learns its times."""
    if definition.best_time != "learned":
        return recipe
    rows = connection.execute(statement(__package__, "all_answers"), _binds(user_id, recipe)).fetchall()
    hours = (row["at"].astimezone(_zone(row["timezone"], recipe.zone)).hour for row in rows)
    return replace(recipe, habit=habit_of_hours(hours))


def answers_of(connection: Connection, user_id: UUID, rows: Sequence[Row], *, recipe: Recipe) -> Answers:
    """Return when the people of some rows of an audience have answered, by number; nothing unless it is learned."""
    if recipe.habit is None:
        return NOTHING_LEARNED
    binds = {**_binds(user_id, recipe), "phones": [phone for _, phone, *_ in rows if phone is not None]}
    found = connection.execute(statement(__package__, "answers"), binds).fetchall()
    return {row["phone_number"]: row["answers"] for row in found}


def _binds(user_id: UUID, recipe: Recipe) -> dict[str, Any]:
    return {"user_id": user_id, "since": recipe.wish - REMEMBERED, "zone": recipe.zone}


def _zone(name: str | None, otherwise: str) -> ZoneInfo:
    try:
        return resolve_zone(name or otherwise)
    except ValueError:
        return ZoneInfo(otherwise)
