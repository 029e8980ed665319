"""Numbers that are not texted, whoever has them, with the reason and where it came from."""

from datetime import datetime
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id


def suppress(
    connection: Connection, user_id: UUID, phone_number: str, *, reason: str, source: str, now: datetime | None
) -> bool:
    """Never text a number again; say whether it is new. A refusal is noted with everyone who has the number.

    `reason` is opted_out, invalid_number or blocked; `source` import, operator or provider. A refusal outranks
    the other reasons: those are about the number, it is about the person's will.
    """
    binds = {
        "user_id": user_id,
        "id": new_id(),
        "phone_number": phone_number,
        "reason": reason,
        "source": source,
        "now": now,
    }
    changed = connection.execute(
        "INSERT INTO suppressions (user_id, id, phone_number, reason, source, created_at)"
        " VALUES (%(user_id)s, %(id)s, %(phone_number)s, %(reason)s, %(source)s, coalesce(%(now)s::timestamptz, now()))"
        " ON CONFLICT (user_id, phone_number) DO UPDATE SET reason = excluded.reason, source = excluded.source"
        " WHERE excluded.reason = 'opted_out' AND suppressions.reason <> 'opted_out'",
        binds,
    )
    if reason == "opted_out":
        connection.execute(
            "UPDATE customers SET opt_out_date = coalesce(%(now)s::timestamptz, now())"
            " WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND opt_out_date IS NULL",
            binds,
        )
    return changed.rowcount == 1


def lift(connection: Connection, user_id: UUID, phone_number: str) -> bool:
    """Text a number again, after its owner asked for it in person; say whether it was suppressed."""
    binds = {"user_id": user_id, "phone_number": phone_number}
    lifted = connection.execute(
        "DELETE FROM suppressions WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s", binds
    )
    connection.execute(
        "UPDATE customers SET opt_out_date = NULL"
        " WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND opt_out_date IS NOT NULL",
        binds,
    )
    return lifted.rowcount == 1
