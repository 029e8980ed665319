"""What people answered, as a person reads it: newest first, with the text that each answers and who said it."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import StateError

SHORTEST_KEY = 8  # characters of a key that name a message


def list_inbox(
    connection: Connection, user_id: UUID, *, meaning: str | None = None, limit: int = 50, page: int = 1
) -> Sequence[dict[str, Any]]:
    """Return a page of messages, all or those that mean something, the newest first.

    `campaign` is whose text they answer, None for a stray one; `key` names a message.
    """
    binds = {"user_id": user_id, "meaning": meaning, "limit": limit, "skip": limit * (page - 1)}
    return connection.execute(statement(__package__, "list_inbox"), binds).fetchall()


def find_message(connection: Connection, user_id: UUID, key: str) -> dict[str, Any]:
    """Return one message with the text that it answers. Raises: StateError when `key` names none, or several."""
    plain = key.strip().lower().replace("-", "")
    is_key = len(plain) >= SHORTEST_KEY and set(plain) <= set("0123456789abcdef")
    binds = {"user_id": user_id, "key": f"%{plain}"}
    found = connection.execute(_FIND, binds).fetchall() if is_key else []
    if len(found) != 1:
        said = "several messages have" if found else "there is no message with"
        raise StateError(f"{said} this id", hint="lumiere-sms inbox list")
    return found[0]


_FIND: LiteralString = """
    SELECT message.id, message.received_at, message.phone_number, message.sender, message.provider,
        message.provider_message_id, message.body, message.meaning, message.decided_by, message.decided_at,
        campaign.name AS campaign, answered.personalized_content AS text,
        answer.personalized_content AS answer, answer.status AS answer_status, message.customer_id,
        nullif(concat_ws(' ', customer.last_name, customer.first_name), '') AS customer
    FROM inbound_messages AS message
    LEFT JOIN campaign_recipients AS answered ON answered.user_id = %(user_id)s AND answered.id = message.recipient_id
    LEFT JOIN campaign_recipients AS answer ON answer.user_id = %(user_id)s AND answer.id = message.answer_id
    LEFT JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = answered.campaign_id
    LEFT JOIN customers AS customer ON customer.user_id = %(user_id)s AND customer.id = message.customer_id
    WHERE message.user_id = %(user_id)s AND replace(message.id::text, '-', '') LIKE %(key)s
    LIMIT 2
"""
