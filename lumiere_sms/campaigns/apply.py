"""Make the definitions so: one transaction, and the same again changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString

from lumiere_sms.audience.segments import refuse_strange_parts, write_segment
from lumiere_sms.campaigns.budget_setting import Wish, put_campaign_budget, refuse_currency
from lumiere_sms.campaigns.changes import Change, current_campaigns, diff, is_over, is_rescheduled, keeps_its_start
from lumiere_sms.campaigns.changes import checksum as checksum_of
from lumiere_sms.campaigns.checking import (
    Stopped,
    keep_overrides,
    note_checked,
    read_override,
    refusals,
    stopped,
)
from lumiere_sms.campaigns.feasibility import idle_budgets, slow_ones, stands
from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.campaigns.occurrences import keep, place
from lumiere_sms.campaigns.stop_queries import refuse_unanswered
from lumiere_sms.campaigns.writing import Author, insert_campaign, revise_campaign
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.database.told import told
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.definitions.values import read_money
from lumiere_sms.errors import RefusedError, StalePlanError, StateError
from lumiere_sms.messages.templates import write_template


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: every change, the checksum of those that were not there already, and what was overridden."""

    changes: tuple[Change, ...]
    checksum: str
    overridden: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all was so already."""
        return all(change.action == "unchanged" for change in self.changes)


def apply(  # noqa: PLR0913 - all but three are named
    database: Database,
    tenant: Tenant,
    definitions: Definitions,
    *,
    checksum: str | None = None,
    overwrite: bool = False,
    clock: Clock,
    prices: Prices | None = None,
    stop_role: str = "",
    override: str | None = None,
    by: str = "operator",
) -> Applied:
    """Write what differs. With a `checksum`, only if it is still what the plan of that checksum showed.

    With `prices`, budgets are refused that are in another currency than these are. What `stop_when` asks is asked
    once, as `stop_role`. An `override` is the reason why what the lint would stop may go all the same.

    Raises: DefinitionError for a schedule in the past, RefusedError with every reason, StalePlanError.
    """
    reason = read_override(override)
    with database.transaction() as connection:
        hold_tenant(connection, tenant.id)
        now = database_time(connection, clock.database_now())
        changes = diff(connection, tenant, definitions, now=now, overwrite=overwrite)
        applied = Applied(changes, checksum_of(changes))
        if not applied.is_empty:
            _refuse_strange_budgets(tenant, definitions, prices)
            found = stopped(connection, tenant, definitions, changes=changes)
            _refuse([*_refusals(changes), *refusals(found, override=reason)])
            _require(checksum, applied.checksum)
            author, applied = Author("definitions", by, now), replace(applied, overridden=_lifted(found))
            refuse_unanswered(database, _stop_queries(definitions, changes), role=stop_role)
            _write(connection, tenant, definitions, changes=changes, author=author)
            keep_overrides(connection, tenant, found, reason=reason, author=author)
            _refuse_slow_ones(connection, tenant, definitions, changes, prices=prices, now=now)
    return applied


def create(
    database: Database,
    tenant: Tenant,
    definitions: Definitions,
    *,
    clock: Clock,
    prices: Prices | None = None,
    stop_role: str = "",
    by: str = "operator",
) -> Applied:
    """Make campaigns that do not exist yet, by command, with the templates and segments defined beside them.

    Raises: StateError when a name is taken; as `apply`.
    """
    with database.transaction() as connection:
        hold_tenant(connection, tenant.id)
        for name in current_campaigns(connection, tenant, definitions.campaigns):
            raise StateError(f'there is a campaign "{name}" already', hint="give it another name, or use `apply`")
        now = database_time(connection, clock.database_now())
        changes = diff(connection, tenant, definitions, now=now)
        found = stopped(connection, tenant, definitions, changes=changes)
        _refuse([*_refusals(changes), *refusals(found, override=None, can_override=False)])
        refuse_unanswered(database, _stop_queries(definitions, changes), role=stop_role)
        _write(connection, tenant, definitions, changes=changes, author=Author("command", by, now))
        _refuse_slow_ones(connection, tenant, definitions, changes, prices=prices, now=now)
    return Applied(changes, checksum_of(changes))


def _refuse_strange_budgets(tenant: Tenant, definitions: Definitions, prices: Prices | None) -> None:
    for definition in definitions.campaigns.values():
        if definition.budget and prices:
            refuse_currency(read_money(definition.budget)[1], listed=prices(tenant.country).currency)
    if prices:
        _refuse([*idle_budgets(tenant, definitions, prices=prices)])


def _refuse_slow_ones(
    connection: Connection,
    tenant: Tenant,
    definitions: Definitions,
    changes: Sequence[Change],
    *,
    prices: Prices | None,
    now: datetime,
) -> None:
    """Refuse what was written if a campaign is too slow, and may neither be spread nor expire."""
    changed = [each.name for each in changes if each.kind == "campaign" and each.action != "unchanged"]
    if prices:
        _refuse([*slow_ones(connection, tenant, definitions, changed, prices=prices, now=now)])


def _stop_queries(definitions: Definitions, changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    changed = (each.name for each in changes if each.kind == "campaign" and "stop_when" in each.fields)
    for name in changed:
        if asked := definitions.campaigns[name].stop_when:
            yield f'{stands(definitions, name)}campaign "{name}"', asked


def _refuse(reasons: Sequence[tuple[str, str]]) -> None:
    if reasons:
        said = "\n".join(reason for reason, _ in reasons)
        hints = dict.fromkeys(hint for _, hint in reasons)
        end = "; " if len(reasons) == 1 else "\n"
        raise RefusedError(f"{said}{end}nothing was changed", hint="; ".join(filter(None, hints)))


def _refusals(changes: tuple[Change, ...]) -> Iterator[tuple[str, str]]:
    return ((change.refusal, change.hint) for change in changes if change.refusal)


def _lifted(found: Sequence[Stopped]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{each.finding.rule} of {each.campaign}" for each in found))


def _require(wanted: str | None, found: str) -> None:
    if wanted is not None and wanted != found:
        raise StalePlanError(
            f"the plan with checksum {wanted} is no longer what would happen (now {found}); nothing was changed",
            hint="run `plan` again and look at it",
        )


def _write(
    connection: Connection,
    tenant: Tenant,
    definitions: Definitions,
    *,
    changes: tuple[Change, ...],
    author: Author,
) -> None:
    changed = {
        kind: [change.name for change in changes if change.kind == kind and change.action != "unchanged"]
        for kind in _KINDS
    }
    connection.execute(_HOLD, {"user_id": tenant.id, "names": changed["campaign"], "templates": changed["template"]})
    for name in sorted(changed["template"], key=lambda name: definitions.templates[name].is_default):
        write_template(connection, tenant.id, definitions.templates[name].payload())
    note_checked(connection, tenant, [definitions.templates[name] for name in changed["template"]], author=author)
    connection.execute(statement(__package__, "follow_templates"), {"user_id": tenant.id, "names": changed["template"]})
    for name in changed["segment"]:
        write_segment(connection, tenant.id, definitions.segments[name].payload())
    refuse_strange_parts(connection, tenant.id, changed["segment"])
    current = current_campaigns(connection, tenant, changed["campaign"])
    for name in changed["campaign"]:
        _write_campaign(connection, tenant, current.get(name), definition=definitions.campaigns[name], author=author)
    _write_budgets(connection, tenant, definitions, changes=changes, author=author)
    _note(connection, tenant, changes, author=author)
    connection.execute("NOTIFY lumiere_sms")


def _write_campaign(
    connection: Connection,
    tenant: Tenant,
    row: Mapping[str, Any] | None,
    *,
    definition: CampaignDefinition,
    author: Author,
) -> None:
    wish = (definition.starts_at() or author.now) if definition.schedule else None
    if row is None:
        insert_campaign(connection, tenant, definition=definition, occurs_at=wish, author=author)
        return
    before = CampaignDefinition.from_payload(row["definition"])
    wish = row["scheduled_at"] if keeps_its_start(before, definition) else wish
    revise_campaign(connection, tenant, row, definition=definition, occurs_at=wish, author=author)
    if is_over(row):
        return
    if is_rescheduled(before, definition):
        place(connection, tenant, campaign_id=row["id"], definition=definition, start=wish, now=author.now)
    else:
        keep(connection, tenant.id, campaign_id=row["id"], definition=definition)


def _note(connection: Connection, tenant: Tenant, changes: Sequence[Change], *, author: Author) -> None:
    """Note each change with the values that differ."""
    for each in changes:
        if each.action != "unchanged":
            before, after = told(each.fields)
            about: dict[str, Any] = {"actor": author.by, "action": f"{each.kind}.{each.action}", "subject": each.name}
            audit.record(connection, tenant.id, **about, before=before, after=after, now=author.now)


def _write_budgets(
    connection: Connection,
    tenant: Tenant,
    definitions: Definitions,
    *,
    changes: tuple[Change, ...],
    author: Author,
) -> None:
    """Set the budgets that the files change. A running campaign keeps its revision, but never its old limit."""
    changed = [each.name for each in changes if each.kind == "campaign" and "budget" in each.fields]
    current = current_campaigns(connection, tenant, changed) if changed else {}
    for name, row in sorted(current.items(), key=lambda each: str(each[1]["id"])):
        budget = definitions.campaigns[name].budget
        amount, currency = read_money(budget) if budget else (None, "")
        wish = Wish(amount, currency, author.by, author.now)
        put_campaign_budget(connection, tenant.id, row["id"], name=name, wish=wish)


#: All campaigns that are written, in the order of their ids, as by the arm: two in opposite orders would wait for each
#: other.
_HOLD: LiteralString = """
    SELECT id FROM sms_campaigns
    WHERE user_id = %(user_id)s AND archived_at IS NULL
      AND (name = ANY (%(names)s::text[])
        OR jsonb_path_query_array(definition, '$.**.template') ?| %(templates)s::text[])
    ORDER BY id
    FOR NO KEY UPDATE
"""
_KINDS = ("template", "segment", "campaign")
