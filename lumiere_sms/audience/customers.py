"""The people a business knows: found, shown and changed one at a time."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL, Composable, Identifier, Placeholder
from psycopg.types.json import Jsonb

from lumiere_sms.audience.cells import Reader, read_text, readers
from lumiere_sms.audience.consent_rows import COLUMNS, PURPOSES, Act, Consent, append
from lumiere_sms.audience.fields import guess
from lumiere_sms.audience.headers import ATTRIBUTE, field_of
from lumiere_sms.audience.phones import PhoneError, phone_or_none
from lumiere_sms.audience.suppressions import NO_WORDS, Words, lift, refuse_again, regained, suppress, withdrawn
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.errors import DefinitionError, Problem, RefusedError, StateError

Customer = dict[str, Any]

_NUMBER = re.compile(r"[0-9() +-]{4,}", re.ASCII)
_OF_TAGS = {"tags+": "tags_added", "tags-": "tags_removed"}
_NO_TAGS = {"tags": None, "tags_added": "{}", "tags_removed": "{}"}
# The tags that are given, else those there are, with some added, without others.
_TAGS = """tags = ARRAY(
    SELECT kept.tag
    FROM unnest(array_cat(coalesce(%(tags)s::text[], tags), ARRAY(
        SELECT added.tag FROM unnest(%(tags_added)s::text[]) AS added (tag)
        WHERE added.tag <> ALL (coalesce(%(tags)s::text[], tags))
    ))) AS kept (tag)
    WHERE kept.tag <> ALL (%(tags_removed)s::text[])
)"""
# What an emptied column becomes where it cannot be null.
_EMPTY = {
    "total_sales": "0",
    "visit_count": "0",
    "tags": "{}",
    "allow_promotional": "false",
    "allow_reminders": "true",
}
_OF_A_NUMBER = {"form": "operator"}  # where a suppression knows fewer sources than a consent
_HOLD: LiteralString = "SELECT * FROM customers WHERE user_id = %(user_id)s AND id = %(id)s FOR NO KEY UPDATE"
_REFUSE_WITHOUT_NUMBER: LiteralString = """
    UPDATE customers SET opt_out_date = %(now)s
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[]) AND opt_out_date IS NULL
    RETURNING id
"""
_WANT_WITHOUT_NUMBER: LiteralString = """
    UPDATE customers SET opt_out_date = NULL
    WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[]) AND opt_out_date IS NOT NULL
    RETURNING id, allow_promotional, allow_reminders
"""


class Wish(StrEnum):
    """What a person said about being texted."""

    NONE = ""
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a customer beyond the row: why the number is not texted, static segments, the last texts."""

    suppression: dict[str, Any] | None
    segments: tuple[str, ...]
    texts: tuple[dict[str, Any], ...]


def list_customers(
    connection: Connection, user_id: UUID, *, search: str = "", tag: str = "", limit: int = 50, page: int = 1
) -> list[Customer]:
    """Return a page of customers; `search` is part of a name, a customer number or a phone number."""
    binds = {"user_id": user_id, "search": search.strip(), "tag": tag, "digits": _digits(search)}
    paging = {"limit": limit, "offset": limit * (page - 1)}
    return connection.execute(statement(__package__, "list_customers"), {**binds, **paging}).fetchall()


def find_customers(connection: Connection, tenant: Tenant, key: str) -> list[Customer]:
    """Return the customers that an id, an external id or a phone number names; several may share a phone."""
    binds = {"user_id": tenant.id, "key": key, "narrow": read_text(key), "id": _uuid(key)}
    binds["phone"] = _phone(key, tenant.country)
    return connection.execute(
        "SELECT * FROM customers WHERE user_id = %(user_id)s"
        " AND (id = %(id)s::uuid OR external_id IN (%(key)s, %(narrow)s) OR phone_number = %(phone)s::text)"
        " ORDER BY id",
        binds,
    ).fetchall()


def require_customers(connection: Connection, tenant: Tenant, key: str) -> list[Customer]:
    """Return as `find_customers`. Raises: StateError when nobody is found."""
    found = find_customers(connection, tenant, key)
    if not found:
        raise StateError("no customer has this id, customer number or phone number", hint="lumiere-sms customer list")
    return found


def require_one(connection: Connection, tenant: Tenant, key: str) -> Customer:
    """Return the one customer that `key` names. Raises: StateError when it names nobody, or several."""
    return the_one(require_customers(connection, tenant, key))


def the_one(found: Sequence[Customer]) -> Customer:
    """Return the only one of customers that were found. Raises: StateError when they are several."""
    if len(found) > 1:
        raise StateError(f"{len(found)} customers have this phone number", hint=f"name one: {', '.join(_names(found))}")
    return found[0]


def standing_of(connection: Connection, user_id: UUID, customer: Customer) -> Standing:
    """Return what is known of a customer beyond the row."""
    binds = {"user_id": user_id, "customer_id": customer["id"], "phone_number": customer["phone_number"]}
    suppression = connection.execute(
        "SELECT reason, source, created_at FROM suppressions"
        " WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s",
        binds,
    ).fetchone()
    segments = connection.execute(
        "SELECT audience_segments.name FROM segment_members JOIN audience_segments"
        " ON audience_segments.user_id = %(user_id)s AND audience_segments.id = segment_members.segment_id"
        " WHERE segment_members.user_id = %(user_id)s AND segment_members.customer_id = %(customer_id)s ORDER BY 1",
        binds,
    )
    texts = connection.execute(statement(__package__, "recent_texts"), binds)
    return Standing(suppression, tuple(row["name"] for row in segments), tuple(texts))


def set_customers(
    connection: Connection,
    tenant: Tenant,
    key: str,
    *,
    assignments: Sequence[str],
    wish: Wish,
    by: str = "operator",
    now: datetime,
) -> list[Customer]:
    """Change what is known of a customer, note a wish about texts, or both; return whom it concerns.

    Raises: as `change_customer`, `opt_out` and `opt_in`; StateError when there is nothing to do.
    """
    if not assignments and not wish:
        raise StateError("there is nothing to set", hint="give NAME=VALUE, --opt-out or --opt-in")
    changed = [change_customer(connection, tenant, key, assignments=assignments, by=by, now=now)] if assignments else []
    key = str(changed[0]["id"]) if changed else key
    match wish:
        case Wish.NONE:
            return changed
        case Wish.OPT_OUT:
            return opt_out(connection, tenant, key, by=by, now=now)
        case Wish.OPT_IN:
            return opt_in(connection, tenant, key, by=by, now=now)
        case _:
            assert_never(wish)


def change_customer(
    connection: Connection,
    tenant: Tenant,
    key: str,
    *,
    assignments: Sequence[str],
    by: str = "operator",
    now: datetime,
) -> Customer:
    """Set columns of the one customer that `key` names, from `NAME=VALUE`; an empty value empties the column.

    Names and values are those of a customer list; other names are written `attributes.NAME`. `tags+=` and
    `tags-=` add and take away. Raises: DefinitionError that lists what is wrong with the assignments,
    StateError when `key` does not name exactly one customer or an external id is another's, RefusedError for a yes to
    texts of a person who refused them.
    """
    found = require_one(connection, tenant, key)
    changes = _changes(assignments, readers(country=tenant.country, zone=ZoneInfo(tenant.timezone), now=now))
    binds = {"user_id": tenant.id, "id": found["id"], "now": now, **_NO_TAGS, **changes}
    columns = dict.fromkeys("tags" if name in _NO_TAGS else name for name in changes)
    if {"phone_number", *COLUMNS.values()} & columns.keys():
        hold_tenant(connection, binds["user_id"])  # as an erasure does, which forgets whose refusal it was; imports too
    before = connection.execute(_HOLD, binds).fetchone()
    if before is None:
        raise StateError("this customer has just been erased", hint="lumiere-sms customer list")
    _refuse_to_lift(before, changes)
    _refuse_unconfirmed(tenant, before, changes)
    _refuse_taken(connection, binds)
    setting = SQL(", ").join([*map(_setting, columns), SQL("updated_at = %(now)s")])
    row = connection.execute(
        SQL("UPDATE customers SET {} WHERE user_id = %(user_id)s AND id = %(id)s RETURNING *").format(setting),
        {name: Jsonb(value) if isinstance(value, dict) else value for name, value in binds.items()},
    ).fetchone()
    assert row is not None, "it is held"
    if "phone_number" in columns and row["phone_number"]:
        refuse_again(connection, tenant.id, [row["phone_number"]], by=by, now=now)
    _note_change(connection, tenant.id, before, row, columns=columns, by=by, now=now)
    return row


def opt_out(
    connection: Connection,
    tenant: Tenant,
    key: str,
    *,
    source: str = "operator",
    words: Words = NO_WORDS,
    note: str | None = None,
    by: str = "operator",
    now: datetime,
) -> list[Customer]:
    """Never text the customers that `key` names again, nor anyone who has their numbers; return whom it concerns.

    Raises: StateError when nobody is found.
    """
    named = require_customers(connection, tenant, key)
    about: dict[str, Any] = {"reason": "opted_out", "source": _OF_A_NUMBER.get(source, source), "note": note}
    for phone in _phones(named):
        suppress(connection, tenant.id, phone, **about, how=source, words=words, by=by, now=now)
    binds = {"user_id": tenant.id, "ids": [row["id"] for row in named], "now": now}
    for row in connection.execute(_REFUSE_WITHOUT_NUMBER, binds):
        act = Act(by, "customer.opt_out", str(row["id"]), reason=note)
        append(connection, tenant.id, withdrawn([row["id"]], source, words), act=act, now=now)
    return _concerned(connection, tenant.id, named)


def opt_in(
    connection: Connection,
    tenant: Tenant,
    key: str,
    *,
    source: str = "operator",
    words: Words = NO_WORDS,
    reason: str | None = None,
    by: str = "operator",
    now: datetime | None = None,
) -> list[Customer]:
    """Lift the refusal of the customers that `key` names, and with it their numbers'; return whom it concerns.

    Only an operator who was told so by the person calls this. Raises: StateError when nobody is found.
    """
    named = require_customers(connection, tenant, key)
    for phone in _phones(named):
        lift(connection, tenant.id, phone, source=source, reason=reason, words=words, by=by, now=now)
    binds = {"user_id": tenant.id, "ids": [row["id"] for row in named]}
    for row in connection.execute(_WANT_WITHOUT_NUMBER, binds):
        act = Act(by, "customer.opt_in", str(row["id"]), reason=reason)
        append(connection, tenant.id, regained([row], source=source, words=words), act=act, now=now)
    return _concerned(connection, tenant.id, named)


def _note_change(
    connection: Connection,
    user_id: UUID,
    before: Customer,
    after: Customer,
    *,
    columns: Iterable[str],
    by: str,
    now: datetime,
) -> None:
    """Note which columns were changed: what they held is about a person, but for whether they agreed to be texted."""
    changed = [name for name in columns if before[name] != after[name]]
    if changed:
        agreed = [purpose for purpose in PURPOSES if COLUMNS[purpose] in changed]
        was = {COLUMNS[each]: before[COLUMNS[each]] for each in agreed} or None
        told = {"changed": changed, **{COLUMNS[each]: after[COLUMNS[each]] for each in agreed}}
        said = [Consent(before["id"], each, after[COLUMNS[each]], "operator") for each in agreed]
        act = Act(by, "customer.set", str(before["id"]), before=was, after=told)
        append(connection, user_id, said, act=act, now=now)


def _refuse_to_lift(customer: Customer, changes: dict[str, Any]) -> None:
    """Refuse a yes of a person who refused: it takes more than a column to text them again. Raises: RefusedError."""
    if customer["opt_out_date"] and any(changes.get(column) == "true" for column in COLUMNS.values()):
        hint = "if they asked for texts again since: lumiere-sms consent grant KEY --lifts-refusal --reason TEXT"
        raise RefusedError("this person refused texts; nothing was changed", hint=hint)


def _refuse_unconfirmed(tenant: Tenant, customer: Customer, changes: dict[str, Any]) -> None:
    """Refuse a new yes to advertising where the tenant has it confirmed by text. Raises: RefusedError."""
    is_new = changes.get("allow_promotional") == "true" and not customer["allow_promotional"]
    if is_new and tenant.rules.get("double_opt_in"):
        hint = "lumiere-sms consent request KEY; or take the rule back: tenant set --no-double-opt-in"
        raise RefusedError("consent to advertising is confirmed by text here (rule double_opt_in)", hint=hint)


def _concerned(connection: Connection, user_id: UUID, named: Sequence[Customer]) -> list[Customer]:
    return connection.execute(
        "SELECT * FROM customers WHERE user_id = %(user_id)s"
        " AND (id = ANY(%(ids)s) OR phone_number = ANY(%(phones)s::text[])) ORDER BY id",
        {"user_id": user_id, "ids": [row["id"] for row in named], "phones": _phones(named)},
    ).fetchall()


def _phones(customers: Sequence[Customer]) -> list[str]:
    return sorted({row["phone_number"] for row in customers if row["phone_number"]})


def _names(customers: Sequence[Customer]) -> list[str]:
    return [row["external_id"] or str(row["id"]) for row in customers[:5]]


def _changes(assignments: Sequence[str], cells: dict[str, Reader]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    problems = []
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        try:
            if not equals:
                raise ValueError("expected NAME=VALUE")  # noqa: TRY301 - told with the others
            _assign(changes, name.strip(), value.strip(), cells)
        except ValueError as error:
            problems.append(Problem(assignment if not isinstance(error, PhoneError) else name, 0, 0, str(error)))
    if problems:
        raise DefinitionError(problems)
    return changes


def _assign(changes: dict[str, Any], name: str, value: str, cells: dict[str, Reader]) -> None:
    field = _OF_TAGS.get(name) or field_of(name)
    if name in _OF_TAGS:
        changes[field] = cells["tags"](value) or "{}"
    elif field == "opt_out_date":
        raise ValueError("a refusal is not set here; use --opt-out or --opt-in")
    elif field.startswith("consent_"):
        raise ValueError("what was agreed to, and how, is noted by lumiere-sms consent grant")
    elif field.startswith(ATTRIBUTE) and name.startswith(ATTRIBUTE):
        changes.setdefault("attributes", {})[field.removeprefix(ATTRIBUTE)] = value or None
    elif field not in cells:
        near = guess(name, cells) or f"write {ATTRIBUTE}{name} for a value of your own"
        raise ValueError(f'unknown field "{name}"; {near}')
    else:
        changes[field] = cells[field](value) if value else _EMPTY.get(field)


def _setting(name: str) -> Composable:
    match name:
        case "attributes":
            return SQL("attributes = jsonb_strip_nulls(attributes || %(attributes)s)")
        case "tags":
            return SQL(_TAGS)
        case _:
            return SQL("{} = {}").format(Identifier(name), Placeholder(name))


def _refuse_taken(connection: Connection, binds: dict[str, Any]) -> None:
    """Refuse an external id that another customer has. Raises: StateError."""
    taken = connection.execute(
        "SELECT id FROM customers WHERE user_id = %(user_id)s AND external_id = %(external_id)s::text AND id <> %(id)s",
        {"external_id": None, **binds},
    ).fetchone()
    if taken:
        raise StateError("another customer has this customer number", hint=f"lumiere-sms customer show {taken['id']}")


def _digits(search: str) -> str:
    narrow = unicodedata.normalize("NFKC", search).strip()
    return re.sub(r"[^0-9]", "", narrow).removeprefix("0") if _NUMBER.fullmatch(narrow) else ""


def _uuid(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None


def _phone(key: str, country: str) -> str | None:
    return phone_or_none(key.strip(), country=country) if re.search(r"[0-9０-９]{3}", key) else None
