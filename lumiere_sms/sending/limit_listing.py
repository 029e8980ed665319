"""How the pace stands: what each limit is, what of it is used, what is left, and why it is what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.sending.pace import Throttle
from lumiere_sms.sending.scopes import TENANTS, Kind, Scope

ALL_SENDERS = "all senders"


@dataclass(frozen=True, slots=True)
class Shown:
    """One scope's limits. `per_second_now` is less than `per_second` after refusals.

    `used` parts are still being paid back, `left` may go at once; `used_today` and `left_today` are of the day of
    `zone`.
    """

    scope: Kind
    provider: str
    name: str
    per_second: float | None
    per_second_now: float | None
    per_minute: int | None
    used: int
    left: int | None
    per_day: int | None
    zone: str | None
    used_today: int
    left_today: int | None
    why: str


def list_limits(database: Database, tenant: Tenant, *, now: datetime | None) -> list[Shown]:
    """Return how the pace of a tenant's senders, of all of them together and of its running campaigns stands."""
    binds = {"user_id": tenant.id, "tenant": str(tenant.id)}
    with database.transaction(read_only=True) as connection:
        at = database_time(connection, now)
        paced = connection.execute(_PACED, binds).fetchall()
        runs = connection.execute(_RUNS, binds).fetchall()
        set_by = {row["subject"]: row for row in connection.execute(_SET_BY, binds)}
    rows = [*paced, *({**_NOTHING, **row} for row in runs)]
    return [_shown(row, at, set_by=set_by, tenant=tenant) for row in rows]


def _shown(row: Mapping[str, Any], now: datetime, *, set_by: Mapping[str, Any], tenant: Tenant) -> Shown:
    scope = Scope.read(row, now)
    bucket, daily, kind = scope.bucket, scope.daily, scope.kind
    owed = (bucket.tat - now) if bucket and bucket.tat else timedelta(0)
    throttle = Throttle(row["parts_per_second"] or 0.0, row["rate"], row["cut_at"], row["refused_at"])
    name = ALL_SENDERS if kind is Kind.TENANT else row["sender"]
    subject = tenant.slug if kind is Kind.TENANT else f"{row['provider']} {name}" if kind is Kind.SENDER else name
    return Shown(
        scope=kind,
        provider=row["provider"],
        name=name,
        per_second=row["parts_per_second"],
        per_second_now=round(throttle.at(now), 2) or None,
        per_minute=row["parts_per_minute"],
        used=max(0, round(owed.total_seconds() * bucket.parts_per_second)) if bucket else 0,
        left=bucket.available(now) if bucket else None,
        per_day=row["parts_per_day"],
        zone=row["zone"],
        used_today=daily.used(now) if daily else 0,
        left_today=daily.left(now) if daily else None,
        why=_why(row, now, throttle=throttle, setter=set_by.get(subject), zone=ZoneInfo(tenant.timezone)),
    )


def _why(
    row: Mapping[str, Any], now: datetime, *, throttle: Throttle, setter: Mapping[str, Any] | None, zone: ZoneInfo
) -> str:
    """Say why a limit is what it is, the newest reason first."""
    reasons = []
    if row["blocked_until"] and row["blocked_until"] > now:
        reasons.append(f"rests until {_at(row['blocked_until'], zone)}: {row['blocked_reason']}")
    if throttle.at(now) < throttle.set_rate and row["cut_at"]:
        reasons.append(f"cut {_at(row['cut_at'], zone)}, comes back by itself: {row['cut_reason']}")
    if setter:
        reasons.append(f"set by {setter['actor']} {_at(setter['at'], zone)}")
    elif row["kind"] == Kind.SENDER:
        reasons.append("LUMIERE_SMS_PARTS_PER_SECOND, or what the provider grants")
    elif row["kind"] == Kind.CAMPAIGN:
        reasons.append("send_rate_per_minute of its definition")
    return "; ".join(reasons)


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


_NOTHING: Mapping[str, Any] = {
    "provider": TENANTS,
    "parts_per_second": None,
    "rate": None,
    "cut_at": None,
    "cut_reason": None,
    "refused_at": None,
    "parts_per_day": None,
    "zone": None,
    "day": None,
    "day_parts": 0,
    "blocked_until": None,
    "blocked_reason": None,
}
_PACED: LiteralString = """
    SELECT CASE provider WHEN '' THEN 'tenant' ELSE 'sender' END AS kind, provider, sender, parts_per_second, rate,
        cut_at, cut_reason, refused_at, parts_per_minute, parts_per_day, zone, day, day_parts, tat, tat_floor, idle_at,
        blocked_until, blocked_reason
    FROM pace_limits
    WHERE owner = %(user_id)s OR owner IS NULL AND provider <> ''
    ORDER BY kind, provider, sender
"""
_RUNS: LiteralString = """
    SELECT 'campaign' AS kind, campaign.name AS sender, occurrence.send_rate_per_minute AS parts_per_minute,
        occurrence.pace_tat AS tat, occurrence.pace_floor AS tat_floor, occurrence.pace_idle_at AS idle_at
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.status = 'running'
    ORDER BY campaign.name
"""
_SET_BY: LiteralString = """
    SELECT DISTINCT ON (subject) subject, actor, at FROM audit_log
    WHERE user_id = %(user_id)s AND action = 'limit.set'
    ORDER BY subject, at DESC, id DESC
"""
