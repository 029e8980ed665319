"""Find campaigns and their recipients."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.occurrences import recurs
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import StateError

#: The states of a recipient that the provider has accepted.
ACCEPTED = frozenset({"sent", "delivered", "bounced"})
_ROWS_AT_ONCE = 2_000


def find_campaign(connection: Connection, user_id: UUID, *, name: str) -> dict[str, Any]:
    """Return a campaign's row with its newest occurrence. Raises: StateError with a guess when there is none."""
    found = connection.execute(statement(__package__, "find_campaign"), {"user_id": user_id, "name": name}).fetchone()
    if found is not None:
        return found
    guess = get_close_matches(name, _names(connection, user_id), n=1)
    hint = f'did you mean "{guess[0]}"?' if guess else "lumiere-sms campaign list"
    raise StateError(f'there is no campaign "{name}"', hint=hint)


def show_campaign(database: Database, user_id: UUID, *, name: str) -> dict[str, Any]:
    """Return a campaign's row with its `recipients` by status, and the last `runs` of one that recurs.

    Raises: StateError when there is none.
    """
    with database.transaction(read_only=True) as connection:
        found = find_campaign(connection, user_id, name=name)
        found["recipients"] = dict(count_recipients(connection, user_id, [found["id"]])[found["id"]])
        if recurs(found["definition"]):
            found["runs"] = connection.execute(_LAST_RUNS, {"user_id": user_id, "campaign_id": found["id"]}).fetchall()
        return found


def list_campaigns(
    database: Database,
    user_id: UUID,
    *,
    status: str | None = None,
    type_: str | None = None,
    page: int = 1,
    limit: int = 20,
) -> list[dict[str, Any]]:
    """Return a page of campaigns, the newest first, each with its `recipients` by status.

    `total` of each row says how many there are on all pages.
    """
    binds = {"user_id": user_id, "status": status, "type": type_, "limit": limit, "offset": (page - 1) * limit}
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(statement(__package__, "list_campaigns"), binds).fetchall()
        counts = count_recipients(connection, user_id, [row["id"] for row in rows])
    return [{**row, "recipients": dict(counts[row["id"]])} for row in rows]


def count_recipients(
    connection: Connection, user_id: UUID, campaign_ids: Sequence[UUID]
) -> Mapping[UUID, Counter[str]]:
    """Count the recipients of each campaign by their exclusive status."""
    counts: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    binds = {"user_id": user_id, "campaign_ids": list(campaign_ids)}
    for row in connection.execute(statement(__package__, "count_recipients"), binds):
        counts[row["campaign_id"]][row["status"]] = row["recipients"]
    return counts


def list_recipients(
    database: Database, user_id: UUID, *, name: str, statuses: Sequence[str] = (), limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the recipients of a campaign, occurrence by occurrence, by phone, as from one instant."""
    with database.transaction(read_only=True) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        binds = {"user_id": user_id, "campaign_id": find_campaign(connection, user_id, name=name)["id"]}
        runs = connection.execute(_RUNS, binds).fetchall()
        wanted = {"user_id": user_id, "statuses": list(statuses), "limit": limit}
        each = (_recipients_of(connection, {**wanted, "occurrence_id": run["id"]}) for run in runs)
        yield from islice(chain.from_iterable(each), limit)


def _recipients_of(connection: Connection, binds: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    with connection.cursor(name="recipients") as rows:
        rows.itersize = _ROWS_AT_ONCE
        yield from rows.execute(_RECIPIENTS, binds)


def _names(connection: Connection, user_id: UUID) -> list[str]:
    rows = connection.execute("SELECT name FROM sms_campaigns WHERE user_id = %s AND archived_at IS NULL", [user_id])
    return [row["name"] for row in rows]


_RECIPIENTS: LiteralString = """
    SELECT id, customer_id, phone_number, step, variant, status, reason, timezone, send_after, expires_at,
        appointment_at, encoding, segments_used AS parts, attempt, retry_count, provider, provider_message_id,
        error_code, error_message, cost, currency, sent_at, delivered_at, personalized_content AS text,
        CASE status WHEN 'unknown' THEN (
            SELECT coalesce(finding, detail) FROM submissions
            WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = campaign_recipients.phone_number
              AND submissions.recipient_id = campaign_recipients.id
            ORDER BY submissions.started_at DESC LIMIT 1) END AS finding
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s
      AND (cardinality(%(statuses)s::text[]) = 0 OR status = ANY (%(statuses)s::text[]))
    ORDER BY phone_number, step
    LIMIT %(limit)s
"""
_LAST_RUNS: LiteralString = """
    SELECT occurs_at, status, launched_at, revision, audience_size, exclusions, phase, advance_at, winner, decision
    FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status <> 'scheduled'
    ORDER BY occurs_at DESC
    LIMIT 5
"""
_RUNS: LiteralString = """
    SELECT id FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
    ORDER BY occurs_at DESC
"""
