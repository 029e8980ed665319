"""Why somebody did, did not or will get a campaign's text: every rule in the order it is asked in, with its fact.

What decides are the functions of the launch, asked about one person; the facts beside it are what an operator can
look at and change. Rules behind the first one that stops are told as well: mending one would not be enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.audience.customers import require_customers
from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.audience.sharing import MERGED
from lumiere_sms.campaigns.freezing import Frozen, Narrowing, Person, Recipe, Row, Tally, audience_batches, freeze
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.campaigns.reminding import TOO_LATE
from lumiere_sms.campaigns.writing import content_of
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.planning.explain_rules import Case, Fact, facts_of
from lumiere_sms.planning.places import before_appointment, is_too_late, place_of

MOST_TEXTS = 20  # of one campaign that are told
TOLD: Mapping[str, str] = {
    "pending": "waits",
    "claimed": "is about to be sent",
    "submitting": "is with the provider",
    "sent": "was sent",
    "delivered": "was delivered",
    "bounced": "could not be delivered",
    "failed": "failed",
    "unknown": "may have been sent: the answer was lost",
    "suppressed": "was not sent",
    "expired": "was not sent in time",
    "cancelled": "was cancelled",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a campaign means for one customer. The phone is whole: mask it before showing it.

    `reason` is the exclusion that a launch would note, None where they would get a text; `text` and the times are
    what it would be then. `texts` are those that were written for their number, the newest first.
    """

    customer_id: UUID
    customer: str
    phone: str | None
    campaign: str
    status: str
    timezone: str
    verdict: str
    is_in_audience: bool
    reason: str | None
    facts: tuple[Fact, ...]
    texts: tuple[dict[str, Any], ...]
    text: str | None = None
    send_after: datetime | None = None
    expires_at: datetime | None = None


def explain(
    database: Database, tenant: Tenant, *, key: str, campaign: str | None = None, clock: Clock
) -> list[Explanation]:
    """Explain a campaign, or each that is not over and each that texted them lately, for whoever `key` names.

    Raises: StateError when nobody has this phone, customer number or id, or there is no such campaign.
    """
    with database.transaction(read_only=True) as connection:
        now = database_time(connection, clock.database_now())
        customers = require_customers(connection, tenant, key)
        names = [campaign] if campaign else _campaigns(connection, tenant, customers)
        return [_explain(connection, tenant, customer, name=name, now=now) for customer in customers for name in names]


def _campaigns(connection: Connection, tenant: Tenant, customers: list[dict[str, Any]]) -> list[str]:
    phones = [customer["phone_number"] for customer in customers if customer["phone_number"]]
    rows = connection.execute(_CONCERNED, {"user_id": tenant.id, "phones": phones}).fetchall()
    return [row["name"] for row in rows]


def _explain(
    connection: Connection, tenant: Tenant, customer: Mapping[str, Any], *, name: str, now: datetime
) -> Explanation:
    found = find_campaign(connection, tenant.id, name=name)
    definition = CampaignDefinition.from_payload(found["definition"])
    place = place_of(connection, tenant, found, customer)
    if definition.steps:
        definition = definition.of_step(min(place.step, len(definition.steps)))
    is_open = definition.is_standing and found["status"] == "running"
    binds = {"user_id": tenant.id, "campaign_id": found["id"]}
    (launches,) = connection.execute(_LAUNCHES, binds).fetchall()
    wish = now if is_open else _wish(launches, now)
    row, recipe = _judged(connection, tenant, definition, customer=customer, wish=wish, is_in=place.is_in)
    tally = Tally()
    answers = answers_of(connection, tenant.id, [row] if row else [], recipe=recipe)
    frozen = next(freeze([row], recipe, tally, answers=answers), None) if row else None
    reason = None if row is None or frozen else next(iter(tally.exclusions), None)
    if definition.remind and is_too_late(frozen, customer, now):
        frozen, reason = None, TOO_LATE
    person = Person(*row[: len(Person._fields)]) if row else None
    case = Case(tenant, customer, {**found, **launches}, definition, recipe, person, place, now)
    texts = _texts(connection, tenant, found["id"], phone=customer["phone_number"])
    return Explanation(
        customer["id"],
        customer["external_id"] or "",
        customer["phone_number"],
        name,
        found["status"],
        frozen.timezone if frozen else definition.timezone,
        _verdict(case, frozen, reason, texts),
        row is not None,
        reason,
        tuple(facts_of(connection, case, frozen, reason)),
        tuple(texts),
        frozen.personalized_content if frozen else None,
        frozen.send_after if frozen else None,
        frozen.expires_at if frozen else None,
    )


def _wish(launches: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the next launch is: of the occurrence to come; of one under way, when it was; else now."""
    wish: datetime = max(launches["coming"], now) if launches["coming"] else launches["running"] or now
    return wish


def _judged(
    connection: Connection,
    tenant: Tenant,
    definition: CampaignDefinition,
    *,
    customer: Mapping[str, Any],
    wish: datetime,
    is_in: bool,
) -> tuple[Row | None, Recipe]:
    """Return the customer as the launch would read them, None where they are not in the audience.

    Who is in a sequence already is asked for as one who may be texted, whether or not its segment still has them.
    """
    recipe = Recipe.of(definition, content_of(connection, tenant.id, definition), tenant=tenant, wish=wish)
    recipe = with_habit(connection, tenant.id, recipe, definition=definition)
    recipe = before_appointment(recipe, definition, customer)
    query = audience_query(
        connection,
        tenant.id,
        target={} if is_in else definition.target(),
        campaign_type=definition.type,
        today=local_day(tenant, wish),
        cap=recipe.cap,
        merges=definition.is_merging,
    )
    only = Narrowing("audience.id = %(explained)s", {"explained": customer["id"]})
    batches = audience_batches(connection, query, columns=recipe.columns, narrowing=only)
    return next((row for batch in batches for row in batch), None), recipe


def _texts(connection: Connection, tenant: Tenant, campaign_id: UUID, *, phone: str | None) -> list[dict[str, Any]]:
    binds = {"user_id": tenant.id, "campaign_id": campaign_id, "phone_number": phone, "limit": MOST_TEXTS}
    return connection.execute(statement(__package__, "explain_texts"), binds).fetchall()


def _verdict(case: Case, frozen: Frozen | None, reason: str | None, texts: Sequence[Mapping[str, Any]]) -> str:
    """Say it in a sentence: what became of the newest text, else what a launch would do.

    Of reminders those count that are of the appointment that somebody has now.
    """
    if case.place.told:
        return case.place.told
    if case.definition.remind and case.customer["next_appointment_at"]:
        texts = [text for text in texts if text["appointment_at"] == case.customer["next_appointment_at"]]
    if texts:
        return _told(texts[0])
    if case.definition.remind and not case.customer["next_appointment_at"]:
        return "gets no text: has no appointment"
    if case.person is None:
        return "gets no text: not in its segment"
    if reason:
        of_another = "is named in the text that goes to another person with the number"
        return of_another if reason == MERGED else f"gets no text: {reason.replace('_', ' ')}"
    return _told_of_next(case, frozen)


def _told_of_next(case: Case, frozen: Frozen | None) -> str:
    """Say what a launch, or the next look of a standing campaign, would do for somebody who may be texted."""
    status = case.campaign["status"]
    if frozen and case.definition.is_standing and status == "running":
        return f"gets a text {_local(max(frozen.send_after, case.now), frozen.timezone)}"
    if frozen and case.campaign["waves_follow"] and status == "running":
        return "waits for a later wave of the run"
    would = {
        "scheduled": "gets a text",
        "draft": "would get a text, were it scheduled",
        "paused": "would get a text, were it resumed",
    }
    return would.get(status, f"got no text: was not in the audience when it was launched; it is {status}")


def _told(text: Mapping[str, Any]) -> str:
    told = TOLD[text["status"]]
    at = text["delivered_at"] or text["sent_at"] or (text["send_after"] if text["status"] == "pending" else None)
    when = f" {'until' if text['status'] == 'pending' else 'on'} {_local(at, text['timezone'])}" if at else ""
    why = text["reason"] or text["error_message"] or text["finding"]
    return f"{told}{when}" + (f": {why.replace('_', ' ')}" if why else "")


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


_LAUNCHES: LiteralString = """
    SELECT min(occurs_at) FILTER (WHERE status = 'scheduled') AS coming,
        max(occurs_at) FILTER (WHERE status = 'running') AS running,
        bool_or(status = 'running' AND phase IN ('canary', 'trial')) AS waves_follow
    FROM campaign_occurrences WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
"""
#: Campaigns that are not over, and those that texted one of these numbers in the last 90 days.
_CONCERNED: LiteralString = """
    SELECT campaign.name
    FROM sms_campaigns AS campaign
    WHERE campaign.user_id = %(user_id)s AND campaign.archived_at IS NULL AND campaign.source <> 'send'
      AND (campaign.status IN ('draft', 'scheduled', 'running', 'paused') OR campaign.id IN (
          SELECT occurrence.campaign_id
          FROM submissions
          JOIN campaign_occurrences AS occurrence
              ON occurrence.user_id = %(user_id)s AND occurrence.id = submissions.occurrence_id
          WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = ANY (%(phones)s::text[])
            AND submissions.started_at > now() - interval '90 days'))
    ORDER BY campaign.status = 'completed', campaign.created_at DESC, campaign.name
"""
