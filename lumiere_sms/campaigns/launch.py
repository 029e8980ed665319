"""Launch: at its time an occurrence is frozen into recipients, each with a text, its parts and its send time.

One transaction and one connection per occurrence: some thousand customers are fetched from a server-side
cursor, frozen, copied into `campaign_recipients`, and again. A crash leaves nothing behind, two daemons
never launch the same, and memory does not grow with the audience. Definition, revision and template
version are pinned on the occurrence; what is applied afterwards does not touch the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.completion import complete
from lumiere_sms.campaigns.copying import write_recipients
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally, audience_batches, freeze
from lumiere_sms.campaigns.rules import BY_RULE
from lumiere_sms.campaigns.ways import way_of
from lumiere_sms.campaigns.writing import Content, content_of
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import ConfigurationError, LumiereError

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch made. `kept` recipients of `matched` customers; `problem` says why it was paused instead."""

    user_id: UUID
    campaign: str
    occurrence_id: UUID
    matched: int = 0
    kept: int = 0
    parts: int = 0
    exclusions: dict[str, int] | None = None
    cost_estimate: Decimal = Decimal(0)
    currency: str = ""
    problem: str = ""


def launch_due(
    database: Database, *, clock: Clock, prices: Prices, progress: Progress = lambda _: None
) -> list[Launched]:
    """Launch every occurrence whose time has come, unless another daemon does; `progress` takes the customers seen.

    A campaign that cannot be launched (its template is gone, say) is paused with the reason and an alert; the
    others go on.
    """
    with database.transaction(read_only=True) as connection:
        due = connection.execute(statement(__package__, "due_occurrences"), {"now": clock.database_now()}).fetchall()
    launches = (_launch(database, clock=clock, prices=prices, progress=progress, **each) for each in due)
    return [launched for launched in launches if launched is not None]


def _launch(
    database: Database, *, user_id: UUID, occurrence_id: UUID, clock: Clock, prices: Prices, progress: Progress
) -> Launched | None:
    """Launch one occurrence in a transaction of its own; None when another daemon has it."""
    now = clock.database_now()
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    try:
        with database.transaction() as connection:
            for limit in _LIMITS:
                connection.execute(limit)
            run = connection.execute(statement(__package__, "lock_occurrence"), binds).fetchone()
            return (
                None
                if run is None
                else _freeze_run(connection, user_id, run, prices=prices, progress=progress, now=now)
            )
    except ConfigurationError:
        raise  # the database, the settings: no fault of the campaign's
    except LumiereError as error:
        return _pause(database, user_id, occurrence_id=occurrence_id, problem=str(error), now=now)
    except (psycopg.DataError, psycopg.IntegrityError) as error:  # a customer's row cannot be read or written
        problem = f"a customer's data cannot be used: {str(error).splitlines()[0]}"
        return _pause(database, user_id, occurrence_id=occurrence_id, problem=problem, now=now)


def _freeze_run(
    connection: Connection,
    user_id: UUID,
    run: dict[str, Any],
    *,
    prices: Prices,
    progress: Progress,
    now: datetime | None,
) -> Launched:
    tenant = tenant_of(connection, user_id)
    definition = CampaignDefinition.from_payload(run["definition"])
    way = way_of(prices, tenant, definition)
    prices = way.prices if way else prices
    content = content_of(connection, user_id, definition)
    recipe = Recipe.of(definition, content, tenant=tenant, wish=run["occurs_at"])
    query = audience_query(
        connection,
        user_id,
        target=definition.target(),
        campaign_type=definition.type,
        today=local_day(tenant, run["occurs_at"]),
    )
    tally = Tally()
    keys = {"occurrence_id": run["occurrence_id"], "campaign_id": run["campaign_id"]}
    for batch in audience_batches(connection, query, columns=recipe.columns):
        write_recipients(connection, user_id, **keys, frozen=freeze(batch, recipe, tally))
        progress(tally.matched)
    return start(connection, user_id, run, tally=tally, content=content, prices=prices, now=now)


def start(
    connection: Connection,
    user_id: UUID,
    run: dict[str, Any],
    *,
    tally: Tally,
    content: Content,
    prices: Prices,
    now: datetime | None,
) -> Launched:
    """Let a frozen occurrence and its campaign run, pinned; one that nobody gets a text of is completed at once."""
    cost = tally.cost(prices)
    binds = {
        "user_id": user_id,
        "occurrence_id": run["occurrence_id"],
        "campaign_id": run["campaign_id"],
        "revision": run["revision"],
        "definition": Jsonb(run["definition"]),
        "template_id": content.template_id,
        "content": content.source,
        "matched": tally.matched,
        "kept": tally.recipients,
        "exclusions": Jsonb(dict(tally.exclusions)),
        "cost": cost,
        "currency": tally.currency(prices),
        "now": now,
    }
    connection.execute(statement(__package__, "start_occurrence"), binds)
    connection.execute(statement(__package__, "start_campaign"), binds)
    if not tally.recipients:
        complete(connection, user_id, occurrence_id=run["occurrence_id"], now=now)
    connection.execute("NOTIFY lumiere_sms")
    return Launched(
        user_id,
        run["name"],
        run["occurrence_id"],
        matched=tally.matched,
        kept=tally.recipients,
        parts=tally.parts,
        exclusions=dict(tally.exclusions),
        cost_estimate=cost,
        currency=tally.currency(prices) or "",
    )


def tenant_of(connection: Connection, user_id: UUID) -> Tenant:
    """Return the tenant whose key is `user_id`."""
    with connection.cursor(row_factory=class_row(Tenant)) as cursor:
        found = cursor.execute(_TENANT, [user_id]).fetchone()
    assert found is not None, "every user_id refers to a tenant"
    return found


def local_day(tenant: Tenant, instant: datetime) -> date:
    """Return the day at the tenant's that relative dates are counted from."""
    return instant.astimezone(ZoneInfo(tenant.timezone)).date()


def _pause(
    database: Database, user_id: UUID, *, occurrence_id: UUID, problem: str, now: datetime | None
) -> Launched | None:
    """Pause a campaign that cannot be launched and raise an alert; None where it is not due any more."""
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "problem": problem, "by": BY_RULE, "now": now}
    with database.transaction() as connection:
        paused = connection.execute(_PAUSE, binds).fetchone()
        if paused is None:
            return None
        raise_alert(connection, user_id, kind="launch_failed", subject=paused["name"], message=problem, now=now)
    return Launched(user_id, paused["name"], occurrence_id, problem=problem)


#: A launch of millions takes minutes; one that hangs lets go.
_LIMITS: tuple[LiteralString, ...] = (
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL idle_in_transaction_session_timeout = '5min'",
    "SET LOCAL cursor_tuple_fraction = 1.0",  # the cursor is read to its end: plan for all rows, not for the first
)
_TENANT: LiteralString = """
    SELECT id, slug, name, timezone, country, currency, sender, providers, routing, senders FROM users WHERE id = %s
"""
_PAUSE: LiteralString = """
    UPDATE sms_campaigns AS campaign
    SET status = 'paused', status_reason = 'cannot be launched: ' || %(problem)s, status_by = %(by)s,
        updated_at = coalesce(%(now)s::timestamptz, now())
    FROM campaign_occurrences AS occurrence
    WHERE campaign.user_id = %(user_id)s AND occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s
      AND campaign.id = occurrence.campaign_id AND occurrence.status = 'scheduled'
      AND campaign.status IN ('scheduled', 'running')
    RETURNING campaign.name
"""
