"""What an answer asks for beyond the recipient: suppress a number, pause a campaign, leave a sender alone."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.providers.base import Action
from lumiere_sms.sending.claiming import Work
from lumiere_sms.sending.outcomes import Answer

ACCOUNT_AT_FAULT = 60.0  # seconds a sender rests when the account is not right
SLOWER = 1.0  # seconds a sender rests when it was too fast and the provider names no time

_SUPPRESSED_FOR = {
    Action.OPT_OUT: "opted_out",
    Action.INVALID_NUMBER: "invalid_number",
    Action.BLOCKED: "blocked",
}


def hold(connection: Connection, user_id: UUID, answers: Sequence[Answer]) -> None:
    """Before answers are settled, take the campaigns that they will pause: the settling only shares them.

    Two who share a campaign and then both want to pause it would wait for each other.
    """
    if any(answer.action is Action.STOP_CAMPAIGN for answer in answers):
        connection.execute(
            "SELECT id FROM sms_campaigns WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])"
            " ORDER BY id FOR NO KEY UPDATE",
            {"user_id": user_id, "ids": list({answer.result.campaign_id for answer in answers})},
        )


def apply(
    connection: Connection,
    user_id: UUID,
    answers: Sequence[Answer],
    *,
    moved_on: Collection[UUID],
    now: datetime | None,
) -> None:
    """Do what the answers ask for, in the transaction that settles them."""
    for answer in answers:
        _act(connection, user_id, answer, now=now)
        if answer.result.attempt_id in moved_on and answer.result.outcome is not Outcome.NOT_SENT:
            message = f"an answer ({answer.result.outcome}) came after its recipient had moved on"
            _alert(connection, user_id, "moved_on", str(answer.result.id), message, now=now)


def _act(connection: Connection, user_id: UUID, answer: Answer, *, now: datetime | None) -> None:
    said = answer.result.detail or ""
    match answer.action:
        case Action.OPT_OUT | Action.INVALID_NUMBER | Action.BLOCKED as action:
            phone = answer.work.claimed.phone_number
            suppress(connection, user_id, phone, reason=_SUPPRESSED_FOR[action], source="provider", now=now)
        case Action.STOP_CAMPAIGN:
            pause_by_rule(connection, user_id, answer.result.campaign_id, reason=said, now=now)
        case Action.PAUSE_PROVIDER:
            _alert(connection, user_id, "provider", answer.work.asked.sender, said, now=now)
        case Action.ALERT:
            _alert(connection, user_id, "unknown_code", answer.result.code or "", said, now=now)
        case Action.CUT_PACE | Action.NONE:
            pass


def _alert(
    connection: Connection, user_id: UUID, kind: str, subject: str, message: str, *, now: datetime | None
) -> None:
    raise_alert(connection, user_id, kind=kind, subject=subject, message=message, now=now)


def rest_after(answer: Answer) -> float:
    """Return for how many seconds an answer asks to leave its sender alone."""
    if answer.action is Action.PAUSE_PROVIDER:
        return max(ACCOUNT_AT_FAULT, answer.retry_after)
    return max(SLOWER, answer.retry_after) if answer.action is Action.CUT_PACE else answer.retry_after


def block(database: Database, provider: str, *, sender: str, reason: str, seconds: float, now: datetime | None) -> None:
    """Leave a sender alone for a while, on every host; a longer rest stands."""
    binds = {
        "provider": provider,
        "sender": sender,
        "reason": reason,
        "rest": timedelta(seconds=seconds),
        "now": now,
    }
    with database.transaction(limits=LET_GO) as connection:
        connection.execute(
            "UPDATE pace_limits SET blocked_reason = %(reason)s,"
            " blocked_until = greatest(blocked_until, coalesce(%(now)s::timestamptz, now()) + %(rest)s::interval)"
            " WHERE provider = %(provider)s AND sender = %(sender)s",
            binds,
        )


def refund(database: Database, provider: str, work: Sequence[Work]) -> None:
    """Give back the pace that claimed recipients took without going on the wire."""
    parts: dict[str, int] = {}
    for each in work:
        parts[each.asked.sender] = parts.get(each.asked.sender, 0) + each.claimed.segments_used
    for sender, unused in sorted(parts.items()):
        with database.transaction(limits=LET_GO) as connection:
            connection.execute(
                "UPDATE pace_limits SET tat = tat - make_interval(secs => %(unused)s / parts_per_second)"
                " WHERE provider = %(provider)s AND sender = %(sender)s",
                {"provider": provider, "sender": sender, "unused": unused},
            )
