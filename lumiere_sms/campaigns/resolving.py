"""`campaign resolve`: a person has found out what became of a text in doubt, and says so on record.

One that was sent is `sent` from then on, under an id that names the person's word and not the provider's. One that
was not goes again at its next window; without one it is `expired`, and in a cancelled campaign `cancelled`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.consent_rows import refuse_naming
from lumiere_sms.campaigns import budgets
from lumiere_sms.campaigns.lifecycle import find_locked
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.reopening import Hours, openings
from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import StateError

BY_HAND = "by-hand:"  # begins the id of a text of which a person said that it was sent


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a text, and why. `more_time` from now on for one that was not sent and whose time is up."""

    is_sent: bool
    reason: str
    more_time: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The recipient and the state that it took."""

    id: UUID
    phone_number: str
    status: str


def resolve(
    database: Database, user_id: UUID, *, name: str, who: str | UUID, word: Word, by: str = "operator", clock: Clock
) -> Resolved:
    """Settle one recipient in doubt, named by its number (E.164) or its id.

    Raises: StateError where there is none; RefusedError for a reason that names who it was for: it stays for ever.
    """
    now = clock.database_now()
    with database.transaction() as connection:
        campaign = find_locked(connection, user_id, name)
        found = _find(connection, user_id, campaign, who, now=now)
        refuse_naming(connection, user_id, {found["customer_id"]} - {None}, word.reason)
        settle = budgets.commit if word.is_sent else budgets.release
        settle(connection, user_id, [found["attempt_id"]], now=now)
        moved = _moved(campaign, found, word)
        said = f"{by} says that it was {'' if word.is_sent else 'not '}sent: {word.reason}"
        binds = {"user_id": user_id, "now": now, **found, **moved, "finding": said}
        if connection.execute(statement(__package__, "resolve_unknown"), binds).fetchone() is None:
            raise StateError("what became of it has just been found out", hint=_look(name))
        audit.record(
            connection,
            user_id,
            actor=by,
            action="campaign.resolve",
            subject=str(found["recipient_id"]),
            reason=word.reason,
            before={"status": "unknown"},
            after={"status": moved["status"]},
            now=now,
        )
    return Resolved(found["recipient_id"], found["phone_number"], moved["status"])


def _find(
    connection: Connection, user_id: UUID, campaign: Mapping[str, Any], who: str | UUID, *, now: datetime | None
) -> dict[str, Any]:
    by_id, by_phone = (who, None) if isinstance(who, UUID) else (None, who)
    binds = {"user_id": user_id, "campaign_id": campaign["id"], "id": by_id, "phone": by_phone, "now": now}
    rows = connection.execute(_DOUBTFUL, binds).fetchall()
    if len(rows) == 1:
        return rows[0]
    name = campaign["name"]
    if rows:
        ids = ", ".join(str(row["recipient_id"]) for row in rows)
        raise StateError(f'campaign "{name}" has {len(rows)} texts to that number in doubt', hint=f"name one: {ids}")
    raise StateError(f'campaign "{name}" has no such recipient in doubt', hint=_look(name))


def _moved(campaign: Mapping[str, Any], found: Mapping[str, Any], word: Word) -> dict[str, Any]:
    """Return what the attempt and its recipient become."""
    as_it_was = {"send_after": found["send_after"], "expires_at": found["expires_at"], "yields": False}
    if word.is_sent:
        message_id = f"{BY_HAND}{found['attempt_id']}"
        return {"outcome": "accepted", "message_id": message_id, "status": "sent", "reason": None, **as_it_was}
    absent = {"outcome": "absent", "message_id": None}
    if campaign["status"] == "cancelled":
        return {**absent, "status": "cancelled", "reason": "campaign_cancelled", **as_it_was}
    times = _times(found, word)
    if times is None:
        return {**absent, "status": "expired", "reason": "window_ended", **as_it_was}
    return {**absent, "status": "pending", "reason": None, **times}


def _times(found: Mapping[str, Any], word: Word) -> dict[str, Any] | None:
    """Return when a text that was not sent may go; None where no window is left."""
    hours = Hours(found["timezone"], found["preferred_time"], found["step"])
    open_ = openings(found["definition"], [hours], now=found["now"], more_time=word.more_time)
    if not open_:
        return None
    opening = open_[0]
    expires_at = max(found["expires_at"], opening.expires_at or found["expires_at"])
    expires_at = min(expires_at, found["appointment_at"] or expires_at)  # no reminder goes after it
    fits = expires_at > opening.send_after + USABLE
    return {"send_after": opening.send_after, "expires_at": expires_at, "yields": opening.yields} if fits else None


def _look(name: str) -> str:
    return f'lumiere-sms campaign recipients "{name}" --status unknown'


_DOUBTFUL: LiteralString = """
    SELECT recipient.id AS recipient_id, recipient.customer_id, recipient.phone_number, recipient.timezone,
        recipient.preferred_time, recipient.step, recipient.send_after, recipient.expires_at,
        recipient.appointment_at, recipient.attempt, submissions.id AS attempt_id,
        occurrence.definition,
        coalesce(%(now)s::timestamptz, now()) AS now
    FROM campaign_occurrences AS occurrence
    JOIN campaign_recipients AS recipient
        ON recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id AND recipient.status = 'unknown'
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.phone_number = recipient.phone_number
        AND submissions.recipient_id = recipient.id AND submissions.attempt = recipient.attempt
    WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
      AND (%(id)s::uuid IS NULL OR recipient.id = %(id)s)
      AND (%(phone)s::text IS NULL OR recipient.phone_number = %(phone)s)
    ORDER BY recipient.id
"""
