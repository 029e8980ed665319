"""Launch: at its time an occurrence is frozen into recipients, each with a text, its parts and its send time.

One transaction and one connection per occurrence: some thousand customers are fetched from a server-side
cursor, frozen, copied into `campaign_recipients`, and again. A crash leaves nothing behind, two daemons
never launch the same, and memory does not grow with the audience. Definition, revision and template
version are pinned on the occurrence; what is applied afterwards does not touch the run.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Rollback
from psycopg.types.json import Jsonb

from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.catching_up import BY_CALENDAR, take
from lumiere_sms.campaigns.completion import complete
from lumiere_sms.campaigns.copying import write_recipients
from lumiere_sms.campaigns.days import open_day
from lumiere_sms.campaigns.expecting import Pacing, expected, fit
from lumiere_sms.campaigns.freezing import EVERYBODY, Narrowing, Prices, Recipe, Tally, audience_batches, freeze
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.links import keep_links, stage_links, with_link
from lumiere_sms.campaigns.occurrences import follow
from lumiere_sms.campaigns.rules import BY_RULE, note_pause
from lumiere_sms.campaigns.waves import first_wave, narrowing_of, open_waves
from lumiere_sms.campaigns.ways import pinned, way_of
from lumiere_sms.campaigns.writing import Content, content_of
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, tenant_of
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import ConfigurationError, LumiereError, RefusedError

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

    @classmethod
    def of(cls, user_id: UUID, name: str, occurrence_id: UUID, *, tally: Tally, prices: Prices) -> "Launched":
        """Say what became of those whom a launch of a campaign looked at."""
        return cls(
            user_id,
            name,
            occurrence_id,
            matched=tally.matched,
            kept=tally.recipients,
            parts=tally.parts,
            exclusions=dict(tally.exclusions),
            cost_estimate=tally.cost(prices),
            currency=tally.currency(prices) or "",
        )


def launch_due(
    database: Database,
    *,
    clock: Clock,
    prices: Prices,
    due_by: datetime | None = None,
    progress: Progress = lambda _: None,
) -> list[Launched]:
    """Launch every occurrence whose time has come, unless another daemon does; `progress` takes the customers seen.

    With `due_by`, those whose time had come by then: what has become due since is for the next turn.
    A campaign that cannot be launched (its template is gone, say) is paused with the reason and an alert; the
    others go on.
    """
    with database.transaction(read_only=True) as connection:
        binds = {"now": due_by or clock.database_now()}
        due = connection.execute(statement(__package__, "due_occurrences"), binds).fetchall()
    launches = (_launch(database, clock=clock, prices=prices, progress=progress, **each) for each in due)
    return [launched for launched in launches if launched is not None]


def _launch(
    database: Database, *, user_id: UUID, occurrence_id: UUID, clock: Clock, prices: Prices, progress: Progress
) -> Launched | None:
    """Launch one occurrence in a transaction of its own; None when another daemon has it, or it is skipped."""
    now = clock.database_now()
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    try:
        with database.transaction() as connection:
            for limit in LIMITS:
                connection.execute(limit)
            run = connection.execute(statement(__package__, "lock_occurrence"), binds).fetchone()
            run = run and take(connection, run, user_id=user_id, now=now)
            if run is None:
                return None
            following = follow(connection, run, user_id=user_id, now=now)
            run |= {"until": following["occurs_at"] if following else None}
            return _freeze_run(connection, user_id, run, prices=prices, progress=progress, now=now)
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
    rules = TenantRules.from_payload(tenant.rules)
    definition = CampaignDefinition.from_payload(run["definition"]).under(rules)
    way = way_of(prices, tenant, definition)
    if definition.is_standing:
        standing = pinned(definition, way, expires_after=definition.expires_after)
        open_day(connection, user_id, run, definition=standing, now=database_time(connection, now))
        _note(connection, user_id, run, now=now)
        return Launched(user_id, run["name"], run["occurrence_id"])
    prices = way.prices if way else prices
    content = content_of(connection, user_id, definition)
    recipe = Recipe.of(definition, content, tenant=tenant, wish=run["wish"])
    recipe = with_link(connection, user_id, with_habit(connection, user_id, recipe, definition=definition))
    frozen = _freeze_fitting(connection, tenant, run, recipe=recipe, pacing=Pacing(definition, way), progress=progress)
    run, recipe, tally = frozen
    open_waves(connection, user_id, run, recipe=recipe, definition=definition, content=content, tally=tally)
    return start(connection, user_id, run, tally=tally, content=content, prices=prices, now=now)


def _freeze_fitting(
    connection: Connection,
    tenant: Tenant,
    run: dict[str, Any],
    *,
    recipe: Recipe,
    pacing: Pacing,
    progress: Progress,
) -> tuple[dict[str, Any], Recipe, Tally]:
    """Write the recipients of a run that fits its windows, or is spread over days until it does.

    Nearly all fit, so they are written before that is known; of those who do not, and of a run in waves, whose first
    does not say how many there are, everybody is counted first. Raises: RefusedError.
    """
    definition, wave = pacing.definition, first_wave(pacing.definition)
    write = partial(freeze_wave, connection, tenant, run, definition=definition, progress=progress)
    is_too_slow = partial(_is_too_slow, recipe=recipe, pacing=pacing)
    if not wave.phase:
        with connection.transaction() as written:
            made = replace(recipe, wave=wave)
            tally = write(recipe=made, is_enough=is_too_slow)
            if not is_too_slow(tally):
                return _pinned(run, pinned(definition, pacing.way, expires_after=made.expires_after)), made, tally
            raise Rollback(written)
    counted = count_wave(connection, tenant, recipe, definition=definition, target=definition.target())
    made = replace(_fitted(counted, recipe, pacing=pacing, until=run["until"]), wave=wave)
    run = _pinned(run, pinned(definition, pacing.way, expires_after=made.expires_after))
    return run, made, write(recipe=made)


def _is_too_slow(tally: Tally, *, recipe: Recipe, pacing: Pacing) -> bool:
    """Say whether those counted so far are too many for the pace, of a campaign of which none may expire."""
    return pacing.definition.if_too_slow != "expire" and bool(expected(tally, recipe, pacing=pacing).expired)


def _fitted(tally: Tally, recipe: Recipe, *, pacing: Pacing, until: datetime | None) -> Recipe:
    """Return the recipe that a campaign is launched by. Raises: RefusedError where it is too slow."""
    found = fit(tally, recipe, pacing=pacing, until=until)
    if found.refusal:
        raise RefusedError(found.refusal, hint=found.hint)
    return found.recipe


def _pinned(run: dict[str, Any], definition: CampaignDefinition) -> dict[str, Any]:
    """Return the run with the definition that it is pinned to, where the launch has resolved something of it."""
    resolved = definition != CampaignDefinition.from_payload(run["definition"])
    return {**run, "definition": definition.payload()} if resolved else run


def count_wave(
    connection: Connection,
    tenant: Tenant,
    recipe: Recipe,
    *,
    definition: CampaignDefinition,
    target: Mapping[str, Any],
    narrowing: Narrowing = EVERYBODY,
    progress: Progress = lambda _: None,
) -> Tally:
    """Freeze everybody of a target whom `freeze_wave` would freeze, and keep the counts only."""
    today = local_day(tenant, recipe.wish)
    query = audience_query(
        connection,
        tenant.id,
        target=target,
        campaign_type=definition.type,
        today=today,
        cap=recipe.cap,
        merges=definition.is_merging,
    )
    tally = Tally()
    for batch in audience_batches(connection, query, columns=recipe.columns, narrowing=narrowing):
        answers = answers_of(connection, tenant.id, batch, recipe=recipe)
        deque(freeze(batch, recipe, tally, answers=answers), maxlen=0)
        progress(tally.matched)
    return tally


def freeze_wave(
    connection: Connection,
    tenant: Tenant,
    run: Mapping[str, Any],
    *,
    definition: CampaignDefinition,
    recipe: Recipe,
    narrowing: Narrowing | None = None,
    is_enough: Callable[[Tally], bool] = lambda _: False,
    progress: Progress = lambda _: None,
) -> Tally:
    """Write the recipients of an occurrence that is held, or those of its audience that are wanted now.

    It stops where those counted so far are enough to know.
    """
    most = recipe.wave.most if recipe.wave else None
    narrowing = narrowing or narrowing_of(recipe.wave, run, is_first=True)
    query = audience_query(
        connection,
        tenant.id,
        target=definition.target(),
        campaign_type=definition.type,
        today=local_day(tenant, recipe.wish),
        cap=recipe.cap,
        merges=definition.is_merging,
    )
    tally = Tally()
    keys = {"occurrence_id": run["occurrence_id"], "campaign_id": run["campaign_id"]}
    for batch in audience_batches(connection, query, columns=recipe.columns, narrowing=narrowing):
        answers = answers_of(connection, tenant.id, batch, recipe=recipe)
        left = None if most is None else most - tally.recipients
        frozen = islice(freeze(batch, recipe, tally, answers=answers), left)
        write_recipients(connection, tenant.id, **keys, frozen=frozen)
        stage_links(connection, tally)
        progress(tally.matched)
        if most == tally.recipients or is_enough(tally):
            break
    keep_links(connection, tenant.id, tally)
    return tally


def start(
    connection: Connection,
    user_id: UUID,
    run: dict[str, Any],
    *,
    tally: Tally,
    content: Content,
    prices: Prices,
    now: datetime | None,
    sent_by: str = "",
) -> Launched:
    """Let a frozen occurrence and its campaign run, pinned; one that nobody gets a text of is completed at once.

    `sent_by` is who sends it, where its time is not what launches it.
    """
    cost = tally.cost(prices)
    binds = {
        "user_id": user_id,
        "occurrence_id": run["occurrence_id"],
        "campaign_id": run["campaign_id"],
        "revision": run["revision"],
        "definition": Jsonb(run["definition"]),
        "template_id": content.template_id,
        "content": content.source,
        "matched": tally.matched - tally.later,
        "kept": tally.recipients,
        "exclusions": Jsonb(dict(tally.exclusions)),
        "cost": cost,
        "currency": tally.currency(prices),
        "now": now,
    }
    connection.execute(statement(__package__, "start_occurrence"), binds)
    connection.execute(statement(__package__, "start_campaign"), binds)
    counted = {"matched": tally.matched, "recipients": tally.recipients, "cost": str(cost)}
    _note(connection, user_id, run, counted=counted, sent_by=sent_by, now=now)
    if not tally.recipients:
        complete(connection, user_id, occurrence_id=run["occurrence_id"], now=now)
    connection.execute("NOTIFY lumiere_sms")
    return Launched.of(user_id, run["name"], run["occurrence_id"], tally=tally, prices=prices)


def _note(
    connection: Connection,
    user_id: UUID,
    run: Mapping[str, Any],
    *,
    counted: Mapping[str, Any] = MappingProxyType({}),
    sent_by: str = "",
    now: datetime | None,
) -> None:
    after = {"occurs_at": run["occurs_at"].isoformat(), "revision": run["revision"], **counted}
    action = "campaign.send" if sent_by else "campaign.launch"
    about: dict[str, Any] = {"actor": sent_by or BY_CALENDAR, "action": action, "subject": run["name"]}
    audit.record(connection, user_id, **about, after=after, now=now)


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
        reason = f"cannot be launched: {problem}"
        note_pause(connection, user_id, paused["name"], reason=reason, now=now)
    return Launched(user_id, paused["name"], occurrence_id, problem=problem)


#: A launch of millions takes minutes; one that hangs lets go.
LIMITS: tuple[LiteralString, ...] = (
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL idle_in_transaction_session_timeout = '5min'",
    "SET LOCAL cursor_tuple_fraction = 1.0",  # the cursor is read to its end: plan for all rows, not for the first
)
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
