"""Rows to start a test from: a running campaign with recipients, without the stages before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Armed, Asked
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.providers.prices import Price, list_price


@dataclass(frozen=True)
class Seeded:
    user_id: UUID
    campaign_id: UUID
    occurrence_id: UUID
    recipient_ids: list[UUID]


def phone(number: int) -> str:
    return f"+8190{number:08d}"


def price_of(_: str) -> Price:
    return list_price("scripted", "JP")


def seed_campaign(
    database: Database,
    user_id: UUID,
    *,
    now: datetime,
    texts: int = 10,
    name: str = "spring",
    first: int = 0,
    parts: int = 1,
    zone: str = "Asia/Tokyo",
    status: str = "running",
    expires_in: timedelta = timedelta(hours=5),
    **definition: object,
) -> Seeded:
    wanted = {"name": name, "message": "hello", "segment": "all", "send_rate_per_minute": 100_000, **definition}
    model = CampaignDefinition.model_validate(wanted)
    campaign_id, occurrence_id = new_id(), new_id()
    binds = {
        "user_id": user_id,
        "id": campaign_id,
        "occurrence_id": occurrence_id,
        "name": name,
        "status": status,
        "reason": "seeded" if status == "paused" else None,
        "definition": Jsonb(model.payload()),
        "target": Jsonb(model.target()),
        "now": now,
        "priority": model.priority,
        "batch_size": model.batch_size,
        "rate": model.send_rate_per_minute,
        "zone": zone,
    }
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sms_campaigns (user_id, id, name, status, status_reason, message_content, timezone,"
            " target_criteria, currency, definition)"
            " VALUES (%(user_id)s, %(id)s, %(name)s, %(status)s, %(reason)s, 'hello', %(zone)s, %(target)s, 'USD',"
            " %(definition)s)",
            binds,
        )
        connection.execute(
            "INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at, status, revision, definition,"
            " launched_at, priority, batch_size, send_rate_per_minute)"
            " VALUES (%(user_id)s, %(occurrence_id)s, %(id)s, %(now)s, 'running', 1, %(definition)s, %(now)s,"
            " %(priority)s, %(batch_size)s, %(rate)s)",
            binds,
        )
        ids = [new_id() for _ in range(texts)]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,"
                " personalized_content, encoding, segments_used, send_after, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 'gsm7', %s, %s, %s)",
                [
                    (
                        *(user_id, id_, occurrence_id, campaign_id, phone(first + number), zone),
                        *(f"text {number} of {name}", parts, now, now + expires_in),
                    )
                    for number, id_ in enumerate(ids)
                ],
            )
    return Seeded(user_id, campaign_id, occurrence_id, ids)


def statuses(database: Database, user_id: UUID, *, name: str | None = None) -> dict[str, int]:
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT recipient.status, count(*) FROM campaign_recipients AS recipient"
            " JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id"
            " WHERE recipient.user_id = %(user_id)s AND (%(name)s::text IS NULL OR campaign.name = %(name)s)"
            " GROUP BY 1 ORDER BY 1",
            {"user_id": user_id, "name": name},
        )
        return {row["status"]: row["count"] for row in rows}


def arm(connection: Connection, user_id: UUID, asked: Sequence[Asked], *, daemon: UUID, now: datetime | None) -> Armed:
    return recipients.arm(connection, user_id, asked, daemon=daemon, provider="scripted", price_of=price_of, now=now)
