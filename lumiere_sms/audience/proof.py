"""What can be shown of a number to whoever asks why it was texted: who agreed to what, when, in which words.

It answers by number: for everybody who has it, for whoever had it and was erased, until the law's date, and for a
number that nobody has, of which only texts, answers and a refusal are known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.consent_rows import COLUMNS, PURPOSES, hashed
from lumiere_sms.audience.customers import Customer, find_customers
from lumiere_sms.audience.phones import phone_or_none
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.secrets import has_key, number_macs
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import StateError

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with the number: a customer, or an id of whom nothing else is kept since they were erased."""

    id: UUID
    external_id: str | None
    name: str | None
    refused_at: datetime | None
    holds: Mapping[str, bool]
    consents: Rows
    erased_at: datetime | None = None
    keep_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """All that is kept about the consent of a number. The refusal's entry is the audit log's."""

    phone_number: str | None
    people: tuple[Person, ...]
    suppression: Mapping[str, Any] | None
    texts: Rows
    answers: Rows


def prove(connection: Connection, tenant: Tenant, key: str, *, with_sharers: bool = False) -> Proof:
    """Gather what is kept about whom a number, a customer number or an id names, or `with_sharers` of their number too.

    Raises: StateError where nothing is.
    """
    customers = find_customers(connection, tenant, key)
    phone = _phone_of(customers, key, tenant.country)
    if phone and with_sharers:
        known = {row["id"] for row in customers}
        customers += [row for row in find_customers(connection, tenant, phone) if row["id"] not in known]
    mac = _mac(connection, tenant.id, phone) if phone else None
    erased = _erased(connection, tenant.id, mac) if mac else []
    rows = _consents(connection, tenant.id, [*(row["id"] for row in customers), *(row["id"] for row in erased)])
    people = [_person(row, rows) for row in customers] + [_erased_person(row, rows) for row in erased]
    binds = {"user_id": tenant.id, "phone_number": phone}
    texts = connection.execute(statement(__package__, "proof_texts"), binds).fetchall()
    answers = connection.execute(statement(__package__, "proof_answers"), binds).fetchall()
    suppression = _suppression(connection, tenant.id, phone, mac) if phone else None
    if not (people or texts or answers or suppression):
        raise StateError("nothing is kept of anybody with this id or number", hint="lumiere-sms customer list")
    return Proof(phone, tuple(people), suppression, texts, answers)


def _phone_of(customers: Sequence[Customer], key: str, country: str) -> str | None:
    if customers:
        phone: str | None = customers[0]["phone_number"]
        return phone
    return phone_or_none(key, country=country, is_texted=False)


def _consents(connection: Connection, user_id: UUID, ids: Sequence[UUID]) -> Rows:
    return connection.execute(hashed("proof_consents"), {"user_id": user_id, "ids": list(ids)}).fetchall()


def _suppression(connection: Connection, user_id: UUID, phone: str, mac: bytes | None) -> Mapping[str, Any] | None:
    """Return why a number is not texted, also where it is known by its keyed hash alone."""
    binds = {"user_id": user_id, "phone_number": phone, "mac": mac}
    found = connection.execute(_SUPPRESSED, binds).fetchone()
    if found is None:
        return None
    entry = connection.execute(_ENTRY, {"user_id": user_id, "subject": str(found["id"])}).fetchone()
    return {**found, **(entry or {"entry": None, "entry_hash": None})}


def _mac(connection: Connection, user_id: UUID, phone: str) -> bytes | None:
    """Return the keyed hash by which a number is known after an erasure; None where nobody was erased yet."""
    if not has_key(connection, user_id, "number"):
        return None
    return number_macs(connection, user_id, [phone])[phone]


def _erased(connection: Connection, user_id: UUID, mac: bytes) -> list[dict[str, Any]]:
    return connection.execute(_ERASED, {"user_id": user_id, "mac": mac}).fetchall()


def _person(row: Customer, rows: Rows) -> Person:
    own = tuple(each for each in rows if each["customer_id"] == row["id"])
    holds: dict[str, bool] = {purpose: row["opt_out_date"] is None and row[COLUMNS[purpose]] for purpose in PURPOSES}
    name = " ".join(part for part in (row["last_name"], row["first_name"]) if part) or None
    return Person(row["id"], row["external_id"], name, row["opt_out_date"], holds, own)


def _erased_person(row: Mapping[str, Any], rows: Rows) -> Person:
    own = tuple(each for each in rows if each["customer_id"] == row["id"])
    return Person(row["id"], None, None, None, {}, own, row["erased_at"], row["keep_until"])


_SUPPRESSED: LiteralString = """
    SELECT id, phone_number, reason, source, note, created_at FROM suppressions
    WHERE user_id = %(user_id)s AND (phone_number = %(phone_number)s OR number_mac = %(mac)b)
"""
_ENTRY: LiteralString = """
    SELECT seq AS entry, hash AS entry_hash FROM audit_log
    WHERE user_id = %(user_id)s AND subject = %(subject)s AND action = 'suppression.add'
    ORDER BY seq DESC LIMIT 1
"""
_ERASED: LiteralString = """
    SELECT id, erased_at, keep_until FROM erasures WHERE user_id = %(user_id)s AND number_mac = %(mac)b
    ORDER BY erased_at
"""
