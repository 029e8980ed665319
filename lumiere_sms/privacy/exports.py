"""Everything that is kept of one person, from every table: what they may ask for.

GDPR Art. 15 and 20; in Japan APPI Art. 33.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Identifier

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.privacy.places import PLACES, Place
from lumiere_sms.privacy.subjects import find_subject

#: What says nothing to the person: whose row it is, who holds it for a moment, and keys.
_LEFT_OUT = frozenset({"user_id", "claimed_by", "claimed_until", "fence", "hash", "key", "evidence_mac", "number_mac"})


@dataclass(frozen=True, slots=True)
class Kept:
    """All rows of a person by table, in the order in which they are told; `number` in E.164."""

    id: UUID
    number: str | None
    business: str
    at: datetime
    rows: dict[str, list[dict[str, Any]]]


def export_person(connection: Connection, tenant: Tenant, key: str, *, now: datetime | None = None) -> Kept:
    """Return all that is kept of the one person whom `key` names. Changes nothing.

    Raises: StateError for nobody, or for several who share a number.
    """
    subject = find_subject(connection, tenant, key)
    binds = subject.binds(tenant.id)
    found = {place.table: _rows(connection, place, binds) for place in PLACES if not place.is_mention}
    rows = {table: found[table] for table in _ORDER if found.get(table)}
    rows |= {table: each for table, each in found.items() if each and table not in rows}
    campaigns = {row["id"]: row["name"] for row in connection.execute(_CAMPAIGNS, {"user_id": tenant.id})}
    segments = {row["id"]: row["name"] for row in connection.execute(_SEGMENTS, {"user_id": tenant.id})}
    for each in (row for one in rows.values() for row in one):
        _name(each, "campaign", campaigns)
        _name(each, "segment", segments)
    return Kept(subject.id, subject.number, tenant.name, database_time(connection, now), rows)


def _name(row: dict[str, Any], what: str, names: Mapping[UUID, str]) -> None:
    """Add what an id stands for: people read names."""
    if row.get(f"{what}_id") in names:
        row[what] = names[row[f"{what}_id"]]


def _rows(connection: Connection, place: Place, binds: Mapping[str, Any]) -> list[dict[str, Any]]:
    asked = SQL("SELECT * FROM {} WHERE user_id = %(user_id)s AND ({}) ORDER BY id").format(
        Identifier(place.table), SQL(place.of)
    )
    return [
        {name: value for name, value in row.items() if name not in _LEFT_OUT and not isinstance(value, bytes)}
        for row in connection.execute(asked, binds)
    ]


#: In the order that a person would ask in; all other tables follow.
_ORDER = (
    *("customers", "consents", "consent_evidence", "suppressions", "segment_members", "campaign_recipients"),
    *("inbound_messages", "responses", "enrolments", "submissions", "delivery_events", "opt_out_links", "audit_log"),
)
_CAMPAIGNS: LiteralString = "SELECT id, name FROM sms_campaigns WHERE user_id = %(user_id)s"
_SEGMENTS: LiteralString = "SELECT id, name FROM audience_segments WHERE user_id = %(user_id)s"
