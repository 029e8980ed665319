"""A run in waves: a few first (canary), then the wordings that are tried (trial), then everybody else (rest).

    '' (no waves)
    canary ─judged well, or resumed by a person─► trial ─winner chosen, or resumed─► rest
       └───────────── no winner to be chosen ───────────────────────────────────────►

Each wave is a launch of the same occurrence, with the definition and the texts pinned by the first, that takes in
whoever has no row in it yet. A wave is judged in a transaction that holds campaign and occurrence, so that it can
pause; the next is launched in another, which holds the occurrence alone: while it is written, other runs' texts leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.campaigns.allocation import Wave
from lumiere_sms.campaigns.freezing import EVERYBODY, HELD_OUT, Narrowing, Recipe, Tally
from lumiere_sms.campaigns.judging_waves import (
    Verdict,
    canary_due_at,
    judge_canary,
    judge_trial,
    shares_of,
)
from lumiere_sms.campaigns.rules import BY_RULE, pause_by_rule
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition

#: Until when an occurrence takes people in whose end nobody knows yet. ('infinity' is no datetime.)
UNTIL_DECIDED = datetime(9999, 1, 1, tzinfo=UTC)
LOOK_AGAIN = timedelta(minutes=1)
Figures = dict[str, dict[str, int]]
_FIGURES = ("sent", "tried", "delivered", "people", "replies", "clicks", "visits")


def first_wave(definition: CampaignDefinition) -> Wave:
    """Return the wave that a campaign begins with: everybody, where nothing is tried out first."""
    if definition.canary:
        return Wave("canary", most=definition.canary.size)
    return Wave("trial") if definition.winner else Wave()


def wave_after(definition: CampaignDefinition, phase: str, *, winner: str | None) -> Wave:
    """Return the wave after the one of a phase."""
    if phase == "canary" and definition.winner:
        return Wave("trial")
    return Wave("rest", winner=winner or "")


def narrowing_of(wave: Wave | None, run: Mapping[str, Any], *, is_first: bool) -> Narrowing:
    """Return whom of the audience a wave looks at: a canary in the order of a hash, a later one who has no row yet.

    Whom a frequency cap may have wait goes first only where there are too few others: the rest would wait with them.
    """
    if wave and wave.phase == "canary":
        return replace(EVERYBODY, binds={"campaign": run["name"]}, order=_BY_LOT)
    return EVERYBODY if is_first else Narrowing(_NEW, {"occurrence_id": run["occurrence_id"]})


def open_waves(
    connection: Connection,
    user_id: UUID,
    run: Mapping[str, Any],
    *,
    recipe: Recipe,
    definition: CampaignDefinition,
    content: Content,
    tally: Tally,
) -> None:
    """Note on an occurrence that is held, and about to run, that more waves follow, and with which texts."""
    if recipe.wave is None or not recipe.wave.phase:
        return
    binds = {
        "user_id": user_id,
        "occurrence_id": run["occurrence_id"],
        "contents": Jsonb(_stored(content)),
        **_stage(recipe, definition, tally),
    }
    connection.execute(_OPEN, binds)


def judge(connection: Connection, user_id: UUID, occurrence_id: UUID, *, now: datetime | None) -> tuple[str, str]:
    """Judge a wave that is due and not judged; return the campaign's name and why it was paused, if it was."""
    binds: dict[str, Any] = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    run = connection.execute(_HOLD_BOTH, binds).fetchone()
    if run is None or run["phase"] in (run["decision"] or {}):
        return "", ""
    definition = CampaignDefinition.from_payload(run["definition"])
    figures, verdict, again_at = _look(connection, definition, run, binds)
    if verdict is None:
        connection.execute(_POSTPONE, {**binds, "advance_at": again_at})
        return "", ""
    told = {"problem": verdict.problem, "winner": verdict.winner, "is_decided": verdict.is_decided, "figures": figures}
    decision = {run["phase"]: {**told, "at": run["now"].isoformat(), "texts_until": run["begun_at"].isoformat()}}
    connection.execute(_DECIDE, {**binds, "decision": Jsonb(decision), "winner": verdict.winner})
    about: dict[str, Any] = {"actor": BY_RULE, "action": "campaign.judge", "subject": run["name"]}
    after = {"phase": run["phase"], "winner": verdict.winner, "is_decided": verdict.is_decided}
    audit.record(connection, user_id, **about, reason=verdict.problem or None, after=after, now=now)
    if verdict.problem:
        pause_by_rule(connection, user_id, run["campaign_id"], reason=verdict.problem, now=now)
    return run["name"], verdict.problem


def hold_judged(
    connection: Connection, user_id: UUID, occurrence_id: UUID, *, now: datetime | None
) -> dict[str, Any] | None:
    """Hold an occurrence whose next wave may go; None where it may not, or another daemon has it."""
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now}
    run = connection.execute(_HOLD_JUDGED, binds).fetchone()
    return {**run, "wish": max(run["now"], run["occurs_at"])} if run else None


def content_of_run(run: Mapping[str, Any]) -> Content:
    """Return the texts that an occurrence was pinned to."""
    variants = {name: Content(**each) for name, each in run["contents"]["variants"].items()}
    return Content(**{**run["contents"], "variants": variants})


def close_wave(
    connection: Connection,
    user_id: UUID,
    run: Mapping[str, Any],
    *,
    recipe: Recipe,
    definition: CampaignDefinition,
    tally: Tally,
    cost: Any,
) -> None:
    """Note that a later wave is frozen: the phase it is in, and what the run comes to so far."""
    binds = {"user_id": user_id, "occurrence_id": run["occurrence_id"], "before": run["phase"], "cost": cost}
    held_out = tally.exclusions[HELD_OUT] + run["exclusions"].get(HELD_OUT, 0)  # they have rows: each counts once
    excluded = {**tally.exclusions, HELD_OUT: held_out} if held_out else dict(tally.exclusions)
    counted = {"matched": tally.matched - tally.later, "exclusions": Jsonb(excluded)}
    stage = _stage(recipe, definition, tally)
    connection.execute(_CLOSE, {**binds, **counted, **stage})
    about: dict[str, Any] = {"actor": BY_RULE, "action": "campaign.wave", "subject": run["name"]}
    after = {"phase": stage["phase"], "recipients": tally.recipients, "cost": str(cost)}
    audit.record(connection, user_id, **about, before={"phase": run["phase"]}, after=after, now=run["now"])


def sum_up(connection: Connection, user_id: UUID, campaign_id: UUID) -> None:
    """Let the campaign say what its newest run comes to over all waves."""
    connection.execute(_SUM_UP, {"user_id": user_id, "campaign_id": campaign_id})


def _look(
    connection: Connection, definition: CampaignDefinition, run: Mapping[str, Any], binds: dict[str, Any]
) -> tuple[Any, Verdict | None, datetime]:
    """Return a wave's figures and the verdict; no verdict where it is too early, and when to look again."""
    if run["phase"] == "canary":
        assert definition.canary is not None, "only a canary is in that phase"
        figures = connection.execute(statement(__package__, "canary_figures"), binds).fetchone() or {}
        due_at = canary_due_at(figures, definition.canary)
        plain = {name: value for name, value in figures.items() if isinstance(value, int)}
        if due_at is None or due_at > run["now"]:
            return plain, None, due_at or run["now"] + LOOK_AGAIN
        return plain, judge_canary(figures, definition.canary), run["now"]
    assert definition.winner is not None, "only what has a winner is tried"
    found, _ = figures_of(connection, binds["user_id"], [binds["occurrence_id"]], definition=definition)
    return found, judge_trial(shares_of(found, definition.winner.metric), definition.winner), run["now"]


def figures_of(
    connection: Connection, user_id: UUID, occurrence_ids: Sequence[UUID], *, definition: CampaignDefinition
) -> tuple[Figures, Figures]:
    """Return how each wording that was tried in some runs fared, and how those did who got one later, as the winner.

    What nobody got has zeros in the first, and is not in the second.
    """
    binds = {"user_id": user_id, "occurrence_ids": list(occurrence_ids)}
    rows = connection.execute(statement(__package__, "variant_figures"), binds).fetchall()
    tried, rest = (
        {row["variant"]: {name: row[name] for name in _FIGURES} for row in rows if row["is_rest"] is is_rest}
        for is_rest in (False, True)
    )
    nothing = dict.fromkeys(_FIGURES, 0)
    return {name: tried.get(name, nothing) for name in sorted({*(definition.variants or {}), *tried})}, rest


def _stage(recipe: Recipe, definition: CampaignDefinition, tally: Tally) -> dict[str, Any]:
    """Return what an occurrence says of the wave that it is in: the next is decided on a while after its texts."""
    wave = recipe.wave or Wave()
    times = [send_after for _, _, _, send_after, _, _ in tally.waiting] or [recipe.wish]
    match wave.phase:
        case "canary" if definition.canary:
            advance_at: datetime | None = max(times) + definition.canary.wait
        case "trial" if definition.winner:
            advance_at = min(times) + definition.winner.after
        case _:
            advance_at = None
    return {"phase": wave.phase, "advance_at": advance_at, "open_until": UNTIL_DECIDED if advance_at else None}


def _stored(content: Content) -> dict[str, Any]:
    plain = asdict(content)
    for each in (plain, *plain["variants"].values()):
        each["template_id"] = str(each["template_id"]) if each["template_id"] else None
    return plain


_BY_LOT: LiteralString = "ORDER BY audience.capped_until IS NOT NULL, md5(%(campaign)s || audience.id::text)"
# Who shares a phone that has its text is left out for that, and counted.
_NEW: LiteralString = """
    NOT EXISTS (
        SELECT FROM campaign_recipients AS taken
        WHERE taken.user_id = %(user_id)s AND taken.occurrence_id = %(occurrence_id)s
          AND taken.phone_number = audience.phone_number AND audience.exclusion IS NULL)
    AND NOT EXISTS (
        SELECT FROM campaign_recipients AS taken
        WHERE taken.user_id = %(user_id)s AND taken.occurrence_id = %(occurrence_id)s
          AND taken.customer_id = audience.id)
"""
_OPEN: LiteralString = """
    UPDATE campaign_occurrences
    SET phase = %(phase)s, open_until = %(open_until)s, advance_at = %(advance_at)s, contents = %(contents)s
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'scheduled'
"""
_HOLD_BOTH: LiteralString = """
    SELECT occurrence.campaign_id, occurrence.phase, occurrence.decision, occurrence.definition, campaign.name,
        coalesce(%(now)s::timestamptz, now()) AS now, now() AS begun_at
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s
      AND occurrence.status = 'running' AND campaign.status = 'running'
      AND occurrence.advance_at <= coalesce(%(now)s::timestamptz, now())
    FOR NO KEY UPDATE SKIP LOCKED
"""
_HOLD_JUDGED: LiteralString = """
    SELECT occurrence.id AS occurrence_id, occurrence.campaign_id, occurrence.occurs_at, occurrence.definition,
        occurrence.revision, occurrence.phase, occurrence.winner, occurrence.contents, occurrence.exclusions,
        campaign.name, coalesce(%(now)s::timestamptz, now()) AS now
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s
      AND occurrence.status = 'running' AND campaign.status = 'running'
      AND occurrence.advance_at <= coalesce(%(now)s::timestamptz, now()) AND occurrence.decision ? occurrence.phase
    FOR NO KEY UPDATE OF occurrence SKIP LOCKED
"""
_POSTPONE: LiteralString = """
    UPDATE campaign_occurrences SET advance_at = %(advance_at)s
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'running'
"""
_DECIDE: LiteralString = """
    UPDATE campaign_occurrences
    SET decision = coalesce(decision, '{}') || %(decision)s, winner = coalesce(%(winner)s, winner)
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'running'
"""
_CLOSE: LiteralString = """
    UPDATE campaign_occurrences
    SET phase = %(phase)s, open_until = %(open_until)s, advance_at = %(advance_at)s, exclusions = %(exclusions)s,
        cost_estimate = coalesce(cost_estimate, 0) + %(cost)s,
        audience_size = %(matched)s::integer + (SELECT count(*)::integer FROM campaign_recipients AS taken
            WHERE taken.user_id = %(user_id)s AND taken.occurrence_id = %(occurrence_id)s
              AND taken.created_at < now())
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'running' AND phase = %(before)s
"""
_SUM_UP: LiteralString = """
    UPDATE sms_campaigns SET cost_estimate = run.cost, estimated_recipients = run.texts
    FROM (
        SELECT occurrence.cost_estimate AS cost, (
            SELECT count(*)::integer FROM campaign_recipients AS recipient
            WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
              AND recipient.reason IS DISTINCT FROM 'holdout') AS texts
        FROM campaign_occurrences AS occurrence
        WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
          AND occurrence.launched_at IS NOT NULL
        ORDER BY occurrence.launched_at DESC LIMIT 1) AS run
    WHERE sms_campaigns.user_id = %(user_id)s AND sms_campaigns.id = %(campaign_id)s
"""
