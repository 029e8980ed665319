"""Frequency caps where texts are made and where they leave.

At the launch the cap is looked up with the audience: a text too many is left out, or waits until it may go. What was
not sent yet cannot be counted there, so the arm counts once more, just before the wire: it holds the turn of each
number first, and counts in a statement of its own, so that of two dispatchers that text one person at the same
moment the second sees what the first let pass. A run without a cap costs no statement.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol, TypeVar
from uuid import UUID

from lumiere_sms.audience.caps import FREQUENCY_CAP, Cap, kind_of
from lumiere_sms.campaigns.timing import Timetable, Timing, timer
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import CapRule, TenantRules


class Asking(Protocol):
    """What a text that wants to pass the arm says of itself."""

    @property
    def id(self) -> UUID: ...  # noqa: D102 - of the recipient
    @property
    def fence(self) -> int: ...  # noqa: D102
    @property
    def campaign_id(self) -> UUID: ...  # noqa: D102
    @property
    def phone_number(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Asking)


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A text that a cap stops: when it may go instead and until when, None for never."""

    asked: Asking
    send_after: datetime | None = None
    expires_at: datetime | None = None


def cap_of(definition: CampaignDefinition, rules: TenantRules) -> Cap | None:
    """Return the cap that a tenant's rules set for a campaign."""
    kind = kind_of(definition.type, definition.priority)
    return next((_cap(name, rule) for name, rule in rules.frequency_caps.items() if name == kind), None)


def behind(
    cap: Cap | None,
    timing: Timing | str,
    until: datetime,
    *,
    is_bounded: bool,
    later: Callable[[datetime], Timing | str],
) -> Timing | str:
    """Return a timing as a cap lets it be: unchanged where the person need not wait as long as that anyway."""
    if cap is None or isinstance(timing, str) or until <= timing.send_after:
        return timing
    return moved_behind(cap, until, expires_at=timing.expires_at, is_bounded=is_bounded, later=later)


def moved_behind(
    cap: Cap, until: datetime, *, expires_at: datetime, is_bounded: bool, later: Callable[[datetime], Timing | str]
) -> Timing | str:
    """Return the timing of a text that a cap has wait `until`, or the reason why it gets none.

    A bounded text goes before it `expires_at` or not at all; any other waits with all its windows: `later` tells them.
    """
    moved = FREQUENCY_CAP if cap.excludes else later(until)
    if isinstance(moved, str) or (is_bounded and moved.send_after >= expires_at):
        return FREQUENCY_CAP
    end = expires_at if is_bounded else moved.expires_at
    return moved._replace(expires_at=end, notes=(*moved.notes, FREQUENCY_CAP))


def is_bounded(definition: CampaignDefinition) -> bool:
    """Say whether a text of it is worth nothing after it expires: where it says when, and before an appointment."""
    return definition.expires_after is not None or definition.type == "reminder"


def keep_within(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[T],
    rules: Mapping[UUID, tuple[str, Any]],
    *,
    daemon: UUID,
    now: datetime | None,
) -> list[T]:
    """Return what may go by the caps that `rules` name for some campaigns: a kind, and the rule as it is kept.

    What may not waits from here on, or is left out. Of several texts to one number some may be left as they are:
    the next arm counts what goes now.
    """
    caps = {campaign_id: _cap(kind, CapRule.from_payload(rule)) for campaign_id, (kind, rule) in rules.items()}
    capped = [each for each in asked if each.campaign_id in caps]
    _take_turns(connection, user_id, capped, now=now)
    counted = _count(connection, user_id, capped, caps=caps, now=now)
    over = {each.id: until for each in capped if (until := counted[each.id]["until"])}
    if over:
        stopped = _stopped(connection, user_id, [each for each in capped if each.id in over], caps=caps, until=over)
        _stop(connection, user_id, stopped, daemon=daemon, now=now)
    going: Counter[tuple[str, str]] = Counter()
    return [
        each
        for each in asked
        if each.campaign_id not in caps
        or (each.id not in over and _has_room(each, caps[each.campaign_id], counted[each.id]["counted"], going=going))
    ]


def _has_room(each: Asking, cap: Cap, counted: int, *, going: Counter[tuple[str, str]]) -> bool:
    """Say whether a text fits beside those of this arm that go to its number."""
    key = each.phone_number, cap.kind
    going[key] += 1
    return counted + going[key] <= cap.most


def _take_turns(connection: Connection, user_id: UUID, capped: Sequence[Asking], *, now: datetime | None) -> None:
    hashes = sorted({number_hash(each.phone_number) for each in capped})
    binds = {"user_id": user_id, "ids": [new_id() for _ in hashes], "number_hashes": hashes, "now": now}
    connection.execute(statement(__package__, "take_turns"), binds)


def _count(
    connection: Connection, user_id: UUID, capped: Sequence[Asking], *, caps: Mapping[UUID, Cap], now: datetime | None
) -> dict[UUID, dict[str, Any]]:
    own = [caps[each.campaign_id] for each in capped]
    binds = {
        "user_id": user_id,
        "ids": [each.id for each in capped],
        "phones": [each.phone_number for each in capped],
        "kinds": [cap.kind for cap in own],
        "mosts": [cap.most for cap in own],
        "spans": [cap.within for cap in own],
        "now": now,
    }
    return {row["id"]: row for row in connection.execute(statement(__package__, "count_for_caps"), binds)}


def _stopped(
    connection: Connection,
    user_id: UUID,
    over: Sequence[Asking],
    *,
    caps: Mapping[UUID, Cap],
    until: Mapping[UUID, datetime],
) -> list[_Stopped]:
    binds = {"user_id": user_id, "ids": [each.id for each in over]}
    rows = connection.execute(statement(__package__, "capped_recipients"), binds).fetchall()
    known = {row["id"]: row for row in rows}
    return [_moved(each, caps[each.campaign_id], known[each.id], until=until[each.id]) for each in over]


def _moved(each: Asking, cap: Cap, row: Mapping[str, Any], *, until: datetime) -> _Stopped:
    """Move a text behind its cap, inside the windows that its run is pinned to."""
    definition = CampaignDefinition.from_payload(row["definition"])
    table = Timetable(definition.timezone, definition.windows_at(row["step"]), None)

    def later(instant: datetime) -> Timing | str:
        return timer(table).common(instant, row["timezone"], row["preferred_time"])

    bounds = {"expires_at": row["expires_at"], "is_bounded": is_bounded(definition)}
    timing = moved_behind(cap, until, **bounds, later=later)
    return _Stopped(each) if isinstance(timing, str) else _Stopped(each, timing.send_after, timing.expires_at)


def _stop(
    connection: Connection, user_id: UUID, stopped: Sequence[_Stopped], *, daemon: UUID, now: datetime | None
) -> None:
    binds = {
        "user_id": user_id,
        "daemon": daemon,
        "ids": [each.asked.id for each in stopped],
        "fences": [each.asked.fence for each in stopped],
        "send_after": [each.send_after for each in stopped],
        "expires_at": [each.expires_at for each in stopped],
        "now": now,
    }
    connection.execute(statement(__package__, "cap_recipients"), binds)


def _cap(kind: str, rule: CapRule) -> Cap:
    return Cap(kind, rule.most, rule.within, excludes=rule.then == "exclude")


@lru_cache(maxsize=65_536)
def number_hash(phone: str) -> int:
    """Return the hash of a number that whose turn it is goes by."""
    return int.from_bytes(sha256(phone.encode()).digest()[:8], signed=True)
