"""The waves after the first: at their time they are judged, and the next is launched or the campaign paused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from lumiere_sms.campaigns.freezing import Prices, Recipe
from lumiere_sms.campaigns.habits import with_habit
from lumiere_sms.campaigns.launch import LIMITS, Launched, Progress, freeze_wave
from lumiere_sms.campaigns.links import with_link
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.campaigns.waves import (
    close_wave,
    content_of_run,
    hold_judged,
    judge,
    narrowing_of,
    sum_up,
    wave_after,
)
from lumiere_sms.campaigns.ways import way_of
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import tenant_of
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import ConfigurationError, LumiereError


def advance_waves(
    database: Database, *, clock: Clock, prices: Prices, progress: Progress = lambda _: None
) -> list[Launched]:
    """Judge each wave whose time has come, and launch the next where all is well, unless another daemon does."""
    now = clock.database_now()
    with database.transaction(read_only=True) as connection:
        due = connection.execute(statement(__package__, "advancing_occurrences"), {"now": now}).fetchall()
    advanced = (_advance(database, now=now, prices=prices, progress=progress, **each) for each in due)
    return [launched for launched in advanced if launched is not None]


def _advance(
    database: Database,
    *,
    user_id: UUID,
    occurrence_id: UUID,
    now: datetime | None,
    prices: Prices,
    progress: Progress,
) -> Launched | None:
    with database.transaction() as connection:
        name, problem = judge(connection, user_id, occurrence_id, now=now)
    if problem:
        return Launched(user_id, name, occurrence_id, problem=problem)
    try:
        launched, campaign_id = _launch(database, user_id, occurrence_id, now=now, prices=prices, progress=progress)
    except ConfigurationError:
        raise  # the database, the settings: no fault of the campaign's
    except LumiereError as error:
        return _pause(database, user_id, occurrence_id, problem=str(error), now=now)
    except (psycopg.DataError, psycopg.IntegrityError) as error:  # a customer's row cannot be read or written
        problem = f"a customer's data cannot be used: {str(error).splitlines()[0]}"
        return _pause(database, user_id, occurrence_id, problem=problem, now=now)
    if campaign_id:  # in a transaction of its own: who holds an occurrence takes no campaign after it
        with database.transaction() as connection:
            sum_up(connection, user_id, campaign_id)
    return launched


def _launch(
    database: Database,
    user_id: UUID,
    occurrence_id: UUID,
    *,
    now: datetime | None,
    prices: Prices,
    progress: Progress,
) -> tuple[Launched | None, UUID | None]:
    with database.transaction() as connection:
        for limit in LIMITS:
            connection.execute(limit)
        run = hold_judged(connection, user_id, occurrence_id, now=now)
        if run is None:
            return None, None
        return _freeze(connection, user_id, run, prices=prices, progress=progress), run["campaign_id"]


def _freeze(
    connection: Connection, user_id: UUID, run: Mapping[str, Any], *, prices: Prices, progress: Progress
) -> Launched:
    tenant, definition = tenant_of(connection, user_id), CampaignDefinition.from_payload(run["definition"])
    way = way_of(prices, tenant, definition)
    prices = way.prices if way else prices
    wave = wave_after(definition, run["phase"], winner=run["winner"])
    recipe = Recipe.of(definition, content_of_run(run), tenant=tenant, wish=run["wish"])
    recipe = replace(with_habit(connection, user_id, recipe, definition=definition), wave=wave)
    recipe = with_link(connection, user_id, recipe)
    narrowing = narrowing_of(wave, run, is_first=False)
    tally = freeze_wave(
        connection, tenant, run, definition=definition, recipe=recipe, narrowing=narrowing, progress=progress
    )
    cost = tally.cost(prices)
    close_wave(connection, user_id, run, recipe=recipe, definition=definition, tally=tally, cost=cost)
    connection.execute("NOTIFY lumiere_sms")
    return Launched.of(user_id, run["name"], run["occurrence_id"], tally=tally, prices=prices)


def _pause(
    database: Database, user_id: UUID, occurrence_id: UUID, *, problem: str, now: datetime | None
) -> Launched | None:
    """Pause a campaign whose next wave cannot be launched; None where it does not run any more."""
    with database.transaction() as connection:
        found = connection.execute(_CAMPAIGN, [user_id, user_id, occurrence_id]).fetchone()
        if found is None:
            return None
        reason = f"its next wave cannot be launched: {problem}"
        if not pause_by_rule(connection, user_id, found["id"], reason=reason, now=now):
            return None
    return Launched(user_id, found["name"], occurrence_id, problem=problem)


_CAMPAIGN = """
    SELECT campaign.id, campaign.name FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %s AND occurrence.id = %s
"""
