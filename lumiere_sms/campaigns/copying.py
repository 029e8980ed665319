"""Write recipients as fast as PostgreSQL takes them: binary COPY, their keys made here."""

from collections.abc import Callable, Iterable
from typing import LiteralString
from uuid import UUID

from lumiere_sms.campaigns.freezing import Frozen
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id

_COPY: LiteralString = """
    COPY campaign_recipients
        (user_id, occurrence_id, campaign_id, id, customer_id, phone_number, timezone, send_after, expires_at,
         personalized_content, encoding, segments_used, step, variant, preferred_time, appointment_at, status, reason)
    FROM STDIN (FORMAT binary)
"""
_TYPES = (
    *("uuid", "uuid", "uuid", "uuid", "uuid", "text", "text", "timestamptz", "timestamptz", "text", "text", "int2"),
    *("text", "text", "text", "timestamptz", "text", "text"),
)


def write_recipients(
    connection: Connection,
    user_id: UUID,
    *,
    occurrence_id: UUID,
    campaign_id: UUID,
    frozen: Iterable[Frozen],
    make_id: Callable[[], UUID] = new_id,
) -> None:
    """Write the recipients of an occurrence; they are consumed as they are sent."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for recipient in frozen:
            copy.write_row((user_id, occurrence_id, campaign_id, make_id(), *recipient))
