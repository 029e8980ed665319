"""Reminders of appointments: each belongs to the appointment's instant, so a new time is a new reminder.

A day writes the reminders that go on it as soon as it is open, and those of appointments that are made or moved while
it is. One whose appointment is gone, or at another time, is cancelled, here or at the latest by the arm; if the
appointment comes back to that time, so does the reminder. The key (campaign, appointment, phone) is unique over all
days, so nobody is reminded of one appointment twice, whatever is edited or dies between.

A reminder whose window passed before it could be written, since no daemon ran or the appointment was made only then, is
written as `expired`: nobody is missed in silence. It is not judged by what was decided later: after an edit those that
were too late are looked at anew, and windows that passed before the edit are not asked after.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.audience.eligibility import Among, audience_query
from lumiere_sms.campaigns.days import Day
from lumiere_sms.campaigns.freezing import AT_FIRST, Frozen, Recipe, Row, Tally, audience_batches, freeze
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.links import keep_links, with_link
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.writing import Content, content_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.providers.prices import country_of
from lumiere_sms.schedule.appointments import Offset
from lumiere_sms.schedule.instants import resolve_zone

TOO_LATE = "too_late"
SHARED = "shared_phone"


def remind(connection: Connection, tenant: Tenant, day: Day) -> Tally:
    """Cancel the reminders of appointments that are gone, and write those that this day brings.

    Returns those who are left out of the day as they are now, and the reminders that were written.
    """
    connection.execute(statement(__package__, "cancel_moved"), day.binds)
    content, target = content_of(connection, tenant.id, day.definition), day.definition.target()
    recipe, tally = with_link(connection, tenant.id, _recipe(connection, tenant, day, content=content)), Tally()
    query = _query(connection, tenant, day, target=target, recipe=recipe)
    for rows in audience_batches(connection, query, columns=recipe.columns, narrowing=AT_FIRST):
        _write(connection, day, [*_reminders(connection, day, rows, recipe=recipe, tally=tally)], tally)
    keep_links(connection, tenant.id, tally)
    tally.matched += tally.exclusions.total()
    return tally


def foresee_reminders(
    connection: Connection,
    tenant: Tenant,
    day: Day,
    *,
    content: Content,
    target: Mapping[str, Any],
    tally: Tally,
    written: set[tuple[str, datetime | None]],
) -> Iterator[Frozen]:
    """Yield the reminders that a day would write, by a text and an audience that may be others than the stored ones.

    `written` are those of the days before, by number and appointment: this day's are added to them.
    """
    recipe = _recipe(connection, tenant, day, content=content)
    query = _query(connection, tenant, day, target=target, recipe=recipe)
    excluded = tally.exclusions.total()
    for rows in audience_batches(connection, query, columns=recipe.columns):
        for each in _reminders(connection, day, rows, recipe=recipe, tally=tally):
            reminder = each.phone_number, each.appointment_at
            if each.status == "pending" and reminder not in written:
                written.add(reminder)
                tally.matched += 1
                yield each._replace(send_after=max(each.send_after, day.now))
    tally.matched += tally.exclusions.total() - excluded


def _recipe(connection: Connection, tenant: Tenant, day: Day, *, content: Content) -> Recipe:
    recipe = Recipe.of(day.definition, content, tenant=tenant, wish=day.now)
    recipe = with_habit(connection, tenant.id, recipe, definition=day.definition)
    return replace(recipe, expires_after=_offset(day).patience(day.definition.expires_after))


def _query(
    connection: Connection, tenant: Tenant, day: Day, *, target: Mapping[str, Any], recipe: Recipe
) -> tuple[str, dict[str, Any]]:
    return audience_query(
        connection,
        tenant.id,
        target=target,
        campaign_type=day.definition.type,
        today=day.now.astimezone(ZoneInfo(tenant.timezone)).date(),
        among=Among(_NOT_REMINDED, {**day.binds, "until": _offset(day).horizon(day.open_until)}),
        cap=recipe.cap,
    )


def _offset(day: Day) -> Offset:
    assert day.definition.remind is not None, "a reminder campaign says when it reminds"
    return Offset(day.definition.remind.before)


def _reminders(
    connection: Connection, day: Day, rows: Sequence[Row], *, recipe: Recipe, tally: Tally
) -> Iterator[Frozen]:
    """Yield the reminders of some customers that go on this day, each wished for by its own appointment."""
    answers = answers_of(connection, day.user_id, rows, recipe=recipe)
    for (wish, zone), people in _by_wish(day, rows, recipe=recipe).items():
        appointments = {row[0]: row[5] for row in people}
        counted = Tally(links=tally.links)
        for text in freeze(people, replace(recipe, wish=wish), counted, answers=answers):
            reminder = _of_day(day, text, appointments[text.customer_id])
            if reminder is not None:
                yield reminder
        if wish.astimezone(zone).date() == day.occurs_at.astimezone(ZoneInfo(recipe.zone)).date():
            tally.exclusions += counted.exclusions


def _by_wish(day: Day, rows: Sequence[Row], *, recipe: Recipe) -> dict[tuple[datetime, ZoneInfo], list[Row]]:
    """Group customers by when their reminders are wished for.

    Who shares a phone with somebody is reminded too, of an appointment of their own: at another time, that is.
    """
    groups: defaultdict[tuple[datetime, ZoneInfo], list[Row]] = defaultdict(list)
    seen = set[tuple[str, datetime]]()
    for row in sorted(rows, key=lambda row: row[3] == SHARED):
        _, phone, zone_name, exclusion, preferred, appointment, *rest = row
        if exclusion == SHARED and (phone, appointment) not in seen:
            row = (*row[:3], None, preferred, appointment, *rest)  # noqa: PLW2901 - the same person, judged anew
        seen.add((phone, appointment))
        zone = _zone(zone_name, recipe.zone)
        groups[_offset(day).wish(appointment, zone), zone].append(row)
    return groups


def _zone(name: str | None, otherwise: str) -> ZoneInfo:
    """Return the zone of a customer; where there is none of that name, the freezing says so."""
    try:
        return resolve_zone(name or otherwise)
    except ValueError:
        return ZoneInfo(otherwise)


def _of_day(day: Day, text: Frozen, appointment: datetime) -> Frozen | None:
    """Return a text as the reminder of an appointment, gone when that begins; None where it is another day's."""
    if text.send_after >= day.open_until:
        return None
    at, expires_at = appointment.astimezone(UTC), min(text.expires_at, appointment)
    text = text._replace(expires_at=expires_at, appointment_at=at, step=at.isoformat())
    if expires_at > max(day.now, text.send_after) + USABLE:
        return text
    return text._replace(status="expired", reason=TOO_LATE) if text.send_after >= day.since else None


def _write(connection: Connection, day: Day, reminders: Sequence[Frozen], tally: Tally) -> None:
    """Write reminders, unless another daemon has, and count those that wait now."""
    if not reminders:
        return
    columns = {name: [getattr(each, field) for each in reminders] for name, field in _COLUMNS.items()}
    binds = {**day.binds, **columns, "ids": [new_id() for _ in reminders]}
    rows = connection.execute(statement(__package__, "remind"), binds)
    written = {(row["appointment_at"], row["phone_number"]) for row in rows}
    for each in reminders:
        if (each.appointment_at, each.phone_number) in written:
            tally.matched += 1
            if each.status == "pending":
                tally.kept[each.timezone, country_of(each.phone_number), each.encoding, each.segments_used] += 1


#: The binds of remind.sql, and the field of a reminder that each is a column of.
_COLUMNS = {
    "customer_ids": "customer_id",
    "phone_numbers": "phone_number",
    "timezones": "timezone",
    "send_afters": "send_after",
    "expires_ats": "expires_at",
    "texts": "personalized_content",
    "encodings": "encoding",
    "parts": "segments_used",
    "steps": "step",
    "variants": "variant",
    "preferred_times": "preferred_time",
    "appointment_ats": "appointment_at",
    "statuses": "status",
    "reasons": "reason",
}
#: An appointment to come whose reminder may be wished for by now, of somebody who has not been reminded of it: neither
#: under this number nor, where that has changed, under another.
_NOT_REMINDED: LiteralString = (
    "customers.next_appointment_at > %(now)s AND customers.next_appointment_at <= %(until)s "
    "AND NOT EXISTS ( "
    "SELECT FROM campaign_recipients AS reminder "
    "WHERE reminder.user_id = %(user_id)s AND reminder.campaign_id = %(campaign_id)s "
    "AND reminder.appointment_at = customers.next_appointment_at "
    "AND (reminder.phone_number = customers.phone_number OR reminder.customer_id = customers.id) "
    "AND (reminder.status <> 'cancelled' OR reminder.reason <> 'appointment_changed') "
    "AND (reminder.status <> 'expired' OR reminder.reason <> 'too_late' OR reminder.updated_at >= %(since)s))"
)
