"""The rules that decide about one person, each with the fact that it looks at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.audience.caps import FREQUENCY_CAP
from lumiere_sms.audience.eligibility import find_audience
from lumiere_sms.audience.sharing import MERGED
from lumiere_sms.campaigns.allocation import Trials
from lumiere_sms.campaigns.freezing import HELD_OUT, Frozen, Person, Recipe
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.reminding import TOO_LATE
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.planning.clauses import Clause, clauses_about
from lumiere_sms.planning.places import Place


class Verdict(StrEnum):
    """What a rule says: go on, no text, or just a fact."""

    PASSES = "passes"
    STOPS = "stops"
    TELLS = "tells"


@dataclass(frozen=True, slots=True)
class Fact:
    """A rule, what it says, and the fact it looks at; of a segment, its clauses."""

    rule: str
    verdict: Verdict
    fact: str
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A customer and a campaign. `person` is the customer as a launch reads them, None outside the audience.

    `definition` is that of the next step where the campaign is a sequence, in which `place` tells where they are.
    """

    tenant: Tenant
    customer: Mapping[str, Any]
    campaign: Mapping[str, Any]
    definition: CampaignDefinition
    recipe: Recipe
    person: Person | None
    place: Place
    now: datetime


_CONSENT = {"promotional": "allow_promotional", "drip": "allow_promotional", "reminder": "allow_reminders"}
_TIMES = frozenset({"no_window", "bad_timezone", TOO_LATE})
_ASKED_BEFORE_THE_TEXT = frozenset(
    {"no_phone", "opted_out", "suppressed", "no_consent", "shared_phone", MERGED, FREQUENCY_CAP, HELD_OUT}
)


def facts_of(connection: Connection, case: Case, frozen: Frozen | None, reason: str | None) -> Iterator[Fact]:
    """Yield every rule about a case, in the order in which they are asked; `reason` is the launch's own."""
    yield _campaign(case)
    if case.place.told:
        yield Fact("sequence", Verdict.TELLS, case.place.told)
    if case.definition.remind:
        yield _appointment(case)
    yield _segment(connection, case)
    yield _phone(case)
    yield from _refusals(connection, case)
    yield _consent(case)
    if others := _others_with_the_number(connection, case):
        yield _shared(others, reason, merges=case.definition.is_merging)
    if case.person and FREQUENCY_CAP in {reason, frozen.reason if frozen else None}:
        yield _cap(case, reason)
    if case.recipe.trials and reason in {None, HELD_OUT}:
        yield _trial(case, case.recipe.trials, frozen)
    if frozen or reason not in _ASKED_BEFORE_THE_TEXT | {None}:
        yield _time(case, frozen, reason)
        yield from _text(frozen, reason)


def _campaign(case: Case) -> Fact:
    status, why = case.campaign["status"], case.campaign["status_reason"]
    match status:
        case "paused":
            return Fact("campaign", Verdict.STOPS, f"is paused: {why}")
        case "draft" | "completed" | "cancelled":
            return Fact("campaign", Verdict.STOPS, "is a draft without a time" if status == "draft" else f"is {status}")
    return Fact("campaign", Verdict.PASSES, f"is {status}, {case.definition.type}")


def _appointment(case: Case) -> Fact:
    """Tell of what a reminder would be."""
    at = case.customer["next_appointment_at"]
    if at is None:
        return Fact("appointment", Verdict.STOPS, "has none")
    verdict = Verdict.PASSES if at > case.now else Verdict.STOPS
    return Fact("appointment", verdict, f"{'is' if at > case.now else 'was'} {_time_of(at, case)}")


def _segment(connection: Connection, case: Case) -> Fact:
    target, is_in = case.definition.target(), case.person is not None
    audience = find_audience(connection, case.tenant.id, target=target)
    today = local_day(case.tenant, case.recipe.wish)
    clauses = [
        clauses_about(connection, case.tenant.id, each, customer=case.customer, today=today)
        for each in audience.criteria
    ]
    name = target["segment"]
    whom = f'"{name}"' if name else "everybody" if not clauses else "who its criteria hold for"
    if case.place.is_in:
        return Fact("segment", Verdict.TELLS, f"is for {whom}; who is in stays in", tuple(clauses))
    fact = f"is for {whom}: {'in' if is_in else 'not in'} it"
    return Fact("segment", Verdict.PASSES if is_in else Verdict.STOPS, fact, tuple(clauses))


def _phone(case: Case) -> Fact:
    has_one = case.customer["phone_number"] is not None
    return Fact("phone", Verdict.PASSES if has_one else Verdict.STOPS, "has a number" if has_one else "has no number")


def _refusals(connection: Connection, case: Case) -> Iterator[Fact]:
    """Yield what is known against the number: a refusal by anybody who has it, or another reason."""
    binds = {"user_id": case.tenant.id, "phone_number": case.customer["phone_number"]}
    suppression = connection.execute(_SUPPRESSION, binds).fetchone()
    refusal = connection.execute(_REFUSAL, binds).fetchone()
    is_refused = suppression is not None and suppression["reason"] == "opted_out"
    if refusal or (suppression and is_refused):
        at = refusal["opt_out_date"] if refusal else suppression["created_at"] if suppression else None
        source = f" (by {suppression['source']})" if suppression else ""
        yield Fact("opt-out", Verdict.STOPS, f"the number refused texts on {_day(at, case)}{source}")
    else:
        yield Fact("opt-out", Verdict.PASSES, "nobody with the number has refused texts")
    if suppression and not is_refused:
        why, day = suppression["reason"].replace("_", " "), _day(suppression["created_at"], case)
        told = f"the number is not texted: {why}, by {suppression['source']} on {day}"
        yield Fact("suppression", Verdict.STOPS, told)


def _consent(case: Case) -> Fact:
    column = _CONSENT.get(case.definition.type)
    if column is None:
        return Fact("consent", Verdict.PASSES, f"a {case.definition.type} asks for none")
    what = "advertising" if column == "allow_promotional" else "reminders"
    if case.customer[column]:
        return Fact("consent", Verdict.PASSES, f"agreed to {what}")
    return Fact("consent", Verdict.STOPS, f"has not agreed to {what}")


def _others_with_the_number(connection: Connection, case: Case) -> list[str]:
    binds = {
        "user_id": case.tenant.id,
        "phone_number": case.customer["phone_number"],
        "customer_id": case.customer["id"],
    }
    rows = connection.execute(_OTHERS, binds).fetchall()
    return [row["external_id"] or str(row["id"]) for row in rows]


def _shared(others: list[str], reason: str | None, *, merges: bool) -> Fact:
    told = f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} the same number"
    if reason == "shared_phone":
        return Fact("shared phone", Verdict.STOPS, f"{told}, and the text goes to who visited last")
    if reason == MERGED:
        return Fact("shared phone", Verdict.STOPS, f"{told}; one text for all of them goes to who visited last")
    if merges:
        told += ": the text has the names of all of them who may get it"
    return Fact("shared phone", Verdict.PASSES, told)


def _cap(case: Case, reason: str | None) -> Fact:
    until = case.person.capped_until if case.person else None
    told = f"has had as many texts of this type as one may, until {_time_of(until, case)}"
    if reason == FREQUENCY_CAP:
        return Fact("frequency cap", Verdict.STOPS, told)
    return Fact("frequency cap", Verdict.TELLS, f"{told}; the text waits for that")


def _trial(case: Case, trials: Trials, frozen: Frozen | None) -> Fact:
    """Tell where a hash of the campaign and the customer puts them."""
    lot = trials.allocator()(case.customer["id"])
    if lot.is_held_out:
        share = f"{trials.held_out / 100:g} %"
        return Fact("hold-out", Verdict.STOPS, f"is of the {share} who get nothing, so that the effect can be measured")
    if lot.is_rest:
        return Fact("variant", Verdict.TELLS, "waits for the variant that wins")
    if lot.variant and frozen and not frozen.variant:
        told = f'"{lot.variant}" cannot be written for them: waits for the variant that wins'
        return Fact("variant", Verdict.TELLS, told)
    if lot.variant:
        weight = dict(trials.weights)[lot.variant]
        return Fact("variant", Verdict.TELLS, f'gets "{lot.variant}", as {weight / 100:g} % do')
    return Fact("hold-out", Verdict.PASSES, "is not held out")


def _time(case: Case, frozen: Frozen | None, reason: str | None) -> Fact:
    windows = case.recipe.windows
    within = ", ".join(map(str, windows.windows)) or "any time"
    rules = f"{within} outside {windows.quiet or 'no quiet hours'}"
    if case.customer["preferred_time"]:
        rules += f"; prefers {case.customer['preferred_time']}"
    if frozen:
        zone = ZoneInfo(frozen.timezone)
        begin, end = (f"{each.astimezone(zone):%Y-%m-%d %H:%M %Z}" for each in (frozen.send_after, frozen.expires_at))
        return Fact("time", Verdict.PASSES, f"may leave from {begin} until {end} ({rules})")
    if reason == "bad_timezone":
        return Fact("time", Verdict.STOPS, f'"{case.customer["timezone"]}" is no time zone')
    if reason == "no_window":
        return Fact("time", Verdict.STOPS, f"no time is open before it would expire ({rules})")
    if reason == TOO_LATE:
        return Fact("time", Verdict.STOPS, f"its last window had ended, or the appointment begun ({rules})")
    return Fact("time", Verdict.PASSES, rules)


def _text(frozen: Frozen | None, reason: str | None) -> Iterator[Fact]:
    if frozen:
        parts = "1 part" if frozen.segments_used == 1 else f"{frozen.segments_used} parts"
        yield Fact("text", Verdict.PASSES, f"{parts}, {frozen.encoding}: {frozen.personalized_content}")
    elif reason not in _TIMES:
        what, _, name = (reason or "").partition(":")
        told = {
            "missing_value": f"it needs {name}, which they have not",
            "too_long": "it is longer than a provider takes",
        }
        yield Fact("text", Verdict.STOPS, told.get(what, "it cannot be written with what is known of them"))


def _day(at: datetime | None, case: Case) -> str:
    return f"{at.astimezone(ZoneInfo(case.tenant.timezone)):%Y-%m-%d}" if at else "an unknown day"


def _time_of(at: datetime | None, case: Case) -> str:
    return f"{at.astimezone(ZoneInfo(case.tenant.timezone)):%Y-%m-%d %H:%M %Z}" if at else "later"


_SUPPRESSION: LiteralString = """
    SELECT reason, source, created_at FROM suppressions
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s
"""
_REFUSAL: LiteralString = """
    SELECT min(opt_out_date) AS opt_out_date FROM customers
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s HAVING min(opt_out_date) IS NOT NULL
"""
_OTHERS: LiteralString = """
    SELECT id, external_id FROM customers
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND id <> %(customer_id)s
    ORDER BY id LIMIT 10
"""
