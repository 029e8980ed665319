"""Who changed what: the log of what people and rules did to a tenant's affairs. Append-only.

People appear in it as ids, never as numbers or names.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id


def record(  # noqa: PLR0913 - an entry has so many parts
    connection: Connection,
    user_id: UUID,
    *,
    actor: str,
    action: str,
    subject: str,
    reason: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime | None,
) -> None:
    """Note a change in the transaction that makes it.

    `action` is noun and verb (`campaign.retry`), `subject` what it was done to (a campaign's name, a
    recipient's id, a sender); `before` and `after` hold what changed, as JSON has it.
    """
    connection.execute(
        "INSERT INTO audit_log (user_id, id, at, actor, action, subject, reason, before, after)"
        " VALUES (%(user_id)s, %(id)s, coalesce(%(now)s::timestamptz, now()), %(actor)s, %(action)s, %(subject)s,"
        " %(reason)s, %(before)s, %(after)s)",
        {
            "user_id": user_id,
            "id": new_id(),
            "now": now,
            "actor": actor,
            "action": action,
            "subject": subject,
            "reason": reason,
            "before": None if before is None else Jsonb(before),
            "after": None if after is None else Jsonb(after),
        },
    )
