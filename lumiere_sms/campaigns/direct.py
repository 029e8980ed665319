"""The simple way: one text to a few numbers, or to the numbers of a list, through the same engine.

A direct send is a campaign of source `send` whose recipients are frozen at once, so suppression, quiet
hours, pace and the report hold for it as for any other; for other windows than its own it does not wait. Its
name is its key: the same key again sends nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.returning import take_back
from lumiere_sms.campaigns.copying import write_recipients
from lumiere_sms.campaigns.freezing import Person, Prices, Recipe, Row, Tally, freeze
from lumiere_sms.campaigns.launch import Launched, start
from lumiere_sms.campaigns.links import keep_links, with_link
from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.campaigns.texts import BLANK
from lumiere_sms.campaigns.writing import Author, content_of, insert_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.options import define_campaign
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.definitions.values import LONGEST_NAME, NOW
from lumiere_sms.errors import RefusedError, StateError
from lumiere_sms.messages.values import FIELDS, SAMPLE_VALUE, SAMPLE_VALUES

_ROWS_AT_ONCE = 1_000
_FIND: LiteralString = (
    "SELECT id, source, definition FROM sms_campaigns WHERE user_id = %s AND name = %s ORDER BY created_at DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A number in E.164, with values for the text that go before what its customer's row says.

    `customer_id` says who of several that have it; without it, it is the one with the latest visit. For a test, samples
    stand in for the values that neither has.
    """

    phone_number: str
    values: Mapping[str, Any] = field(default_factory=dict)
    is_test: bool = False
    customer_id: UUID | None = None


def define_direct(key: str | None, values: Mapping[str, Any], *, defaults_zone: str) -> CampaignDefinition:
    """Make the definition of a direct send, named by its key or by one that is new. Raises: DefinitionError."""
    name = key if key is not None else f"send {new_id()}"
    own = {"segment": "all", "schedule": NOW}
    return define_campaign(name, {**values, **own}, defaults_zone=defaults_zone)


def send_directly(
    database: Database,
    tenant: Tenant,
    *,
    definition: CampaignDefinition,
    addressees: Iterable[Addressee],
    clock: Clock,
    prices: Prices,
    by: str = "operator",
) -> Launched | None:
    """Freeze a text to the addressees as a campaign named by `definition`; None when that name was sent before.

    Raises: StateError when that name stands for a campaign of another source or for another text, when a template or
    any addressee is missing; RefusedError when nobody of them may be texted. Nothing is kept of what is refused.
    """
    with database.transaction() as connection:
        hold_tenant(connection, tenant.id)
        before = connection.execute(_FIND, [tenant.id, definition.name]).fetchone()
        if before is not None:
            _require_sent_before(definition, before)
            return None
        now = database_time(connection, clock.database_now())
        insert_campaign(connection, tenant, definition=definition, occurs_at=now, author=Author("send", by, now))
        run = find_campaign(connection, tenant.id, name=definition.name)
        sent = _freeze_addressees(
            connection, tenant, run, addressees=addressees, prices=prices, by=by, now=clock.database_now()
        )
        _require_somebody(sent)
        return sent


def send_test(
    database: Database, tenant: Tenant, *, name: str, phone: str, clock: Clock, prices: Prices, by: str = "operator"
) -> Launched:
    """Send the text of a campaign to one number: with its customer's values, samples where there are none.

    It goes before everything else and waits for no window of the campaign, but quiet hours hold.
    """
    with database.transaction(read_only=True) as connection:
        found = find_campaign(connection, tenant.id, name=name)
    title = f"{name[: LONGEST_NAME - 20]} (test {str(new_id())[-8:]})"
    own = {"name": title, "type": "blast", "window": None, "expires_after": None, "priority": "urgent", "remind": None}
    definition = CampaignDefinition.from_payload({**found["definition"], **own, "schedule": {"at": NOW}})
    addressees = [Addressee(phone, is_test=True)]
    sent = send_directly(
        database, tenant, definition=definition, addressees=addressees, clock=clock, prices=prices, by=by
    )
    assert sent is not None, "the title is new"
    return sent


def _require_sent_before(definition: CampaignDefinition, before: Mapping[str, Any]) -> None:
    if before["source"] != "send":
        raise StateError(f'"{definition.name}" is the name of a campaign', hint="give another --key")
    now, then = definition.payload(), before["definition"]
    if any(now.get(said) != then.get(said) for said in ("message", "template", "variables")):
        raise StateError(
            f'another text was sent as "{definition.name}"; nothing is sent', hint="give this one a --key of its own"
        )


def _require_somebody(sent: Launched) -> None:
    """Refuse what texts nobody: its key stays free for when it does."""
    if not sent.matched:
        raise StateError("there is nobody to text", hint="the list has no row below its header")
    if not sent.kept:
        why = ", ".join(f"{reason} {count:,}" for reason, count in (sent.exclusions or {}).items())
        raise RefusedError(f"nobody is texted; left out: {why}", hint="lumiere-sms guide customers: what each means")


def _freeze_addressees(
    connection: Connection,
    tenant: Tenant,
    run: Mapping[str, Any],
    *,
    addressees: Iterable[Addressee],
    prices: Prices,
    by: str,
    now: datetime | None,
) -> Launched:
    quiet = TenantRules(quiet_hours=TenantRules.from_payload(tenant.rules).quiet_hours)
    definition = CampaignDefinition.from_payload(run["definition"]).under(quiet)
    run = {**run, "definition": definition.payload()}
    content = content_of(connection, tenant.id, definition)
    recipe = Recipe.of(definition, content, tenant=tenant, wish=run["occurs_at"])
    recipe = with_link(connection, tenant.id, recipe)
    keys = {"occurrence_id": run["occurrence_id"], "campaign_id": run["id"]}
    tally = Tally()
    for rows in rows_of(connection, tenant.id, addressees, recipe=recipe):
        write_recipients(connection, tenant.id, **keys, frozen=freeze(rows, recipe, tally))
    keep_links(connection, tenant.id, tally)
    run = {**run, **keys}
    return start(connection, tenant.id, run, tally=tally, content=content, prices=prices, now=now, sent_by=by)


def rows_of(
    connection: Connection, user_id: UUID, addressees: Iterable[Addressee], *, recipe: Recipe
) -> Iterator[list[Row]]:
    """Yield the addressees as rows to freeze, some at a time; a number that comes again is a shared one."""
    waiting, seen = iter(addressees), set[str]()
    while some := list(islice(waiting, _ROWS_AT_ONCE)):
        phones = [addressee.phone_number for addressee in some]
        take_back(connection, user_id, phones)
        binds = {"user_id": user_id, "phones": phones, "customers": [each.customer_id for each in some]}
        found = connection.execute(statement(__package__, "addressed_customers"), binds).fetchall()
        rows = []
        for addressee, customer in zip(some, found, strict=True):
            again = "shared_phone" if addressee.phone_number in seen else None
            rows.append(_row(addressee, {**customer, "exclusion": customer["exclusion"] or again}, recipe=recipe))
            seen.add(addressee.phone_number)
        yield rows


def _row(addressee: Addressee, customer: Mapping[str, Any], *, recipe: Recipe) -> Row:
    given = dict(addressee.values)
    if "name" in given:
        given |= {"last_name": given.pop("name"), "first_name": None}
    own = {name: value for name, value in customer.items() if value is not None}
    others = {name: value for name, value in given.items() if name not in BLANK}
    samples = _samples(recipe) if addressee.is_test else {}
    attributes = {**samples.get("attributes", {}), **own.get("attributes", {}), **others}
    values = {**BLANK, **samples, **own, **given, "attributes": attributes}
    judged = Person(customer["id"], addressee.phone_number, customer["timezone"], customer["exclusion"])
    return (*judged, *(values[column] for column in recipe.columns))


def _samples(recipe: Recipe) -> dict[str, Any]:
    unknown = frozenset[str]().union(*(each.template.variables for each in recipe.wordings.values())) - FIELDS
    return {**SAMPLE_VALUES, "attributes": dict.fromkeys(unknown, SAMPLE_VALUE)}
