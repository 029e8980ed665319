"""Consents from a CSV, as papers and web forms bring them: who, of which purpose, when, how, in which words.

A list is one act. It lifts no refusal, and what it says of a day before somebody said the contrary is kept as proof and
changes nothing. A consent that is written down already is not written down again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.audience.cells import Reader, read_text, read_yes_no, readers, refuse_names
from lumiere_sms.audience.consent_rows import PURPOSES, Act, Consent, append, hold, newest_of, write_current
from lumiere_sms.audience.customers import find_customers
from lumiere_sms.audience.headers import name_columns
from lumiere_sms.audience.lists import ListFile, open_list, read_each, read_header, read_rows
from lumiere_sms.audience.people import bare
from lumiere_sms.audience.words import meanings, plain
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import DefinitionError, StateError

#: A yes of the very day of a no is no later than that: it was said before it.
_JUST_BEFORE = timedelta(microseconds=1)
_SAID = ("consent_date", "consent_source", "consent_wording")
_PURPOSES = {"promotional": PURPOSES[:1], "reminder": PURPOSES[1:], "all": PURPOSES}
_WHO = ("external_id", "phone_number")
_NEEDED = {
    "a customer number or a phone number": _WHO,
    '"purpose"': ("purpose",),
    '"consent_date"': ("consent_date",),
}


@dataclass(frozen=True, slots=True)
class ImportedConsents:
    """What a list came to: its rows; consents granted, withdrawn, known already, or overtaken by later ones."""

    rows: int
    granted: int
    withdrawn: int
    known: int
    outdated: int
    dry_run: bool


def import_consents(
    database: Database, tenant: Tenant, path: Path, *, dry_run: bool = False, by: str = "operator", now: datetime
) -> ImportedConsents:
    """Take the consents of a CSV in, all of them or none.

    Raises: DefinitionError with the line of what is wrong; StateError where somebody was erased or refused meanwhile.
    """
    file = open_list(path)
    with database.transaction() as connection:
        listed = _read(connection, tenant, file, now=now)
        consents = [each for some in listed for each in some]
        holds, outdated = _judge(connection, tenant.id, consents)
        if (holds or outdated) and not dry_run:
            act = Act(by, "consent.import", path.name, after={"rows": len(listed)})
            append(connection, tenant.id, holds + outdated, act=act, now=now)
            _set(connection, tenant.id, holds)
    granted, known = sum(each.is_granted for each in holds), len(consents) - len(holds) - len(outdated)
    return ImportedConsents(len(listed), granted, len(holds) - granted, known, len(outdated), dry_run)


def _judge(connection: Connection, user_id: UUID, consents: Sequence[Consent]) -> tuple[list[Consent], list[Consent]]:
    """Return, of consents that are not known yet, those that hold, and those that the contrary was said after."""
    ids = list({each.customer_id for each in consents})
    hold(connection, user_id, ids)
    _refuse_overtaken(connection, user_id, consents)
    known = {tuple(row.values()) for row in connection.execute(_KNOWN, {"user_id": user_id, "ids": ids})}
    newest = {key: (row["at"], row["is_granted"]) for key, row in newest_of(connection, user_id, ids).items()}
    holds, outdated = list[Consent](), list[Consent]()
    for said in sorted(consents, key=lambda consent: (consent.at, consent.is_granted, consent.id)):
        key = said.customer_id, said.purpose
        last = newest.get(key, (said.at, said.is_granted))
        is_tied = said.is_granted and last == (said.at, False)
        each = replace(said, at=said.at - _JUST_BEFORE) if is_tied and said.at else said
        contents = {(*key, said.is_granted, said.at), (*key, each.is_granted, each.at)}
        if contents & known:
            continue
        known |= contents
        if last[0] > each.at and last[1] != each.is_granted:
            outdated.append(replace(each, holds=False))
            continue
        holds.append(each)
        if each.at >= last[0]:
            newest[key] = (each.at, each.is_granted)
    return holds, outdated


def _refuse_overtaken(connection: Connection, user_id: UUID, consents: Sequence[Consent]) -> None:
    """Take no yes of whom a refusal from before it was noted since the list was read. Raises: StateError."""
    agreed = [each for each in consents if each.is_granted]
    ids, ats = [each.customer_id for each in agreed], [each.at for each in agreed]
    if connection.execute(_REFUSED_BEFORE, {"user_id": user_id, "ids": ids, "ats": ats}).fetchone():
        raise StateError("a customer's refusal has just been noted; nothing was taken in", hint="try again")


def _set(connection: Connection, user_id: UUID, consents: Sequence[Consent]) -> None:
    for purpose in PURPOSES:
        last = {each.customer_id: each.is_granted for each in consents if each.purpose == purpose}
        for is_granted in (True, False):
            ids = [each for each, said in last.items() if said is is_granted]
            write_current(connection, user_id, ids, {purpose}, is_granted=is_granted)


def _read(connection: Connection, tenant: Tenant, file: ListFile, *, now: datetime) -> list[list[Consent]]:
    """Return the consents of each line. Raises: DefinitionError."""
    rows = read_rows(file)
    columns = read_header(file, rows, _columns)
    cells_of = readers(country=tenant.country, zone=ZoneInfo(tenant.timezone), now=now)
    used: dict[str, Reader] = {"said": read_yes_no, **{name: cells_of[name] for name in _SAID}}

    def read(_: int, row: Sequence[str]) -> list[Consent]:
        return _consents(connection, tenant, dict(zip(columns, map(bare, row), strict=True)), used)

    listed, problems = read_each(file, rows, columns, read)
    if problems:
        raise DefinitionError(problems)
    return listed


def _columns(cells: Sequence[str]) -> list[str]:
    words = meanings("consent_headers")
    return name_columns(cells, words, known=sorted({*words.values(), *_WHO}), needed=_NEEDED)


def _consents(
    connection: Connection, tenant: Tenant, cells: Mapping[str, str], used: Mapping[str, Reader]
) -> list[Consent]:
    read = {name: reader(cells[name]) for name, reader in used.items() if cells.get(name)}
    purposes = _PURPOSES.get(meanings("purposes").get(plain(cells["purpose"]), ""))
    if purposes is None:
        raise ValueError(f'"{cells["purpose"]}" is not a purpose; write promotional, reminder or all')
    if not read.get("consent_date"):
        raise ValueError("the day is missing; a consent without its day proves little")
    is_granted = read.get("said", "true") == "true"
    customer = _customer(connection, tenant, cells)
    at = datetime.fromisoformat(read["consent_date"] or "")
    if is_granted and customer["opt_out_date"] and at >= customer["opt_out_date"]:
        raise ValueError("this person refused texts before that day; a list lifts no refusal")
    refuse_names(read.get("consent_wording"), customer["last_name"], customer["first_name"])
    evidence = {"note": cells["evidence"]} if cells.get("evidence") else None
    about = (read.get("consent_source") or "import", read.get("consent_wording"), at, evidence)
    return [Consent(customer["id"], purpose, is_granted, *about) for purpose in purposes]


def _customer(connection: Connection, tenant: Tenant, cells: Mapping[str, str]) -> dict[str, Any]:
    key = next((cells[name] for name in _WHO if cells.get(name)), "")
    found = find_customers(connection, tenant, key) if key else []
    if cells.get("external_id"):  # which may look like a phone number, also one of others
        found = [row for row in found if row["external_id"] in {key, read_text(key)}] or found
    if len(found) == 1:
        return found[0]
    told = "nobody has this customer number or phone number" if key else "neither a customer number nor a phone number"
    raise ValueError(f"{len(found)} customers have this phone number; give the customer number" if found else told)


_REFUSED_BEFORE: LiteralString = """
    SELECT customers.id FROM unnest(%(ids)s::uuid[], %(ats)s::timestamptz[]) AS said (id, at)
    JOIN customers ON customers.user_id = %(user_id)s AND customers.id = said.id
    WHERE customers.opt_out_date <= said.at
    LIMIT 1
"""
_KNOWN: LiteralString = """
    SELECT customer_id, purpose, is_granted, at FROM consents
    WHERE user_id = %(user_id)s AND customer_id = ANY (%(ids)s::uuid[])
"""
