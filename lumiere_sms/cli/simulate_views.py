"""How a simulated stretch of time looks: the weeks at a glance, then each day on which something happens."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lumiere_sms.cli.output import counted, cut, hanging, local

if TYPE_CHECKING:
    from lumiere_sms.simulation.calendar import Calendar, Day, Entry
    from lumiere_sms.simulation.differences import Difference

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LABEL = 11  # the column of times and of words such as "left out"
_LONGEST_NAME = 28
_NARROWEST = 7  # a cell of the weeks
_GLANCE = 8  # days from which the weeks are worth a look


def calendar_json(calendar: "Calendar") -> dict[str, Any]:
    """Return a calendar as plain data."""
    from dataclasses import asdict

    from lumiere_sms.simulation.calendar import ASSUMED

    days = [{**asdict(day), "texts": day.texts, "costs": day.costs} for day in calendar.days]
    costs, waiting = _costs(calendar), calendar.waiting
    counted = {"texts": calendar.texts, "costs": costs, "waiting": waiting}
    return {**asdict(calendar), "days": days, **counted, "assumed": ASSUMED}


def diff_json(calendars: "Sequence[Calendar]", differences: "Sequence[Difference]") -> dict[str, Any]:
    """Return two calendars and what differs as plain data."""
    before, after = map(calendar_json, calendars)
    return {"before": before, "after": after, "differences": differences}


def calendar_text(calendar: "Calendar", *, width: int) -> str:
    """Return a calendar as people read it, in lines of at most `width` columns where words allow."""
    lines = [*_summary(calendar, width=width)]
    if (calendar.until - calendar.begins).days >= _GLANCE and calendar.texts:
        lines += ["", *_weeks(calendar)]
    for day in calendar.days:
        if day.entries or day.untexted or day.notices:  # days of standing campaigns begin without a word
            lines += ["", *_day(day, calendar.timezone, width=width)]
    return "\n".join(lines)


def diff_text(calendars: "Sequence[Calendar]", differences: "Sequence[Difference]") -> str:
    """Return what differs as people read it: a line for each campaign on each day, then all in all."""
    before, after = calendars
    if not differences:
        return f"{_span(before)}: no difference, {_texts(before.texts)} either way"
    lines = [_span(before), "", *(_difference(each, before.timezone) for each in differences), ""]
    texts = _arrow(f"{before.texts:,}", f"{after.texts:,}")
    return "\n".join([*lines, f"in all {texts} texts, {_arrow(_money(_costs(before)), _money(_costs(after)))}"])


def _summary(calendar: "Calendar", *, width: int) -> Iterator[str]:
    from lumiere_sms.simulation.calendar import ASSUMED

    yield _span(calendar)
    if calendar.paused:
        yield from _indented(", ".join(calendar.paused), width=width, label="paused")
    if not calendar.texts:
        yield "nothing would go"
        return
    campaigns = len({entry.campaign for entry in calendar.entries})
    of = f"{campaigns:,} {'campaign' if campaigns == 1 else 'campaigns'}"
    yield f"{_texts(calendar.texts)} of {of}, {_money(_costs(calendar))}"
    yield f"assumed: {'; '.join(ASSUMED)}"
    days = [day for day in calendar.days if day.collisions]
    if days:
        several = sum(day.colliding for day in days)
        yield f"{several:,} times somebody gets several texts on one day, on {_days(len(days))} (marked !)"
    if capped := sum(day.capped for day in calendar.days):
        yield f"{capped:,} times a frequency cap kept a text back"
    for name, people in sorted(calendar.waiting.items()):
        yield from _indented(f"{name}: {people:,} still wait for their text", width=width, label="at the end")


def _weeks(calendar: "Calendar") -> Iterator[str]:
    """Yield a line for each week, a cell for each day: how many texts."""
    zone = ZoneInfo(calendar.timezone)
    first = calendar.begins.astimezone(zone).date()
    last = (calendar.until - timedelta(seconds=1)).astimezone(zone).date()
    marks = {day.day: f"{day.texts:,}{'!' if day.collisions else ''}" for day in calendar.days if day.texts}
    cell = max(_NARROWEST, *(len(mark) for mark in marks.values())) + 1
    yield " " * 8 + "".join(f"{name:>{cell}}" for name in _WEEKDAYS)
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        week = [monday + timedelta(days=place) for place in range(7)]
        cells = (marks.get(day, "·") if first <= day <= last else "" for day in week)
        yield f"{monday:%d %b}  " + "".join(f"{text:>{cell}}" for text in cells).rstrip()
        monday += timedelta(days=7)


def _day(day: "Day", zone: str, *, width: int) -> Iterator[str]:
    yield f"{_date(day.day)}   {_texts(day.texts)}" + (f"   {_money(day.costs)}" if day.texts else "")
    yield from _entries(day.entries, zone)
    for collision in day.collisions:
        said = f"{_people(collision.people)} {len(collision.campaigns)} texts: {_named(collision.campaigns)}"
        yield from _indented(said, width=width, label="! several")
    for label, said in _untexted(day):
        yield from _indented(said, width=width, label=label)
    for notice in day.notices:
        said = f"{local(notice.at, zone)[11:16]} {notice.subject}: {notice.message}"
        yield from _indented(said, width=width, label="! alert")


def _entries(entries: "Sequence[Entry]", zone: str) -> Iterator[str]:
    """Yield a line for each campaign: from when to when, who, how many, how much; in columns."""
    from rich.cells import cell_len, set_cell_size

    names = [cut(entry.campaign, _LONGEST_NAME) for entry in entries]
    longest = max(map(cell_len, names), default=0)
    counts = [_texts(entry.texts) for entry in entries]
    money = [_price(entry) for entry in entries]
    across, right = max(map(len, counts), default=0), max(map(len, money), default=0)
    for entry, name, count, price in zip(entries, names, counts, money, strict=True):
        name_cell = set_cell_size(name, longest)
        yield f"  {_times(entry, zone):<{_LABEL}}  {name_cell}  {count:>{across}}  {price:>{right}}".rstrip()


def _untexted(day: "Day") -> Iterator[tuple[str, str]]:
    """Yield who gets no text: at the launch for a reason, later because of what happened."""
    campaigns = sorted({each.campaign for each in day.untexted})
    for campaign in campaigns:
        those = [each for each in day.untexted if each.campaign == campaign]
        if out := [f"{each.reason} {each.people:,}" for each in those if not each.status]:
            yield "left out", f"{campaign}: {' · '.join(out)}"
        if unsent := [f"{_status(each.status, each.reason)} {each.people:,}" for each in those if each.status]:
            yield "not sent", f"{campaign}: {' · '.join(unsent)}"


def _status(status: str, reason: str) -> str:
    if status == "pending":
        return "still waiting"
    return f"{status} ({reason})" if reason else status


def _difference(difference: "Difference", zone: str) -> str:
    before, after = difference.before, difference.after
    head = f"{_date(difference.day)}  {difference.campaign}"
    if before is None or after is None:
        entry = before or after
        assert entry is not None, "one of them differs from nothing"
        sign = "+" if before is None else "-"
        return f"{sign} {head}: {_times(entry, zone).strip()}, {_texts(entry.texts)}, {_price(entry)}"
    pairs = (
        (f"{before.texts:,}", f"{after.texts:,}", " texts"),
        (_price(before), _price(after), ""),
        (_times(before, zone).strip(), _times(after, zone).strip(), ""),
    )
    said = [f"{_arrow(old, new)}{unit}" for old, new, unit in pairs if old != new]
    return f"~ {head}: {', '.join(said) or 'as many texts, to others or other ones'}"


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _times(entry: "Entry", zone: str) -> str:
    first, last = (local(at, zone)[11:16] for at in (entry.first, entry.last))
    return first if first == last else f"{first}-{last}"


def _span(calendar: "Calendar") -> str:
    return f"{local(calendar.begins, calendar.timezone)} to {local(calendar.until, calendar.timezone)}"


def _date(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.isoformat()}"


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count:,} texts"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def _people(count: int) -> str:
    return counted(count, "person gets", "people get")


def _named(campaigns: Sequence[str]) -> str:
    """Name campaigns, one that is there several times with how often."""
    return " + ".join(name if times == 1 else f"{times} × {name}" for name, times in Counter(campaigns).items())


def _price(entry: "Entry") -> str:
    return "" if entry.cost is None else f"{entry.cost:,.2f} {entry.currency}"


def _costs(calendar: "Calendar") -> Mapping[str, Decimal]:
    from lumiere_sms.simulation.calendar import costs_of

    return costs_of(calendar.entries)


def _money(costs: Mapping[str, Decimal]) -> str:
    return " + ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(costs.items())) or "no cost"


def _indented(text: str, *, width: int, label: str) -> Iterator[str]:
    return hanging(text, width=width, label=f"  {label:<{_LABEL}}  ")
