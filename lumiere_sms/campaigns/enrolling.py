"""People enter a sequence: whoever is in its audience, may be texted, and is not in it already.

Once per person, and once per phone, whoever shares it; again only after `again_after`, counted from when they left or
finished. The key (campaign, person or phone, round) is unique, so two daemons that look at once enter nobody twice.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.audience.eligibility import Among, audience_query
from lumiere_sms.campaigns.days import Day
from lumiere_sms.campaigns.freezing import AT_FIRST, Row, audience_batches
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant

_MINUTE = timedelta(minutes=1)


def enter(connection: Connection, tenant: Tenant, day: Day, *, progress: Callable[[int], None]) -> int:
    """Let everybody enter the day's sequence who may; return how many did. Their first step is due when it says."""
    entered = looked_at = 0
    query = _query(connection, tenant, day, target=day.definition.target())
    for rows in audience_batches(connection, query, columns=(), narrowing=AT_FIRST):
        entered += _enter(connection, day, [row for row in rows if row[3] is None])
        progress(looked_at := looked_at + len(rows))
    return entered


def newcomers(connection: Connection, tenant: Tenant, day: Day, *, target: Mapping[str, Any]) -> Iterator[UUID]:
    """Yield the customers who would enter the day's sequence, by an audience that may be the files'."""
    for rows in audience_batches(connection, _query(connection, tenant, day, target=target), columns=()):
        yield from (row[0] for row in rows if row[3] is None)


def rounded_up(instant: datetime) -> datetime:
    """Return the next whole minute, so that steps that fall due together are taken together."""
    rest = timedelta(seconds=instant.second, microseconds=instant.microsecond)
    return instant + (_MINUTE - rest) if rest else instant


def _query(
    connection: Connection, tenant: Tenant, day: Day, *, target: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    return audience_query(
        connection,
        tenant.id,
        target=target,
        campaign_type=day.definition.type,
        today=day.now.astimezone(ZoneInfo(tenant.timezone)).date(),
        among=Among(_NOT_IN_IT, {"campaign_id": day.campaign_id, "left_before": _left_before(day)}),
    )


def _enter(connection: Connection, day: Day, rows: list[Row]) -> int:
    after = (day.definition.steps or ())[0].after
    binds: dict[str, Any] = {
        **day.binds,
        "next_at": rounded_up(day.now + after) if after else day.now,
        "left_before": _left_before(day),
        "ids": [new_id() for _ in rows],
        "customer_ids": [row[0] for row in rows],
        "phones": [row[1] for row in rows],
    }
    return connection.execute(statement(__package__, "enrol"), binds).rowcount


def _left_before(day: Day) -> datetime | None:
    """Return when people have to have left to enter again; None where nobody does."""
    again = day.definition.enrol.again_after if day.definition.enrol else None
    return day.now - again if again else None


_NOT_IN_IT: LiteralString = (
    "NOT EXISTS ( "
    "SELECT FROM enrolments "
    "WHERE enrolments.user_id = %(user_id)s AND enrolments.campaign_id = %(campaign_id)s "
    "AND enrolments.customer_id = customers.id "
    "AND (enrolments.left_at IS NULL OR %(left_before)s::timestamptz IS NULL "
    "OR enrolments.left_at > %(left_before)s::timestamptz)) "
    "AND NOT EXISTS ( "
    "SELECT FROM enrolments "
    "WHERE enrolments.user_id = %(user_id)s AND enrolments.campaign_id = %(campaign_id)s "
    "AND enrolments.phone_number = customers.phone_number "
    "AND (enrolments.left_at IS NULL OR %(left_before)s::timestamptz IS NULL "
    "OR enrolments.left_at > %(left_before)s::timestamptz))"
)
