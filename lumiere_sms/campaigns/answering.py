"""Texts that answer by themselves what people write: through the same engine as every other text.

All that answer one kind of message on one day of the tenant's are a campaign of source `send`, "answers to stop,
2026-03-15": paced, reported, paused and cancelled like any other. Quiet hours hold for them too, and one that could
not leave soon is not written: an answer that comes the next morning is no answer.

What confirms a refusal is the one text that may still go to that number. It names the suppression that it confirms,
and there is one at most for each, ever. Two machines that answer each other fall silent: a number gets each kind of
answer once a day, a few in all, and one whom we neither know nor have texted gets none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.campaigns.completion import reopen
from lumiere_sms.campaigns.direct import Addressee, rows_of
from lumiere_sms.campaigns.freezing import Frozen, Recipe, Tally, freeze
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.links import keep_links, with_link
from lumiere_sms.campaigns.writing import Author, content_of, insert_campaign
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.options import define_campaign
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.definitions.values import NOW

A_DAY = timedelta(days=1)
AN_HOUR = timedelta(hours=1)
MOST_A_DAY = 3  # answers to one number
#: The confirmation of a refusal goes at once, and within the hour after it was said, or not at all; the others may wait
#: for the end of quiet hours.
EXPIRES = {"stop": "1h", "start": "12h", "help": "12h", "other": "12h"}
FAST = 60_000  # parts a minute: an answer waits for the pace of its sender, and for no other
_ALIVE = frozenset({"running", "paused", "completed"})
BY_REPLY = "reply"  # the author of what answers by itself


def hold(connection: Connection, tenant: Tenant, *, at: datetime) -> None:
    """Hold the campaigns that answers of today go into, in the order of their keys, before anything else is held."""
    if tenant.rules.get("answers"):
        names = [_name(tenant, kind, at) for kind in EXPIRES]
        connection.execute(_HOLD, {"user_id": tenant.id, "names": names})


def answer(
    connection: Connection,
    tenant: Tenant,
    message: Mapping[str, Any],
    *,
    kind: str,
    confirms: UUID | None = None,
    at: datetime,
) -> UUID | None:
    """Answer a kept message, if the tenant has a text for its kind and nothing speaks against it.

    `confirms` is the suppression that a stop has just made. Returns the recipient.
    """
    text = getattr(TenantRules.from_payload(tenant.rules).answers, kind, None)
    is_known = message["recipient_id"] or message["customer_id"]
    until = message["received_at"] + (AN_HOUR if kind == "stop" else A_DAY)
    if not text or not is_known or until <= at:
        return None
    binds = {"user_id": tenant.id, "phone_number": message["phone_number"], "since": at - A_DAY}
    if not _may_answer(connection, {**binds, "meaning": kind}):
        return None
    definition = _definition(tenant, kind, text=text, provider=message["provider"], at=at)
    about: dict[str, Any] = {"definition": definition, "is_confirmation": confirms is not None, "at": at}
    frozen = _frozen(connection, tenant, message["phone_number"], **about, until=until)
    run = _run_of(connection, tenant, definition=definition, at=at) if frozen else None
    if not run or not frozen:
        return None
    return _write(connection, tenant.id, frozen, run=run, message_id=message["id"], confirms=confirms, at=at)


def _may_answer(connection: Connection, binds: Mapping[str, Any]) -> bool:
    """Say whether a number may be answered once more today."""
    given = [row["meaning"] for row in connection.execute(_GIVEN, binds)]
    is_again = binds["meaning"] in given and binds["meaning"] != "stop"  # that has a limit of its own
    return not is_again and len(given) < MOST_A_DAY


def _run_of(
    connection: Connection, tenant: Tenant, *, definition: CampaignDefinition, at: datetime
) -> Mapping[str, Any] | None:
    """Return today's campaign for a kind of answers, made if need be; None where that is cancelled or another."""
    binds = {"user_id": tenant.id, "name": definition.name}
    run = connection.execute(_FIND, binds).fetchone()
    if run is None:
        insert_campaign(connection, tenant, definition=definition, occurs_at=at, author=Author("send", BY_REPLY, at))
        run = connection.execute(_FIND, binds).fetchone()
        assert run is not None, "it was just written"
        _start(connection, tenant.id, run, definition=definition, at=at)
        return run
    return run if run["source"] == "send" and run["status"] in _ALIVE else None


def _definition(tenant: Tenant, kind: str, *, text: str, provider: str, at: datetime) -> CampaignDefinition:
    how: dict[str, Any] = {"priority": "urgent", "send_rate_per_minute": FAST, "expires_after": EXPIRES[kind]}
    values = {"message": text, "segment": "all", "schedule": NOW, **how}
    defined = define_campaign(_name(tenant, kind, at), values, defaults_zone=tenant.timezone)
    quiet = TenantRules(quiet_hours=TenantRules.from_payload(tenant.rules).quiet_hours)
    return defined.model_copy(update={"providers": (provider,)}).under(quiet)


def _start(
    connection: Connection, user_id: UUID, run: Mapping[str, Any], *, definition: CampaignDefinition, at: datetime
) -> None:
    binds = {
        "user_id": user_id,
        "occurrence_id": run["occurrence_id"],
        "campaign_id": run["id"],
        "revision": run["revision"],
        "definition": Jsonb(definition.payload()),
        "template_id": None,
        "content": definition.message,
        "matched": 0,
        "kept": 0,
        "exclusions": Jsonb({}),
        "cost": None,  # nobody knows how many there will be
        "currency": None,
        "now": at,
    }
    connection.execute(statement(__package__, "start_occurrence"), binds)
    connection.execute(statement(__package__, "start_campaign"), binds)


def _frozen(
    connection: Connection,
    tenant: Tenant,
    phone: str,
    *,
    definition: CampaignDefinition,
    is_confirmation: bool,
    at: datetime,
    until: datetime,
) -> Frozen | None:
    """Return the recipient, who is answered before `until`; None for one not texted, or where it could not leave."""
    content = content_of(connection, tenant.id, definition)
    recipe, tally = Recipe.of(definition, content, tenant=tenant, wish=at), Tally()
    recipe = with_link(connection, tenant.id, recipe) if recipe.link else recipe
    (rows,) = rows_of(connection, tenant.id, [Addressee(phone)], recipe=recipe)
    if is_confirmation:
        rows = [(*row[:3], None, *row[4:]) for row in rows]  # its refusal is what it is told
    frozen = next(freeze(rows, recipe, tally), None)
    if frozen is None or frozen.send_after >= (expires_at := min(frozen.expires_at, until)):
        return None
    keep_links(connection, tenant.id, tally)
    return frozen._replace(expires_at=expires_at)


def _write(
    connection: Connection,
    user_id: UUID,
    frozen: Frozen,
    *,
    run: Mapping[str, Any],
    message_id: UUID,
    confirms: UUID | None,
    at: datetime,
) -> UUID | None:
    binds = {**frozen._asdict(), "user_id": user_id, "id": new_id(), "confirms": confirms, "step": message_id.hex}
    binds |= {"occurrence_id": run["occurrence_id"], "campaign_id": run["id"], "message_id": message_id}
    written = connection.execute(_WRITE, binds).fetchone()
    if written is None:
        return None
    reopen(connection, user_id, campaign_ids=[run["id"]], occurrence_ids=[run["occurrence_id"]], now=at)
    connection.execute(_ANSWERED, binds)
    connection.execute("NOTIFY lumiere_sms")
    recipient: UUID = written["id"]
    return recipient


def _name(tenant: Tenant, kind: str, at: datetime) -> str:
    return f"answers to {kind}, {local_day(tenant, at)}"


_HOLD: LiteralString = """
    SELECT id FROM sms_campaigns
    WHERE user_id = %(user_id)s AND name = ANY (%(names)s::text[]) AND source = 'send' AND archived_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
"""
_FIND: LiteralString = """
    SELECT campaign.id, campaign.status, campaign.revision, campaign.source, occurrence.id AS occurrence_id
    FROM sms_campaigns AS campaign
    LEFT JOIN campaign_occurrences AS occurrence
        ON occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
    WHERE campaign.user_id = %(user_id)s AND campaign.name = %(name)s AND campaign.archived_at IS NULL
"""
_GIVEN: LiteralString = """
    SELECT meaning FROM inbound_messages
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND received_at > %(since)s
      AND answer_id IS NOT NULL
"""
_WRITE: LiteralString = """
    INSERT INTO campaign_recipients
        (user_id, occurrence_id, campaign_id, id, customer_id, phone_number, timezone, send_after, expires_at,
         personalized_content, encoding, segments_used, step, confirms)
    VALUES (%(user_id)s, %(occurrence_id)s, %(campaign_id)s, %(id)s, %(customer_id)s, %(phone_number)s, %(timezone)s,
        %(send_after)s, %(expires_at)s, %(personalized_content)s, %(encoding)s, %(segments_used)s, %(step)s,
        %(confirms)s)
    ON CONFLICT (user_id, confirms) WHERE confirms IS NOT NULL DO NOTHING
    RETURNING id
"""
_ANSWERED: LiteralString = (
    "UPDATE inbound_messages SET answer_id = %(id)s WHERE user_id = %(user_id)s AND id = %(message_id)s"
)
