"""What an operator sets of the pace: by the second, minute and day, of a sender, of all senders, of a campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import available_timezones

from lumiere_sms.campaigns.listing import find_campaign
from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import StateError, UsageError, quoted
from lumiere_sms.sending.pace import burst_for
from lumiere_sms.sending.scopes import TENANTS

NONE = "none"
#: More than any sender is granted, by the unit: a slip of the finger, not a pace.
LARGEST = {"second": 10_000, "minute": 600_000, "day": 100_000_000}
SLOWEST = 0.001  # parts per second: one in a quarter of an hour


@dataclass(frozen=True, slots=True)
class Wish:
    """New limits in parts by unit, None for none; a unit that is not named stays as it is."""

    limits: Mapping[str, float | None]
    zone: str | None = None
    by: str = "operator"
    now: datetime | None = None


def read_wish(
    *,
    per_second: str | None = None,
    per_minute: str | None = None,
    per_day: str | None = None,
    zone: str | None = None,
    by: str = "operator",
    now: datetime | None = None,
) -> Wish:
    """Read limits as an operator writes them. Raises: UsageError for what is none.

    >>> read_wish(per_second="2.5", per_day="none").limits
    {'second': 2.5, 'day': None}
    """
    given = {"second": per_second, "minute": per_minute, "day": per_day}
    limits = {unit: _read(text.strip(), unit) for unit, text in given.items() if text is not None}
    if not limits and zone is None:
        raise UsageError("no limit is named", hint="--per-second, --per-minute, --per-day or --zone")
    if zone is not None and zone not in available_timezones():
        near = get_close_matches(zone, available_timezones(), n=1)
        hint = f'did you mean "{near[0]}"?' if near else "an IANA name, like Asia/Tokyo"
        raise UsageError(f"{quoted(zone)} is no time zone", hint=hint)
    return Wish(limits, zone, by, now)


def set_sender_limits(
    database: Database,
    tenant: Tenant,
    *,
    provider: str,
    sender: str,
    wish: Wish,
    parts_per_second: float,
    default: str = "",
) -> None:
    """Limit what leaves from a sender. `parts_per_second` is its pace where it has none set.

    `default` is what texts come from where the tenant has no sender of its own: it can be limited before its first.

    Raises: StateError for a sender that is not this tenant's.
    """
    with database.transaction() as connection:
        binds = {"provider": provider, "sender": sender, "user_id": tenant.id, "zone": tenant.timezone}
        _refuse_stranger(connection, tenant, provider, sender, default=default)
        connection.execute(_REGISTER, {**binds, "rate": parts_per_second, "burst": burst_for(parts_per_second)})
        before = connection.execute(_HOLD, binds).fetchone() or {}
        after = _after(before, wish)
        if "second" in wish.limits:
            after["is_set"] = after["parts_per_second"] is not None
            after["parts_per_second"] = after["parts_per_second"] or parts_per_second
        _write(connection, binds, after)
        _note(connection, tenant.id, f"{provider} {sender}", before=before, after=after, wish=wish)


def set_tenant_limits(database: Database, tenant: Tenant, *, wish: Wish) -> None:
    """Limit what leaves from all senders of a tenant together."""
    with database.transaction() as connection:
        binds = {"provider": TENANTS, "sender": str(tenant.id), "user_id": tenant.id, "zone": tenant.timezone}
        connection.execute(_REGISTER, {**binds, "rate": None, "burst": None})
        before = connection.execute(_HOLD, binds).fetchone() or {}
        after = _after(before, wish)
        after["is_set"] = True
        _write(connection, binds, after)
        _note(connection, tenant.id, tenant.slug, before=before, after=after, wish=wish)


def set_campaign_limit(database: Database, tenant: Tenant, *, name: str, wish: Wish) -> None:
    """Limit what leaves of a campaign in a minute: of its run, where it has one, else by a revision of its definition.

    Raises: UsageError for another unit or none, StateError for a campaign that is over.
    """
    parts = wish.limits.get("minute")
    if set(wish.limits) != {"minute"} or wish.zone or parts is None:
        raise UsageError("a campaign has a pace by the minute, and nothing else", hint="--per-minute 600")
    with database.transaction() as connection:
        found = find_campaign(connection, tenant.id, name=name)
        binds = {"user_id": tenant.id, "id": found["id"], "parts": int(parts), "now": wish.now}
        is_launched = found["started_at"] is not None
        moved = connection.execute(_PACE_RUN if is_launched else _PACE_CAMPAIGN, binds).rowcount
        if not moved:
            raise StateError(f'campaign "{name}" is over: nothing of it leaves any more')
        connection.execute(_PACE_SCHEDULED, binds)
        before, after = {"per_minute": found["send_rate_per_minute"]}, {"per_minute": int(parts)}
        subject, by = name, wish.by
        record(
            connection,
            tenant.id,
            actor=by,
            action="limit.set",
            subject=subject,
            before=before,
            after=after,
            now=wish.now,
        )


def _read(text: str, unit: str) -> float | None:
    """Read one limit. Raises: UsageError."""
    if text.lower() == NONE:
        return None
    try:
        parts = float(text.replace(",", ""))
    except ValueError as error:
        raise UsageError(f"{quoted(text)} is no number of parts", hint='a number, or "none"') from error
    least, largest = (SLOWEST if unit == "second" else 1), LARGEST[unit]
    if not isfinite(parts) or not least <= parts <= largest:
        said = f"{quoted(text)} parts a {unit} is no pace; it is between {least:,} and {largest:,}"
        raise UsageError(said, hint=_hint(parts))
    if unit != "second" and parts != int(parts):
        raise UsageError(f"{quoted(text)} parts a {unit}: parts are counted whole")
    return parts


def _hint(parts: float) -> str:
    return '"none" lifts the limit' if parts > 0 else "lumiere-sms campaign pause stops sending altogether"


def _refuse_stranger(connection: Connection, tenant: Tenant, provider: str, sender: str, *, default: str) -> None:
    """Refuse a sender that is another tenant's, or that nobody texts from. Raises: StateError."""
    own = connection.execute(_OWN, {"provider": provider, "user_id": tenant.id}).fetchall()
    known = connection.execute(_OF_OTHERS, {"provider": provider, "sender": default, "user_id": tenant.id}).fetchone()
    named = [tenant.sender_at(provider), "" if known else default]
    names = sorted({row["sender"] for row in own} | {each for each in named if each})
    if sender not in names:
        hint = f"yours: {', '.join(names)}" if names else "lumiere-sms run registers the senders that are set"
        raise StateError(f"you have no sender {quoted(sender)} at {provider}", hint=hint)


def _after(before: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    columns = {"second": "parts_per_second", "minute": "parts_per_minute", "day": "parts_per_day"}
    changed = {columns[unit]: parts for unit, parts in wish.limits.items()}
    return {**before, **changed, **({"zone": wish.zone} if wish.zone else {})}


def _write(connection: Connection, binds: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    rate = after["parts_per_second"]
    connection.execute(_WRITE, {**binds, **after, "burst": burst_for(rate) if rate else None})


def _note(
    connection: Connection,
    user_id: UUID,
    subject: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    wish: Wish,
) -> None:
    record(
        connection,
        user_id,
        actor=wish.by,
        action="limit.set",
        subject=subject,
        before=before,
        after=dict(after),
        now=wish.now,
    )


_OWN: LiteralString = """
    SELECT sender FROM pace_limits WHERE provider = %(provider)s AND (owner = %(user_id)s OR owner IS NULL)
"""
_OF_OTHERS: LiteralString = """
    -- cross-tenant: a sender belongs to one business, whoever asks
    SELECT id FROM users
    WHERE id <> %(user_id)s AND (%(sender)s IN (sender, senders ->> %(provider)s)
        OR id IN (SELECT owner FROM pace_limits WHERE provider = %(provider)s AND sender = %(sender)s))
"""
_REGISTER: LiteralString = """
    INSERT INTO pace_limits (provider, sender, parts_per_second, burst, zone, owner)
    VALUES (%(provider)s, %(sender)s, %(rate)s, %(burst)s, %(zone)s,
        CASE %(provider)s::text WHEN '' THEN %(user_id)s::uuid END)
    ON CONFLICT (provider, sender) DO NOTHING
"""
_HOLD: LiteralString = """
    SELECT parts_per_second, parts_per_minute, parts_per_day, zone, is_set FROM pace_limits
    WHERE provider = %(provider)s AND sender = %(sender)s
    FOR NO KEY UPDATE
"""
_WRITE: LiteralString = """
    UPDATE pace_limits
    SET parts_per_second = %(parts_per_second)s, burst = %(burst)s, parts_per_minute = %(parts_per_minute)s,
        parts_per_day = %(parts_per_day)s, zone = %(zone)s, is_set = %(is_set)s,
        rate = CASE WHEN parts_per_second IS NOT DISTINCT FROM %(parts_per_second)s THEN rate END
    WHERE provider = %(provider)s AND sender = %(sender)s
"""
_PACE_RUN: LiteralString = """
    UPDATE campaign_occurrences SET send_rate_per_minute = %(parts)s
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND status = 'running'
"""
_PACE_CAMPAIGN: LiteralString = """
    UPDATE sms_campaigns
    SET send_rate_per_minute = %(parts)s, revision = revision + 1, source = 'command',
        definition = definition || jsonb_build_object('send_rate_per_minute', %(parts)s::integer),
        updated_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = %(id)s AND started_at IS NULL AND status IN ('draft', 'scheduled', 'paused')
"""
_PACE_SCHEDULED: LiteralString = """
    UPDATE campaign_occurrences SET send_rate_per_minute = %(parts)s
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND status = 'scheduled'
"""
