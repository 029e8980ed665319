"""The tenants: one business each, owner of everything else."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import available_timezones

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError, StateError

DEFAULT_SLUG = "default"
CHOSEN = "tenant"  # the file in the data folder

_TENANTS: LiteralString = """
    SELECT id, slug, name, timezone, country, currency, sender, providers, routing, senders, rules, legal_name
    FROM users
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A business. `timezone` is an IANA zone, `country` ISO 3166-1 alpha-2, `currency` ISO 4217."""

    id: UUID
    slug: str
    name: str
    timezone: str
    country: str
    currency: str
    sender: str | None
    providers: list[str] | None = None  # None: the setting's
    routing: str | None = None  # None: the setting's
    senders: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)  # as definitions/tenant_rules.py reads them
    legal_name: str | None = None  # what the business is called in law

    def sender_at(self, provider: str, *, primary: str = "") -> str:
        """Return what its texts through a provider come from, or an empty text where it has no sender of its own.

        Its plain sender is the one at the provider that it tries first; where it says nothing of that, at `primary`.
        """
        first = self.providers[0].partition(":")[0] if self.providers else primary or provider
        return self.senders.get(provider) or (self.sender if provider == first else "") or ""


def find_tenant(database: Database, slug: str) -> Tenant:
    """Return the tenant called `slug`. Raises: StateError when there is none."""
    with database.transaction() as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
        found = cursor.execute(
            f"{_TENANTS} WHERE slug = %s",
            [slug],
        ).fetchone()
    if found is None:
        raise StateError(f'there is no tenant "{slug}"', hint="lumiere-sms tenant list")
    return found


def tenant_of(connection: Connection, user_id: UUID) -> Tenant:
    """Return the tenant whose key is `user_id`."""
    with connection.cursor(row_factory=class_row(Tenant)) as cursor:
        found = cursor.execute(
            f"{_TENANTS} WHERE id = %s",
            [user_id],
        ).fetchone()
    assert found is not None, "every user_id refers to a tenant"
    return found


def hold_tenant(connection: Connection, user_id: UUID) -> None:
    """Hold a tenant until the commit: two who write at once take turns, and the second sees what the first wrote.

    Launches and texts go on meanwhile.
    """
    connection.execute("SELECT id FROM users WHERE id = %s FOR NO KEY UPDATE", [user_id])


def list_tenants(database: Database) -> list[Tenant]:
    """Return all tenants by slug."""
    with database.transaction() as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute(f"{_TENANTS} ORDER BY slug").fetchall()


def create_tenant(  # noqa: PLR0913 - a tenant has so many parts
    database: Database,
    slug: str,
    *,
    name: str = "",
    timezone: str = "Asia/Tokyo",
    country: str = "JP",
    currency: str = "JPY",
    sender: str | None = None,
    senders: Mapping[str, str] | None = None,
    by: str = "operator",
) -> Tenant:
    """Add a tenant; `name` is the slug where none is given.

    Raises: ConfigurationError for a value that is not one, StateError for a slug or a sender that is taken.
    """
    tenant = Tenant(new_id(), slug, name or slug, timezone, country.upper(), currency.upper(), sender or None)
    tenant = replace(tenant, senders=dict(senders or {}))
    _check(tenant)
    with database.transaction() as connection:
        _refuse_taken_senders(connection, tenant)
        added = connection.execute(
            "INSERT INTO users (id, slug, name, timezone, country, currency, sender, senders)"
            " VALUES (%(id)s, %(slug)s, %(name)s, %(timezone)s, %(country)s, %(currency)s, %(sender)s, %(senders)s)"
            " ON CONFLICT (slug) DO NOTHING",
            {**asdict(tenant), "senders": Jsonb(tenant.senders)},
        )
        if added.rowcount:
            about = {name: value for name, value in asdict(tenant).items() if value and name != "id"}
            record(connection, tenant.id, actor=by, action="tenant.create", subject=slug, after=about, now=None)
    if not added.rowcount:
        raise StateError(f'there is a tenant "{slug}" already', hint="lumiere-sms tenant list")
    return tenant


def write_ways(connection: Connection, tenant: Tenant) -> None:
    """Write how a tenant's texts go, and in whose name: providers, routing, senders, its formal name.

    Raises: StateError for a sender that is taken.
    """
    _refuse_taken_senders(connection, tenant)
    connection.execute(
        "UPDATE users SET providers = %(providers)s, routing = %(routing)s, sender = %(sender)s, senders = %(senders)s,"
        " legal_name = %(legal_name)s WHERE id = %(id)s",
        {**asdict(tenant), "senders": Jsonb(tenant.senders)},
    )


def choose_tenant(database: Database, slug: str, *, data_dir: Path) -> Tenant:
    """Make `slug` the tenant of the commands that follow, in this data folder.

    Raises: StateError when there is none, ConfigurationError when that cannot be written down.
    """
    tenant = find_tenant(database, slug)
    new = data_dir / f"{CHOSEN}.new"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        new.write_text(f"{slug}\n", encoding="utf-8")
        new.replace(data_dir / CHOSEN)
    except OSError as error:
        raise ConfigurationError(
            f"{new} cannot be written: {error.strerror}", hint=f"export LUMIERE_SMS_TENANT={slug} does the same"
        ) from error
    return tenant


def chosen_tenant(data_dir: Path) -> str:
    """Return the slug that `choose_tenant` wrote down, or ""."""
    file = data_dir / CHOSEN
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def is_country(code: str) -> bool:
    """Say whether there is a country with this code of ISO 3166-1, in capitals."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - 100 ms that other commands do without

    return code.isalpha() and any(code in found for found in COUNTRY_CODE_TO_REGION_CODE.values())


def _check(tenant: Tenant) -> None:
    wrong = [
        (not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", tenant.slug), f'"{tenant.slug}" is no slug', "like ginza-2"),
        (not is_country(tenant.country), f'"{tenant.country}" is no country', "ISO 3166-1, like JP"),
        (not re.fullmatch(r"[A-Z]{3}", tenant.currency), f'"{tenant.currency}" is no currency', "ISO 4217, like JPY"),
        (tenant.timezone not in available_timezones(), f'"{tenant.timezone}" is no time zone', _guess(tenant.timezone)),
    ]
    for is_wrong, said, hint in wrong:
        if is_wrong:
            raise ConfigurationError(said, hint=hint)


def _guess(zone: str) -> str:
    near = get_close_matches(zone, available_timezones(), n=1)
    return f'did you mean "{near[0]}"?' if near else "an IANA name, like Asia/Tokyo"


def _refuse_taken_senders(connection: Connection, tenant: Tenant) -> None:
    """Refuse a sender of another tenant: receipts are told apart by it."""
    wanted = [each for each in (tenant.sender, *tenant.senders.values()) if each]
    taken = connection.execute(_TAKEN, {"slug": tenant.slug, "wanted": wanted}).fetchone()
    if taken:
        raise StateError(
            f'{taken["sender"]} is the sender of the tenant "{taken["slug"]}"', hint="a sender has one tenant"
        )


_TAKEN = """
    SELECT users.slug, own.sender FROM users
    CROSS JOIN LATERAL (SELECT users.sender UNION ALL SELECT value FROM jsonb_each_text(users.senders)) AS own (sender)
    WHERE users.slug <> %(slug)s AND own.sender = ANY (%(wanted)s)
    LIMIT 1
"""
