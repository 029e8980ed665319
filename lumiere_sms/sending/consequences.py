"""What an answer asks for beyond the recipient: suppress a number, pause a campaign, leave a sender alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import LiteralString
from uuid import UUID

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import budgets, rules
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.providers.base import Action, Provider
from lumiere_sms.sending.outcomes import Answer, pauses_provider

SENDER_AT_FAULT = 60.0  # seconds a sender rests when it can send no more, its provider's other senders apart

_SUPPRESSED_FOR = {
    Action.OPT_OUT: "opted_out",
    Action.INVALID_NUMBER: "invalid_number",
    Action.LANDLINE: "landline",
    Action.BLOCKED: "blocked",
}


def has_more(answer: Answer) -> bool:
    """Say whether an answer asks for more than its recipient's new state."""
    return answer.action is not Action.NONE or answer.result.outcome is Outcome.REJECTED or _settles_budget(answer)


def hold(connection: Connection, user_id: UUID, answers: Sequence[Answer]) -> None:
    """Before answers are settled, take what they may change besides: campaigns, then budgets.

    The settling itself only shares campaigns, and two who share one and then both want to pause it would wait for
    each other.
    """
    binds = {"user_id": user_id, "ids": list({answer.result.campaign_id for answer in answers})}
    holding = [answer.result.attempt_id for answer in answers if _settles_budget(answer)]
    if any(map(_may_stop, answers)):
        connection.execute(_HOLD_CAMPAIGNS, binds)
    elif holding:
        connection.execute(_SHARE_CAMPAIGNS, binds)
    if holding:
        budgets.hold(connection, user_id, holding)


def apply(
    connection: Connection,
    user_id: UUID,
    answers: Sequence[Answer],
    *,
    provider: Provider,
    now: datetime | None,
) -> None:
    """Do what the answers ask for, in the transaction that settles them."""
    costs = {each.result.attempt_id: _cost(each) for each in answers if _settles_budget(each)}
    budgets.settle(connection, user_id, costs, now=now)
    for answer in sorted(answers, key=lambda each: each.work.claimed.phone_number):  # as everybody holds numbers
        _act(connection, user_id, answer, now=now)
    stopping = {each.result.attempt_id: each.result.detail or "" for each in answers if _is_stop(each)}
    stop = partial(rules.stop_if_failing, provider=provider.name, meaning_of=provider.meaning_of, stopping=stopping)
    for campaign_id in sorted({each.result.campaign_id for each in answers if _may_stop(each)}):
        stop(connection, user_id, campaign_id, now=now)


def pause_short(database: Database, user_id: UUID, short: Mapping[UUID, str], *, now: datetime | None) -> None:
    """Pause the campaigns that have a text which their budgets do not hold, each with its reason."""
    with database.transaction(limits=LET_GO) as connection:
        for campaign_id, reason in sorted(short.items()):
            rules.pause_by_rule(connection, user_id, campaign_id, reason=reason, now=now)


def _settles_budget(answer: Answer) -> bool:
    return answer.work.is_holding and answer.result.outcome is not Outcome.UNKNOWN


def _is_stop(answer: Answer) -> bool:
    return answer.action is Action.STOP_CAMPAIGN


def _may_stop(answer: Answer) -> bool:
    return _is_stop(answer) or answer.result.outcome is Outcome.REJECTED


def _cost(answer: Answer) -> Decimal | None:
    """Return what an answer takes from the budgets: what its provider's parts come to, nothing if it was refused."""
    return answer.result.cost if answer.result.outcome is Outcome.ACCEPTED else Decimal(0)


def _act(connection: Connection, user_id: UUID, answer: Answer, *, now: datetime | None) -> None:
    said = answer.result.detail or ""
    match answer.action:
        case Action.OPT_OUT | Action.INVALID_NUMBER | Action.LANDLINE | Action.BLOCKED as action:
            phone = answer.work.claimed.phone_number
            suppress(connection, user_id, phone, reason=_SUPPRESSED_FOR[action], source="provider", now=now)
        case Action.PAUSE_PROVIDER:
            _alert(connection, user_id, "provider", answer.work.asked.sender, said, now=now)
        case Action.ALERT:
            _alert(connection, user_id, "unknown_code", answer.result.code or "", said, now=now)
        case Action.STOP_CAMPAIGN | Action.CUT_PACE | Action.NONE:
            pass


def _alert(
    connection: Connection, user_id: UUID, kind: str, subject: str, message: str, *, now: datetime | None
) -> None:
    raise_alert(connection, user_id, kind=kind, subject=subject, message=message, now=now)


def rest_after(answer: Answer) -> float:
    """Return for how many seconds an answer asks to leave its sender alone."""
    if answer.action is Action.PAUSE_PROVIDER and not pauses_provider(answer):
        return max(SENDER_AT_FAULT, answer.retry_after)
    return answer.retry_after


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


_HOLD_CAMPAIGNS: LiteralString = """
    SELECT id FROM sms_campaigns WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
    ORDER BY id FOR NO KEY UPDATE
"""
_SHARE_CAMPAIGNS: LiteralString = """
    SELECT id FROM sms_campaigns WHERE user_id = %(user_id)s AND id = ANY (%(ids)s::uuid[])
    ORDER BY id FOR SHARE
"""
