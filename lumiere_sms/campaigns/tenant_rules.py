"""A tenant's own rules: windows, quiet hours, closing days, holidays, frequency caps. Audited.

They hold from the next launch on; what runs already keeps those that it was launched with, but for caps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString, get_args
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from lumiere_sms.audience.fields import guess
from lumiere_sms.campaigns.closing_options import read_closed
from lumiere_sms.campaigns.occurrences import place_anew
from lumiere_sms.campaigns.tenant_ways import AS_SET
from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant, find_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.sentences import sentence_about
from lumiere_sms.definitions.tenant_rules import Kind, TenantRules
from lumiere_sms.errors import RefusedError, UsageError, quoted
from lumiere_sms.messages.values import LINK

KINDS: tuple[Kind, ...] = get_args(Kind)
_OF_THE_CALENDAR = frozenset({"closed_weekdays", "closed_days", "holidays"})

_UTC = ZoneInfo("UTC")


def read_rules(*, windows: Sequence[str] = (), closed: Sequence[str] = (), **plain: str | None) -> dict[str, Any]:
    """Read what options say of rules, as `change_rules` takes it; what is not given is left out.

    `plain` are rules that are one text each. Raises: UsageError.
    """
    found: dict[str, Any] = {"windows": read_windows(windows)} if windows else {}
    found |= {name: None if text == AS_SET else text for name, text in plain.items() if text is not None}
    return found | (read_closed(closed) if closed else {})


def read_windows(options: Sequence[str]) -> dict[str, Any]:
    """Read windows as an operator writes them, by type; `default` takes them back. Raises: UsageError.

    >>> read_windows(["promotional=09:00-11:00,14:00-16:00", "urgent=default"])
    {'promotional': ['09:00-11:00', '14:00-16:00'], 'urgent': None}
    """
    return {kind: _ranges(text) for kind, text in map(split_kind, options)}


def split_kind(option: str) -> tuple[Kind, str]:
    """Part `promotional=…` into the type and the rest. Raises: UsageError."""
    kind, equals, rest = option.partition("=")
    known = next((each for each in KINDS if each == kind.strip()), None)
    if known is None:
        hint = guess(kind.strip(), KINDS) or f"write TYPE=…, of the types {', '.join(KINDS)}"
        raise UsageError(f"{quoted(kind.strip())} is not a type", hint=hint)
    if not equals:
        raise UsageError(f"{quoted(option)} has no value", hint=f"write {known}=…, or {known}={AS_SET}")
    return known, rest.strip()


def change_rules(
    database: Database, slug: str, changes: Mapping[str, Any], *, by: str, now: datetime | None
) -> TenantRules:
    """Change some of a tenant's rules; None takes one back, and among rules by type the one of a type.

    Where it is closed on other days, what lies ahead of recurring campaigns that go by them is placed anew.

    Raises: StateError for a tenant that is not there, UsageError for rules that are none, RefusedError where
    no text could ever leave or a recurring campaign would never come up.
    """
    tenant = find_tenant(database, slug)
    with database.transaction() as connection:
        before = _held(connection, tenant)
        if before.get(LINK) and changes.get(LINK, True) is None:
            _require_unused(connection, tenant)
        after = _checked({**before, **{key: _merged(before.get(key), value) for key, value in changes.items()}})
        told = after.model_dump(mode="json", exclude_defaults=True)
        connection.execute(_WRITE, {"id": tenant.id, "rules": Jsonb(told)})
        about: dict[str, Any] = {"actor": by, "action": "tenant.rules", "subject": slug}
        record(connection, tenant.id, before=before, after=told, now=now, **about)
        if _OF_THE_CALENDAR & changes.keys():
            place_anew(connection, replace(tenant, rules=told), now=database_time(connection, now))
    return after


def never_open(rules: TenantRules) -> str:
    """Return the type whose windows these rules set so that they never open, if any; blast where nothing ever does."""
    told = (kind for kind in KINDS if kind in rules.windows or kind == "blast")
    return next((kind for kind in told if not may_leave(kind, rules)), "")


def may_leave(kind: Kind, rules: TenantRules) -> bool:
    """Say whether a text of a type could ever leave by these rules."""
    return ever_opens(of_kind(kind, rules), rules)


def ever_opens(definition: CampaignDefinition, rules: TenantRules) -> bool:
    """Say whether the windows of a campaign ever open by these rules."""
    return definition.under(rules).windows().lets_texts_go(_UTC)


def of_kind(kind: Kind, rules: TenantRules) -> CampaignDefinition:
    """Return what a campaign of a type that says nothing of its times is pinned to by these rules."""
    told: dict[str, Any] = {"priority": "urgent"} if kind == "urgent" else {"type": kind}
    return CampaignDefinition(name=kind, message=kind, segment="all", **told).under(rules)


def _ranges(text: str) -> list[str] | None:
    return None if text == AS_SET else [each.strip() for each in text.split(",")]


def _held(connection: Connection, tenant: Tenant) -> dict[str, Any]:
    found = connection.execute(_HOLD, [tenant.id]).fetchone()
    assert found is not None, "a tenant is never deleted"
    return dict(found["rules"])


def _merged(before: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: one for key, one in {**(before or {}), **value}.items() if one is not None}


def _checked(rules: Mapping[str, Any]) -> TenantRules:
    try:
        checked = TenantRules.model_validate({key: one for key, one in rules.items() if one is not None})
    except ValidationError as refused:
        sentence, hint = sentence_about(refused.errors(include_url=False)[:1]) or (str(refused), "")
        raise UsageError(sentence, hint=hint) from refused
    if kind := never_open(checked):
        said = f"no {kind} text could ever leave: quiet hours or closing days cover every window"
        raise RefusedError(said, hint="narrow the quiet hours, or widen the windows")
    return checked


def _require_unused(connection: Connection, tenant: Tenant) -> None:
    """Refuse to take back the address that texts to come have links to. Raises: RefusedError."""
    rows = connection.execute(_USING, {"user_id": tenant.id, "pattern": r"\{[^}]*\yopt_?out_?url\y"}).fetchall()
    if rows:
        named = ", ".join(quoted(row["name"]) for row in rows)
        raise RefusedError(f"texts to come have links to it: {named}", hint="change these texts, or cancel them, first")


#: Campaigns of which texts are to come, by their own text, a wording's, a step's, or their template's.
_USING: LiteralString = """
    SELECT campaign.name FROM sms_campaigns AS campaign
    WHERE campaign.user_id = %(user_id)s AND campaign.status IN ('draft', 'scheduled', 'running', 'paused')
      AND campaign.archived_at IS NULL AND campaign.source <> 'send'
      AND (campaign.definition::text ~* %(pattern)s OR EXISTS (
          SELECT FROM sms_templates AS template
          WHERE template.user_id = %(user_id)s AND template.is_current AND template.content ~* %(pattern)s
            AND strpos(campaign.definition::text, to_json(template.name)::text) > 0))
    ORDER BY campaign.name LIMIT 5
"""
_HOLD: LiteralString = "SELECT rules FROM users WHERE id = %s FOR NO KEY UPDATE"
_WRITE: LiteralString = "UPDATE users SET rules = %(rules)s WHERE id = %(id)s"
