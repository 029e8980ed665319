"""Whom an export or an erasure is about: one customer, or a number that no customer has."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.customers import find_customers, the_one
from lumiere_sms.audience.phones import phone_or_none
from lumiere_sms.campaigns.capping import number_hash
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import StateError

_NOBODY = r"(?!)"  # a regular expression that matches nothing
_JAPAN = "+81"


@dataclass(frozen=True, slots=True)
class Subject:
    """A person: `number` is theirs now, `numbers` all that texts to them went to, `own` those that nobody else has.

    `recipients` are the texts to them, `on_the_wire` those of them that are not settled. Without a customer's row the
    `id` is a new one.
    """

    id: UUID
    number: str | None
    numbers: tuple[str, ...]
    own: tuple[str, ...]
    recipients: tuple[UUID, ...]
    on_the_wire: tuple[UUID, ...]

    def binds(self, user_id: UUID) -> dict[str, Any]:
        """Return what the conditions of places are bound to."""
        return {
            "user_id": user_id,
            "id": self.id,
            "numbers": list(self.numbers),
            "own": list(self.own),
            "recipients": list(self.recipients),
            "spellings": spellings(self.own),
            "hashes": [number_hash(each) for each in self.own],
        }


def find_subject(connection: Connection, tenant: Tenant, key: str) -> Subject:
    """Return the one person whom an id, a customer number or a phone number names.

    Raises: StateError for nobody, or for several who share a number.
    """
    found = find_customers(connection, tenant, key)
    number = the_one(found)["phone_number"] if found else _number(key, tenant)
    subject = subject_of(connection, tenant.id, found[0]["id"] if found else new_id(), number=number)
    if not found and not _is_known(connection, tenant.id, subject):
        raise StateError("nothing is kept of anybody with this id or number", hint="lumiere-sms customer list")
    return subject


def _number(key: str, tenant: Tenant) -> str | None:
    return phone_or_none(key.strip(), country=tenant.country, is_texted=False)


def subject_of(connection: Connection, user_id: UUID, id_: UUID, *, number: str | None = None) -> Subject:
    """Return a person with what was theirs. `number` is the one they have, or had when only that is known of them."""
    binds = {"user_id": user_id, "id": id_, "number": number}
    numbers = {row["phone_number"] for row in connection.execute(_NUMBERS, binds)} | ({number} if number else set())
    others = connection.execute(_OTHERS, {**binds, "numbers": list(numbers)}).fetchall() if numbers else []
    own = numbers - {row["phone_number"] for row in others}
    texts = connection.execute(_TEXTS, {**binds, "own": list(own)}).fetchall()
    return Subject(
        id=id_,
        number=number,
        numbers=tuple(sorted(numbers)),
        own=tuple(sorted(own)),
        recipients=tuple(row["id"] for row in texts),
        on_the_wire=tuple(row["id"] for row in texts if row["is_open"]),
    )


def spellings(numbers: Iterable[str]) -> str:
    r"""Return a regular expression for how numbers are written: with the country or, in Japan, without, and parted.

    >>> import re
    >>> said = "call 090-1234-5678 or +819012345678, not +8190123456789"
    >>> re.sub(spellings(["+819012345678"]), "X", said)
    'call X or X, not +8190123456789'
    """
    written = [_parted(each) for number in numbers for each in _ways(number)]
    return f"(?<![0-9])(?:{'|'.join(written)})(?![0-9])" if written else _NOBODY


def _ways(number: str) -> Sequence[str]:
    national = [f"0{number.removeprefix(_JAPAN)}"] if number.startswith(_JAPAN) else []
    return [number, *national]


def _parted(number: str) -> str:
    digits = r"[ -]?".join(re.sub("[^0-9]", "", number))
    return rf"\+?{digits}" if number.startswith("+") else digits


def _is_known(connection: Connection, user_id: UUID, subject: Subject) -> bool:
    """Say whether anything is kept of a number that no customer has."""
    if subject.number is None:
        return False
    found = connection.execute(_KNOWN, {"user_id": user_id, "number": subject.number}).fetchone()
    return bool(subject.recipients) or bool(found and found["is_known"])


_NUMBERS: LiteralString = """
    SELECT phone_number FROM campaign_recipients
    WHERE user_id = %(user_id)s AND customer_id = %(id)s AND starts_with(phone_number, '+')
    UNION
    SELECT phone_number FROM enrolments
    WHERE user_id = %(user_id)s AND customer_id = %(id)s AND starts_with(phone_number, '+')
    UNION
    SELECT phone_number FROM inbound_messages
    WHERE user_id = %(user_id)s AND customer_id = %(id)s AND starts_with(phone_number, '+')
"""
_OTHERS: LiteralString = """
    SELECT DISTINCT phone_number FROM customers
    WHERE user_id = %(user_id)s AND phone_number = ANY (%(numbers)s) AND id <> %(id)s
"""
# A text that was sent to a number alone is of whoever has it.
_TEXTS: LiteralString = """
    SELECT recipient.id, recipient.status IN ('submitting', 'unknown') OR EXISTS (
            SELECT FROM submissions
            WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = recipient.phone_number
              AND submissions.recipient_id = recipient.id
              AND (submissions.outcome IS NULL OR submissions.outcome = 'unknown' AND submissions.closed_at IS NULL)
        ) AS is_open
    FROM campaign_recipients AS recipient
    WHERE recipient.user_id = %(user_id)s AND starts_with(recipient.phone_number, '+')
      AND (recipient.customer_id = %(id)s OR recipient.customer_id IS NULL AND recipient.phone_number = ANY (%(own)s))
    ORDER BY recipient.id
"""
_KNOWN: LiteralString = """
    SELECT EXISTS (SELECT FROM suppressions WHERE user_id = %(user_id)s AND phone_number = %(number)s)
        OR EXISTS (SELECT FROM inbound_messages WHERE user_id = %(user_id)s AND phone_number = %(number)s)
        OR EXISTS (SELECT FROM opt_out_links WHERE user_id = %(user_id)s AND phone_number = %(number)s)
        OR EXISTS (SELECT FROM responses WHERE user_id = %(user_id)s AND phone_number = %(number)s) AS is_known
"""
