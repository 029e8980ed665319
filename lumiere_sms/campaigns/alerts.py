"""What a person should look at: rows, shown by `status` until acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import StateError

KEY_LENGTH = 8  # characters from the end of an alert's id: enough to tell apart those that are open


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person should look at. `key` names it in commands."""

    key: str
    kind: str
    subject: str
    message: str
    raised_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None


def raise_alert(
    connection: Connection, user_id: UUID, *, kind: str, subject: str, message: str, now: datetime | None
) -> bool:
    """Raise an alert unless one of the same kind and subject is open; say whether it is new."""
    raised = connection.execute(
        "INSERT INTO alerts (user_id, id, kind, subject, message, raised_at)"
        " VALUES (%(user_id)s, %(id)s, %(kind)s, %(subject)s, %(message)s, coalesce(%(now)s::timestamptz, now()))"
        " ON CONFLICT (user_id, kind, subject) WHERE acknowledged_at IS NULL DO NOTHING",
        {"user_id": user_id, "id": new_id(), "kind": kind, "subject": subject, "message": message, "now": now},
    )
    return raised.rowcount == 1


def list_alerts(
    connection: Connection, user_id: UUID, *, with_acknowledged: bool = False, limit: int = 100
) -> tuple[Alert, ...]:
    """Return the alerts that are open, the oldest first; those that are not any more behind them, the newest first."""
    binds = {"user_id": user_id, "all": with_acknowledged, "limit": limit}
    return tuple(_alert(row) for row in connection.execute(_LIST, binds))


def acknowledge(
    database: Database,
    user_id: UUID,
    keys: Sequence[str] | None,
    *,
    reason: str | None = None,
    by: str = "operator",
    clock: Clock,
) -> tuple[Alert, ...]:
    """Note that somebody has looked at these alerts, at all that are open where `keys` is None; return them.

    Raises: StateError, with nothing acknowledged, when a key is that of no open alert.
    """
    now = clock.database_now()
    wanted = sorted(set(keys or ()))
    binds = {"user_id": user_id, "keys": wanted, "all": keys is None, "by": by, "now": now, "key_length": KEY_LENGTH}
    with database.transaction() as connection:
        done = tuple(_alert(row) for row in connection.execute(_ACKNOWLEDGE, binds))
        if missing := [key for key in wanted if key not in {each.key for each in done}]:
            raise StateError(f'there is no open alert "{missing[0]}"', hint="lumiere-sms alert list")
        for each in done:
            _record(connection, user_id, each, reason=reason, now=now)
    return done


def _record(connection: Connection, user_id: UUID, alert: Alert, *, reason: str | None, now: datetime | None) -> None:
    audit.record(
        connection,
        user_id,
        actor=alert.acknowledged_by or "",
        action="alert.acknowledge",
        subject=alert.key,
        reason=reason,
        before={"kind": alert.kind, "subject": alert.subject},
        now=now,
    )


def _alert(row: Mapping[str, Any]) -> Alert:
    values = dict(row)
    return Alert(str(values.pop("id"))[-KEY_LENGTH:], **values)


_LIST: LiteralString = """
    SELECT id, kind, subject, message, raised_at, acknowledged_at, acknowledged_by
    FROM alerts
    WHERE user_id = %(user_id)s AND (acknowledged_at IS NULL OR %(all)s)
    ORDER BY acknowledged_at IS NOT NULL, acknowledged_at DESC, raised_at, id
    LIMIT %(limit)s
"""
_ACKNOWLEDGE: LiteralString = """
    UPDATE alerts
    SET acknowledged_at = coalesce(%(now)s::timestamptz, now()), acknowledged_by = %(by)s
    WHERE user_id = %(user_id)s AND acknowledged_at IS NULL
      AND (%(all)s OR right(id::text, %(key_length)s) = ANY (%(keys)s::text[]))
    RETURNING id, kind, subject, message, raised_at, acknowledged_at, acknowledged_by
"""
