"""What becomes of the pace behind the claim: what was not used is given back, and who is told "too fast" goes slower.

All hosts share what is written here, so that a refusal slows the whole fleet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Action
from lumiere_sms.sending import scopes
from lumiere_sms.sending.claiming import Work
from lumiere_sms.sending.outcomes import Answer
from lumiere_sms.sending.pace import Throttle
from lumiere_sms.sending.scopes import Charge

#: What was certainly not taken counts for no day.
NOT_TAKEN = frozenset({Outcome.REJECTED, Outcome.UNAVAILABLE, Outcome.NOT_SENT})


def give_back(database: Database, work: Sequence[Work]) -> None:
    """Give back the pace of what was claimed and not armed."""
    for charge, parts in _by_charge(work).items():
        is_all = sum(each.charge == charge for each in work) == charge.texts
        scopes.refund(database, charge, unused=parts, undone=parts, is_all=is_all)


def note_arm(
    database: Database, work: Sequence[Work], passed: frozenset[UUID], *, ages: Mapping[Charge, float]
) -> None:
    """Give back what claims that were armed at once, at an age in seconds, have left of their grace."""
    felt = [each for each in work if each.charge.is_felt]
    kept = _by_charge([each for each in felt if each.asked.attempt_id in passed])
    for charge, parts in kept.items():
        if sum(each.charge == charge for each in felt) == charge.texts:
            scopes.forgive(database, charge, parts=parts, seconds=ages[charge])


def has_news(answers: Iterable[Answer]) -> bool:
    """Say whether answers concern the pace."""
    return any(each.result.outcome in NOT_TAKEN for each in answers)


def adapt(database: Database, answers: Sequence[Answer], *, now: datetime | None) -> None:
    """Take what was refused from its day's count; let a sender that was too fast go slower."""
    refused = [each for each in answers if each.result.outcome in NOT_TAKEN]
    for charge, parts in _by_charge([each.work for each in refused]).items():
        scopes.refund(database, charge, undone=parts)
    too_fast = {each.work.asked.sender: each for each in refused if each.action is Action.CUT_PACE}
    for sender, answer in sorted(too_fast.items()):
        _cut(database, answer.work.charge.payer.provider, sender, reason=answer.result.detail or "", now=now)


@dataclass(frozen=True, slots=True)
class _Row:
    now: datetime
    parts_per_second: float
    rate: float | None
    cut_at: datetime | None
    refused_at: datetime | None


def _cut(database: Database, provider: str, sender: str, *, reason: str, now: datetime | None) -> None:
    binds = {"provider": provider, "sender": sender, "reason": reason, "now": now}
    with database.transaction(limits=LET_GO) as connection:
        found = connection.execute(_HOLD, binds).fetchone()
        if found is None:
            return
        row = _Row(**found)
        before = Throttle(row.parts_per_second, row.rate, row.cut_at, row.refused_at)
        after = before.cut(row.now)
        cut = {"rate": after.rate, "cut_at": after.cut_at, "refused_at": after.refused_at}
        connection.execute(_CUT, {**binds, **cut})
    if after.rate is not None and after.cut_at != before.cut_at:
        event("slower", provider=provider, sender=sender, parts_per_second=round(after.rate, 2), reason=reason)


def _by_charge(work: Iterable[Work]) -> dict[Charge, int]:
    """Return how many parts of each claim's charge are among `work`."""
    parts: dict[Charge, int] = {}
    for each in work:
        parts[each.charge] = parts.get(each.charge, 0) + each.claimed.segments_used
    return parts


_HOLD: LiteralString = """
    SELECT coalesce(%(now)s::timestamptz, now()) AS now, parts_per_second, rate, cut_at, refused_at
    FROM pace_limits WHERE provider = %(provider)s AND sender = %(sender)s
    FOR NO KEY UPDATE
"""
_CUT: LiteralString = """
    UPDATE pace_limits SET rate = %(rate)s, cut_at = %(cut_at)s, refused_at = %(refused_at)s, cut_reason = %(reason)s
    WHERE provider = %(provider)s AND sender = %(sender)s
"""
