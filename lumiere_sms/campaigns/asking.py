"""Double opt-in: one text that asks whether a person agrees. Their yes in answer is the consent, nothing before it.

A request is a direct send, so that refusals, quiet hours, pace and the report hold for it; what it asks stands in the
definition's variables, by which `consents.confirm` finds it when an answer comes.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString

from lumiere_sms.audience.consent_rows import newest_of
from lumiere_sms.audience.customers import require_one
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.campaigns.launch import Launched
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import RefusedError, StateError

_JAPAN = "JP"
_A_DAY = timedelta(days=1)
_ASKS = {
    "promotional": "{name}です。お得な情報をSMSでお届けしてよろしければ「はい」とご返信ください。"
    "ご返信がなければお送りしません。",
    "reminder": "{name}です。ご予約のお知らせをSMSでお届けしてよろしければ「はい」とご返信ください。"
    "ご返信がなければお送りしません。",
}
_ASKS_ELSEWHERE = {
    "promotional": "{name}: reply YES to get news and offers by text. Msg&data rates may apply. No reply: no texts.",
    "reminder": "{name}: reply YES to get appointment reminders by text. Msg&data rates may apply. No reply: no texts.",
}


def request_consent(
    database: Database,
    tenant: Tenant,
    key: str,
    purpose: str,
    *,
    clock: Clock,
    prices: Prices,
    again: bool = False,
    by: str = "operator",
) -> Launched | None:
    """Ask the one customer whom `key` names; None when they were asked before, `again` within the last day.

    Raises: StateError when `key` names nobody or several, somebody without a number, or who agreed already;
    RefusedError for a number that is not texted.
    """
    with database.transaction(read_only=True) as connection:
        customer = require_one(connection, tenant, key)
        newest = newest_of(connection, tenant.id, [customer["id"]]).get((customer["id"], purpose))
        name, now = f"opt-in request {purpose} {customer['id']}", clock.now()
        since = now - _A_DAY if again else None
        asked = connection.execute(_ASKED, {"user_id": tenant.id, "name": name, "since": since}).fetchone()
    if not customer["phone_number"]:
        raise StateError("this person has no phone number", hint="lumiere-sms customer set KEY phone_number=…")
    if newest and newest["is_granted"]:
        raise StateError("this person has agreed already", hint="lumiere-sms consent show KEY")
    if asked:
        return None
    name += f" {now.date().isoformat()}" if again else ""
    variables = {"opt_in": purpose, "opt_in_of": str(customer["id"])}
    values = {"message": words_of(tenant, purpose), "variables": variables}
    definition = define_direct(name, values, defaults_zone=tenant.timezone)
    addressees = [Addressee(customer["phone_number"], customer_id=customer["id"])]
    return send_directly(
        database, tenant, definition=definition, addressees=addressees, clock=clock, prices=prices, by=by
    )


def words_of(tenant: Tenant, purpose: str) -> str:
    """Return what a tenant asks with: its own words, else what is usual in its country."""
    rules = TenantRules.from_payload(tenant.rules)
    usual = (_ASKS if tenant.country == _JAPAN else _ASKS_ELSEWHERE)[purpose]
    return rules.opt_in_request or usual.format(name=tenant.name.replace("{", "(").replace("}", ")"))


def refuse_unconfirmed(tenant: Tenant, purposes: Sequence[str]) -> None:
    """Refuse consent to advertising by hand where the tenant has it confirmed by text. Raises: RefusedError."""
    if TenantRules.from_payload(tenant.rules).double_opt_in and "promotional" in purposes:
        hint = "lumiere-sms consent request KEY; or take the rule back: tenant set --no-double-opt-in"
        raise RefusedError("consent to advertising is confirmed by text here (rule double_opt_in)", hint=hint)


_ASKED: LiteralString = """
    SELECT id FROM sms_campaigns
    WHERE user_id = %(user_id)s AND source = 'send' AND starts_with(name, %(name)s)
      AND coalesce(created_at > %(since)s::timestamptz, true)
    LIMIT 1
"""
