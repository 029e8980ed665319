"""Templates in the database: a row is one immutable version of a text, the newest of a name the current one.

What is sent (content, variables, transliteration) never changes within a version, so that a run can be
pinned to one; what only describes it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.told import told
from lumiere_sms.errors import StateError
from lumiere_sms.messages.estimates import estimate
from lumiere_sms.messages.rendering import compile_template


class Category(StrEnum):
    """What texts of a template are for."""

    PROMOTIONAL = "promotional"
    REMINDER = "reminder"
    NOTIFICATION = "notification"
    WELCOME = "welcome"


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """The current version of a template, and how often and when last any version was launched."""

    id: UUID
    name: str
    version: int
    category: str | None
    description: str | None
    subject: str | None
    content: str
    variables: list[str]
    transliterate: bool
    character_count: int
    estimated_segments: int
    encoding: str
    is_active: bool
    is_default: bool
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    usage_count: int
    last_used_at: datetime | None


#: What a definition may say, and what it means where it says nothing.
_DEFAULTS: Mapping[str, Any] = {
    "category": None,
    "description": None,
    "subject": None,
    "variables": [],
    "transliterate": False,
    "tags": [],
    "is_active": True,
    "is_default": False,
}
_SENT = ("content", "subject", "variables", "transliterate")


def list_templates(database: Database, user_id: UUID, *, category: str | None = None) -> list[StoredTemplate]:
    """Return the current templates, by name."""
    return _read(database, user_id, name=None, category=category)


def find_template(database: Database, user_id: UUID, *, name: str) -> StoredTemplate:
    """Return the current version of a template. Raises: StateError, with a guess, when there is none."""
    found = _read(database, user_id, name=name)
    if not found:
        raise _unknown(name, known=[template.name for template in list_templates(database, user_id)])
    return found[0]


def create_template(
    database: Database,
    user_id: UUID,
    *,
    definition: Mapping[str, Any],
    by: str = "operator",
    now: datetime | None = None,
) -> UUID:
    """Write a new template. Raises: StateError when its name is taken, TemplateProblemError."""
    name = definition["name"]
    with database.transaction() as connection:
        if _current(connection, user_id, name) is not None:
            raise StateError(f'there is a template "{name}" already', hint=f"lumiere-sms template show {name}")
        _, given = told({key: (None, value) for key, value in definition.items() if key != "name" and value})
        audit.record(connection, user_id, actor=by, action="template.create", subject=name, after=given, now=now)
        return write_template(connection, user_id, definition)


def write_template(connection: Connection, user_id: UUID, definition: Mapping[str, Any]) -> UUID:
    """Make a template as its definition says, and return the key of its current version.

    `definition` has `name`, `content` and whatever else differs from the defaults. A new version is
    written only if what is sent has changed. The default of a category takes over from the one before.

    Raises: TemplateProblemError.
    """
    values = {**_DEFAULTS, **definition}
    values["variables"], values["tags"] = list(values["variables"]), list(values["tags"])
    current = _current(connection, user_id, values["name"])
    if values["is_default"]:
        connection.execute(_YIELD_DEFAULT, {"user_id": user_id, **values})
    if current is not None and all(current[name] == values[name] for name in _SENT):
        connection.execute(_DESCRIBE, {"user_id": user_id, "id": current["id"], **values})
        return UUID(str(current["id"]))
    return _insert_version(connection, user_id, values)


def delete_template(
    database: Database, user_id: UUID, *, name: str, by: str = "operator", now: datetime | None = None
) -> None:
    """Take a template off the list; its versions stay, as proof of what was sent.

    Raises: StateError when there is none, or a campaign that is not finished uses it.
    """
    with database.transaction() as connection:
        if _current(connection, user_id, name) is None:
            raise StateError(f'there is no template "{name}"', hint="lumiere-sms template list")
        using = connection.execute(_USING, {"user_id": user_id, "name": name}).fetchall()
        if using:
            named = ", ".join(f'"{row["name"]}" ({row["status"]})' for row in using)
            raise StateError(f'template "{name}" is used by {named}', hint="cancel or delete these campaigns first")
        connection.execute(_SET_ASIDE, {"user_id": user_id, "name": name})
        audit.record(connection, user_id, actor=by, action="template.delete", subject=name, now=now)


def attribute_names(database: Database, user_id: UUID) -> set[str]:
    """Return the names of the attributes that customers have, as imports brought them."""
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(_ATTRIBUTES, {"user_id": user_id}).fetchall()
    return {row["name"] for row in rows}


def _read(
    database: Database, user_id: UUID, *, name: str | None = None, category: str | None = None
) -> list[StoredTemplate]:
    binds = {"user_id": user_id, "name": name, "category": category}
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(statement(__package__, "list_templates"), binds).fetchall()
    return [StoredTemplate(**{column.name: row[column.name] for column in fields(StoredTemplate)}) for row in rows]


def _unknown(name: str, *, known: list[str]) -> StateError:
    guess = get_close_matches(name, known, n=1)
    hint = f"did you mean {guess[0]}?" if guess else "lumiere-sms template list"
    return StateError(f'there is no template "{name}"', hint=hint)


def _current(connection: Connection, user_id: UUID, name: str) -> dict[str, Any] | None:
    return connection.execute(_CURRENT, {"user_id": user_id, "name": name}).fetchone()


def _insert_version(connection: Connection, user_id: UUID, values: Mapping[str, Any]) -> UUID:
    template = compile_template(values["content"], name=values["name"])
    characters, count = estimate(template, transliterate=values["transliterate"])
    binds = {
        **values,
        "user_id": user_id,
        "id": new_id(),
        "variables": Jsonb(values["variables"]),
        "character_count": characters,
        "estimated_segments": count.parts,
        "encoding": count.encoding.value,
    }
    connection.execute(_SET_ASIDE, binds)
    connection.execute(statement(__package__, "insert_template"), binds)
    return UUID(str(binds["id"]))


_CURRENT: LiteralString = """
    SELECT id, content, subject, variables, transliterate FROM sms_templates
    WHERE user_id = %(user_id)s AND name = %(name)s AND is_current FOR NO KEY UPDATE"""
_SET_ASIDE: LiteralString = """
    UPDATE sms_templates SET is_current = false, updated_at = now()
    WHERE user_id = %(user_id)s AND name = %(name)s AND is_current"""
_YIELD_DEFAULT: LiteralString = """
    UPDATE sms_templates SET is_default = false, updated_at = now()
    WHERE user_id = %(user_id)s AND category IS NOT DISTINCT FROM %(category)s
      AND is_current AND is_default AND name <> %(name)s"""
_DESCRIBE: LiteralString = """
    UPDATE sms_templates
    SET category = %(category)s, description = %(description)s, tags = %(tags)s,
        is_active = %(is_active)s, is_default = %(is_default)s, updated_at = now()
    WHERE user_id = %(user_id)s AND id = %(id)s AND is_current"""
_USING: LiteralString = """
    SELECT name, status FROM sms_campaigns
    WHERE user_id = %(user_id)s AND archived_at IS NULL AND status NOT IN ('completed', 'cancelled')
      AND jsonb_path_exists(
        definition, '$ ? (@.template == $name || @.steps[*].template == $name || @.variants.*.template == $name)',
        jsonb_build_object('name', %(name)s::text))
    ORDER BY name"""
_ATTRIBUTES: LiteralString = """
    SELECT DISTINCT jsonb_object_keys(attributes) AS name FROM customers WHERE user_id = %(user_id)s"""
