"""What stops a campaign without a person: a pause with its reason, and an alert.

    what                                         stops at
    its settings are refused (sender, region)    5 in a row; the first, before anything was accepted
    a carrier takes it for spam                  more than 3 % of the last 200
    it fails for good, whatever the reason       more than 20 % of the last 100

Each provider's answers are counted by themselves, over all daemons, and from when the campaign was resumed last. A
campaign with fewer texts stops at the same numbers: at the 7th taken for spam, at the 21st that failed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.base import Action, Meaning, Reason, ReceiptStatus

BY_RULE = "rule"
IN_A_ROW = 5
SPAM_OF, SPAM = 200, 6  # 3 %
FAILED_OF, FAILED = 100, 20  # 20 %

MeaningOf = Callable[[str], Meaning]

_UNDELIVERED = frozenset({ReceiptStatus.UNDELIVERED.value, ReceiptStatus.FAILED.value})
_FINAL = frozenset(status.value for status in ReceiptStatus if status.is_final)
_NOTHING: Mapping[UUID, str] = MappingProxyType({})


def stop_if_failing(
    connection: Connection,
    user_id: UUID,
    campaign_id: UUID,
    *,
    provider: str,
    meaning_of: MeaningOf,
    stopping: Mapping[UUID, str] = _NOTHING,
    now: datetime | None,
) -> bool:
    """Pause a campaign, held already, that a provider's newest answers and receipts say to stop; say whether it was.

    `stopping` is what attempts said that ask for it themselves, whatever their codes mean.
    """
    binds = {"user_id": user_id, "campaign_id": campaign_id, "provider": provider}
    answers = connection.execute(statement(__package__, "recent_answers"), binds).fetchall()
    reason = (
        _refused_in_a_row(answers, meaning_of, stopping)
        or _undelivered_in_a_row(answers, meaning_of)
        or _too_many(answers, meaning_of)
    )
    return bool(reason) and pause_by_rule(connection, user_id, campaign_id, reason=reason, now=now)


def pause_by_rule(
    connection: Connection, user_id: UUID, campaign_id: UUID, *, reason: str, now: datetime | None
) -> bool:
    """Pause a running campaign because a rule says so: running -> paused; say whether it was running."""
    binds = {"user_id": user_id, "id": campaign_id, "reason": reason, "by": BY_RULE, "now": now}
    paused = connection.execute(
        "UPDATE sms_campaigns SET status = 'paused', status_reason = %(reason)s, status_by = %(by)s,"
        " updated_at = coalesce(%(now)s::timestamptz, now())"
        " WHERE user_id = %(user_id)s AND id = %(id)s AND status = 'running' RETURNING name",
        binds,
    ).fetchone()
    if paused is None:
        return False
    raise_alert(connection, user_id, kind="campaign_paused", subject=paused["name"], message=reason, now=now)
    note_pause(connection, user_id, paused["name"], before="running", reason=reason, now=now)
    return True


def note_pause(
    connection: Connection, user_id: UUID, name: str, *, before: str | None = None, reason: str, now: datetime | None
) -> None:
    """Note that a rule paused a campaign, which was in the state `before` where that is known."""
    about: dict[str, Any] = {"actor": BY_RULE, "action": "campaign.pause", "subject": name, "reason": reason}
    was = {"status": before} if before else None
    audit.record(connection, user_id, **about, before=was, after={"status": "paused"}, now=now)


def counts(code: str, meaning_of: MeaningOf) -> bool:
    """Say whether a receipt of a failure with this code is one that a rule counts."""
    return not (code and meaning_of(code).is_retryable)


def _refused_in_a_row(answers: Sequence[Mapping[str, Any]], meaning_of: MeaningOf, stopping: Mapping[UUID, str]) -> str:
    """Return what the newest answers have refused, where all of them did: of a few, that is the first too."""
    newest = [each for each in answers[:IN_A_ROW] if each["outcome"] != "accepted"]
    said = [stopping.get(each["id"]) or _why_stop(each["provider_code"], meaning_of) for each in newest]
    if not said or len(said) < min(IN_A_ROW, len(answers)) or not all(said):
        return ""
    return said[0] if len(said) == 1 else f"{said[0]} ({len(said)} times in a row)"


def _undelivered_in_a_row(answers: Sequence[Mapping[str, Any]], meaning_of: MeaningOf) -> str:
    newest = [each for each in answers if each["receipt_status"] in _FINAL][:IN_A_ROW]
    said = [_why_stop(each["receipt_code"], meaning_of) for each in newest]
    return f"{said[0]} ({IN_A_ROW} times in a row)" if len(said) == IN_A_ROW and all(said) else ""


def _why_stop(code: str | None, meaning_of: MeaningOf) -> str:
    meaning = meaning_of(code or "")
    return meaning.text or f"code {code}" if meaning.action is Action.STOP_CAMPAIGN else ""


def _too_many(answers: Sequence[Mapping[str, Any]], meaning_of: MeaningOf) -> str:
    judged = [each for each in answers if each["outcome"] != "unavailable"]
    spam = sum(_is_spam(each, meaning_of) for each in judged[:SPAM_OF])
    if spam > SPAM:
        return f"carriers took {spam} of its last {min(SPAM_OF, len(judged))} texts for spam"
    failed = sum(_is_lost(each, meaning_of) for each in judged[:FAILED_OF])
    if failed > FAILED:
        return f"{failed} of its last {min(FAILED_OF, len(judged))} texts failed for good"
    return ""


def _is_spam(answer: Mapping[str, Any], meaning_of: MeaningOf) -> bool:
    code = answer["receipt_code"] or answer["provider_code"]
    return bool(code) and meaning_of(code).reason is Reason.FILTERED


def _is_lost(answer: Mapping[str, Any], meaning_of: MeaningOf) -> bool:
    if answer["outcome"] == "rejected":
        return True
    return answer["receipt_status"] in _UNDELIVERED and counts(answer["receipt_code"] or "", meaning_of)
