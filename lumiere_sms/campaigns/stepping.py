"""The next step of everybody in a sequence for whom it is due.

A step is frozen when it may leave, not before: whether the person still agrees to be texted, has replied, has visited,
or meets what `leave_when` says is looked at then, and the text says what is true then. Where no window is open, it is
looked at again when one is. What becomes of a person is one compare-and-set on their enrolment, from the step that
they were at, in the transaction that writes the text: so nobody gets a step twice, whatever dies between.

A step waits until the one before has left. One that cannot be said (the text needs what this customer has not) is
passed over, and counted as an exclusion; who may not be texted any more leaves.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL

from lumiere_sms.audience.eligibility import Among, audience_query, find_audience, who_text
from lumiere_sms.campaigns.copying import write_recipients
from lumiere_sms.campaigns.days import Day
from lumiere_sms.campaigns.enrolling import rounded_up
from lumiere_sms.campaigns.freezing import Frozen, Recipe, Row, Tally, audience_batches, freeze
from lumiere_sms.campaigns.habits import Answers, answers_of, with_habit
from lumiere_sms.campaigns.links import keep_links, with_link
from lumiere_sms.campaigns.writing import content_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.providers.prices import country_of

AT_ONCE = 5_000  # people whose steps are taken in one transaction
#: Whose window opens within this is frozen now; others are looked at again when theirs opens.
SOON = timedelta(hours=1)
_LOOK_AGAIN = timedelta(minutes=1)
FINISHED = "finished"
#: Reasons that pass one step over; all others end the sequence for this person.
PASSING = ("missing_value", "too_long", "unrenderable", "no_window", "bad_timezone", "frequency_cap")


class Due(NamedTuple):
    """A person whose next step is due: what they have had, when they entered, and when the last text went."""

    id: UUID
    customer_id: UUID
    round: int
    steps_done: int
    enrolled_at: datetime
    sent_at: datetime | None
    is_waiting: bool

    @property
    def step(self) -> str:
        """The next step as the recipient's key has it: its number, and the round from the second on."""
        return f"{self.steps_done + 1}" + (f"/{self.round}" if self.round > 1 else "")


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a person who was due: the steps done then, and when the next is looked at, or why they left."""

    due: Due
    steps_done: int
    next_at: datetime | None = None
    left: str | None = None
    text: Frozen | None = None
    recipient_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a turn came to: how many people were due, and what of them was counted."""

    people: int
    tally: Tally


def take_steps(connection: Connection, tenant: Tenant, day: Day) -> Taken:
    """Take the next step of people for whom it is due, `AT_ONCE` at most; nobody where nothing is due."""
    binds = {**day.binds, "limit": AT_ONCE}
    due = [Due(**row) for row in connection.execute(statement(__package__, "hold_due_steps"), binds)]
    tally = Tally()
    if due:
        _write(connection, day, [*_fates(connection, tenant, day, due, tally)])
        keep_links(connection, tenant.id, tally)
    return Taken(len(due), tally)


def _fates(connection: Connection, tenant: Tenant, day: Day, due: Sequence[Due], tally: Tally) -> Iterator[Fate]:
    """Yield what becomes of each; who has a step before them is judged step by step."""
    deeds = _deeds(connection, day, due)
    leaving = _leaving(connection, tenant, day, due)
    steps: defaultdict[int, list[Due]] = defaultdict(list)
    for each in due:
        fate = _without_a_look(day, each) or _has_left(
            day, each, deeds.get(each.id), is_leaving=each.customer_id in leaving
        )
        if fate:
            yield fate
        else:
            steps[each.steps_done + 1].append(each)
    phones = set[str]()
    for number, people in sorted(steps.items()):
        yield from _of_step(connection, tenant, day, people, number=number, tally=tally, phones=phones)


def _without_a_look(day: Day, each: Due) -> Fate | None:
    """Return the fate of who has no step left, or is early: the step before has not gone, or only just went."""
    steps = day.definition.steps or ()
    if each.steps_done >= len(steps):
        return Fate(each, each.steps_done, left=FINISHED)
    after = steps[each.steps_done].after
    if each.is_waiting:  # it goes now at the earliest, and this one so long after
        return Fate(each, each.steps_done, rounded_up(day.now + (after or _LOOK_AGAIN)))
    if each.sent_at and after and (at := rounded_up(each.sent_at + after)) > day.now:
        return Fate(each, each.steps_done, at)
    return None


def _has_left(day: Day, each: Due, deeds: Mapping[str, Any] | None, *, is_leaving: bool) -> Fate | None:
    unless = (day.definition.steps or ())[each.steps_done].unless
    reasons = {
        "erased": deeds is None,
        "replied": "replied" in unless and deeds is not None and deeds["has_replied"],
        "visited": "visited" in unless and deeds is not None and deeds["has_visited"],
        "leave_when": is_leaving,
        "shared_phone": deeds is not None and deeds["is_taken"],
    }
    why = next((reason for reason, holds in reasons.items() if holds), None)
    return Fate(each, each.steps_done, left=why) if why else None


def _of_step(
    connection: Connection,
    tenant: Tenant,
    day: Day,
    people: Sequence[Due],
    *,
    number: int,
    tally: Tally,
    phones: set[str],
) -> Iterator[Fate]:
    """Yield what becomes of people at one step. `phones` are those that have a text of this turn, whatever its step."""
    definition = day.definition.of_step(number)
    content = content_of(connection, tenant.id, definition)
    recipe = Recipe.of(definition, content, tenant=tenant, wish=day.now)
    recipe = with_link(connection, tenant.id, with_habit(connection, tenant.id, recipe, definition=definition))
    rows = _rows(connection, tenant, day, people, recipe=recipe)
    answers = answers_of(connection, tenant.id, [*rows.values()], recipe=recipe)
    waited = {each.customer_id for each in people if recipe.spread_by and _has_waited(day, each)}
    texts, reasons = dict[UUID, Frozen](), dict[UUID, str]()
    for way, is_waited in ((recipe, False), (replace(recipe, spread_by=None), True)):
        those = [row for who, row in rows.items() if (who in waited) is is_waited]
        found = judged(those, way, Tally(links=tally.links), answers=answers)
        texts, reasons = texts | found[0], reasons | found[1]
    for each in people:
        text, reason = texts.get(each.customer_id), reasons.get(each.customer_id, "erased")
        if text and text.phone_number in phones:
            text, reason = None, "shared_phone"
        elif text:
            phones.add(text.phone_number)
        fate = _of_person(day, each, text, reason=reason)
        if not _is_put_off(fate):
            _count(tally, text, reason)
        yield fate


def _has_waited(day: Day, each: Due) -> bool:
    """Say whether somebody has been put off to their place of an even spread: it would move on with each look."""
    after = (day.definition.steps or ())[each.steps_done].after or timedelta(0)
    return max(each.enrolled_at, each.sent_at or each.enrolled_at) + after + SOON < day.now


def judged(
    rows: Sequence[Row], recipe: Recipe, tally: Tally, *, answers: Answers
) -> tuple[dict[UUID, Frozen], dict[UUID, str]]:
    """Return the texts of those who get one, and the reasons of those who do not, by customer."""
    reasons, counted = dict[UUID, str](), Counter[str]()

    def fed() -> Iterator[Row]:
        for row in rows:
            yield row  # and here again when its text is written, or it was left out
            if news := tally.exclusions - counted:
                reasons[row[0]] = next(iter(news))
                counted.update(news)

    return {
        text.customer_id: text for text in freeze(fed(), recipe, tally, answers=answers) if text.customer_id
    }, reasons


def _of_person(day: Day, each: Due, text: Frozen | None, *, reason: str) -> Fate:
    """Return the fate of a person whose step was frozen, or left out for a reason."""
    if text is None and not reason.startswith(PASSING):
        return Fate(each, each.steps_done, left=reason)
    if text is not None and text.send_after > day.now + SOON:
        return Fate(each, each.steps_done, text.send_after)
    steps, done = day.definition.steps or (), each.steps_done + 1
    if text is not None:
        text = text._replace(step=each.step)
    recipient_id = new_id() if text else None
    if done == len(steps):
        return Fate(each, done, left=FINISHED, text=text, recipient_id=recipient_id)
    after, at = steps[done].after, max(text.send_after, day.now) if text else day.now
    return Fate(each, done, rounded_up(at + after) if after else at, text=text, recipient_id=recipient_id)


def _is_put_off(fate: Fate) -> bool:
    return fate.left is None and fate.steps_done == fate.due.steps_done


def _count(tally: Tally, text: Frozen | None, reason: str) -> None:
    tally.matched += 1
    if text is None:
        tally.exclusions[reason] += 1
    else:
        tally.kept[text.timezone, country_of(text.phone_number), text.encoding, text.segments_used] += 1


def _rows(
    connection: Connection, tenant: Tenant, day: Day, people: Iterable[Due], *, recipe: Recipe
) -> dict[UUID, Row]:
    """Return what the audience query says of people in the sequence, whether or not they are in its audience still."""
    query = audience_query(
        connection,
        tenant.id,
        target={},
        campaign_type=day.definition.type,
        today=_today(tenant, day),
        among=Among("customers.id = ANY (%(people)s::uuid[])", {"people": [each.customer_id for each in people]}),
        cap=recipe.cap,
    )
    batches = audience_batches(connection, query, columns=recipe.columns)
    return {row[0]: row for rows in batches for row in rows}


def _deeds(connection: Connection, day: Day, due: Sequence[Due]) -> dict[UUID, dict[str, Any]]:
    binds = {**day.binds, "ids": [each.id for each in due], "zone": day.definition.timezone}
    return {row["id"]: row for row in connection.execute(statement(__package__, "judge_steps"), binds)}


def _leaving(connection: Connection, tenant: Tenant, day: Day, due: Sequence[Due]) -> set[UUID]:
    """Return the customers among those due for whom `leave_when` holds."""
    tree = day.definition.enrol.leave_when if day.definition.enrol else None
    if tree is None:
        return set()
    audience = find_audience(connection, tenant.id, target={"criteria": tree})
    text, binds = who_text(connection, tenant.id, audience=audience, today=_today(tenant, day))
    query = SQL(
        "SELECT customers.id FROM customers"
        " WHERE customers.user_id = %(user_id)s AND customers.id = ANY (%(people)s::uuid[]) AND ({})"
    ).format(SQL(text))
    return {row["id"] for row in connection.execute(query, {**binds, "people": [each.customer_id for each in due]})}


def _today(tenant: Tenant, day: Day) -> Any:
    return day.now.astimezone(ZoneInfo(tenant.timezone)).date()


def _write(connection: Connection, day: Day, fates: Sequence[Fate]) -> None:
    """Move everybody, and write the texts of those who go on. They are held, so all of them move."""
    binds = {
        **day.binds,
        "ids": [fate.due.id for fate in fates],
        "befores": [fate.due.steps_done for fate in fates],
        "afters": [fate.steps_done for fate in fates],
        "next_ats": [fate.next_at for fate in fates],
        "left_reasons": [fate.left for fate in fates],
        "recipient_ids": [fate.recipient_id for fate in fates],
        "phones": [fate.text.phone_number if fate.text else None for fate in fates],
    }
    moved = connection.execute(statement(__package__, "move_enrolments"), binds).rowcount
    assert moved == len(fates), "who is held is at the step that was read"
    texts = [(fate.recipient_id, fate.text) for fate in fates if fate.text and fate.recipient_id]
    ids = iter([id_ for id_, _ in texts])
    write_recipients(
        connection,
        day.user_id,
        occurrence_id=day.occurrence_id,
        campaign_id=day.campaign_id,
        frozen=[text for _, text in texts],
        make_id=ids.__next__,
    )
