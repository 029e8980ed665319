"""What of a campaign is on the wire: armed, its answer not recorded yet.

Whoever stops a campaign stops what comes after. What is in flight just then ends within the longest call, or, where
its daemon is gone, with its lease: then it is `unknown`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from lumiere_sms.campaigns import recipients
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO

PAUSE = 0.25  # seconds between looks


@dataclass(frozen=True, slots=True)
class Flying:
    """A recipient that was on the wire: since when, through which provider, and what it is now."""

    id: UUID
    phone_number: str
    provider: str
    since: datetime
    status: str = "submitting"


def in_flight(connection: Connection, user_id: UUID, campaign_id: UUID) -> tuple[Flying, ...]:
    """Return the recipients of a campaign that are with a provider just now, by phone."""
    found = connection.execute(_IN_FLIGHT, {"user_id": user_id, "id": campaign_id})
    return tuple(Flying(**row) for row in found)


def landed(
    database: Database,
    user_id: UUID,
    flying: tuple[Flying, ...],
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    seconds: float = 70,
) -> tuple[Flying, ...]:
    """Wait until what was in flight has settled; return it with what has become of it.

    It ends by itself, whether a daemon lives or not: a lease that is over makes its recipient `unknown`. What still
    is `submitting` after `seconds` keeps that status.
    """
    waited = 0.0
    while (statuses := _statuses(database, user_id, flying)) and "submitting" in statuses.values() and waited < seconds:
        sleep(PAUSE)
        waited += PAUSE
        _reap(database, user_id, clock=clock)
    return tuple(Flying(each.id, each.phone_number, each.provider, each.since, statuses[each.id]) for each in flying)


def counted(flying: tuple[Flying, ...]) -> dict[str, int]:
    """Count by status, in alphabetical order."""
    return dict(sorted(Counter(each.status for each in flying).items()))


def _statuses(database: Database, user_id: UUID, flying: tuple[Flying, ...]) -> dict[UUID, str]:
    if not flying:
        return {}
    binds = {"user_id": user_id, "ids": [each.id for each in flying]}
    with database.transaction(read_only=True) as connection:
        return {row["id"]: row["status"] for row in connection.execute(_STATUSES, binds)}


def _reap(database: Database, user_id: UUID, *, clock: Clock) -> None:
    with database.transaction(limits=LET_GO) as connection:
        recipients.reap(connection, user_id, now=clock.database_now())


_IN_FLIGHT: LiteralString = """
    SELECT recipient.id, recipient.phone_number, coalesce(recipient.provider, '') AS provider,
        coalesce(submission.started_at, recipient.updated_at) AS since
    FROM campaign_recipients AS recipient
    LEFT JOIN submissions AS submission
        ON submission.user_id = %(user_id)s AND submission.phone_number = recipient.phone_number
        AND submission.recipient_id = recipient.id AND submission.attempt = recipient.attempt
    WHERE recipient.user_id = %(user_id)s AND recipient.campaign_id = %(id)s
      AND recipient.status = 'submitting' AND recipient.claimed_until IS NOT NULL
    ORDER BY recipient.phone_number, recipient.id
"""
_STATUSES: LiteralString = """
    SELECT id, status FROM campaign_recipients WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
"""
