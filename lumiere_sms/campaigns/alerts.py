"""What a person should look at: rows, shown by `status` until acknowledged."""

from datetime import datetime
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id


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
