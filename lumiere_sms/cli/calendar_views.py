"""How a recurring campaign's calendar looks, and how its recurrence is read from options."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.campaigns.calendars import Calendar, LeftOut

Daily = Annotated[bool, typer.Option("--daily", help="Every day from then on.")]
Weekly = Annotated[str | None, typer.Option(help="Every week on these days: mon,wed,fri.")]
Monthly = Annotated[str | None, typer.Option(help="Every month: 15, last, 2nd-tue, last-fri or 1st-workday.")]
Every = Annotated[int | None, typer.Option(min=1, max=366, help="Only every so many days, weeks or months.")]
Until = Annotated[str | None, typer.Option(help="The last day: 2031-12-31.")]
Count = Annotated[int | None, typer.Option(min=1, max=10_000, help="How often at most.")]
Except = Annotated[list[str] | None, typer.Option("--except", help="A day to leave out; may be given again.")]
SkipHolidays = Annotated[
    bool, typer.Option("--skip-holidays", help="Not on public holidays and days on which you are closed.")
]
NextOpenDay = Annotated[
    bool, typer.Option("--next-open-day", help="From a holiday or closed day to the next open one.")
]
Missed = Annotated[str | None, typer.Option(help="What nobody launched in time: run_once, or skip.")]
Once = Annotated[bool, typer.Option("--once", help="Not again and again any more.")]

_NTH = re.compile(r"(1st|2nd|3rd|4th|5th|last)[- ]([a-z]+)", re.ASCII)
_WORKDAYS = [1, 2, 3, 4, 5]


def read_repeat(
    *, daily: bool, weekly: str | None, monthly: str | None, once: bool, **limits: Any
) -> dict[str, Any] | None:
    """Read how a campaign recurs; None where nothing is said of it, nothing inside where it goes once.

    `limits` are the other options by name; who gives one says by what it repeats too.
    """
    ways = [{"type": "daily"}] if daily else []
    ways += [] if weekly is None else [_weekly(weekly)]
    ways += [] if monthly is None else [_monthly(monthly)]
    ways += [{}] if once else []
    given = {name: value for name, value in limits.items() if value}
    if len(ways) > 1:
        raise typer.BadParameter("give one of --daily, --weekly, --monthly and --once")
    if given and not (ways and ways[0]):
        raise typer.BadParameter("say by what it repeats: --daily, --weekly or --monthly")
    return {**ways[0], **_limits(**given)} if ways else None


def print_calendar(calendar: "Calendar | None") -> None:
    """Print when a campaign that recurs comes up next, there and in UTC, and what one may not expect."""
    output.print_facts(calendar_facts(calendar))


def calendar_facts(calendar: "Calendar | None") -> list[tuple[str, Any]]:
    """Return how a campaign recurs and when it comes up next; nothing of one that does not."""
    if calendar is None:
        return []
    upcoming = [_both(at, calendar.zone) for at in calendar.upcoming]
    names = ["next", *[""] * len(upcoming)]
    left_out = list(map(_left_out, calendar.left_out))
    return [
        *zip(["recurs", *[""] * len(calendar.limits)], (calendar.words, *calendar.limits), strict=True),
        *zip(names, upcoming or ["never again"], strict=False),
        *zip(["not on", *[""] * len(left_out)], left_out, strict=False),
        ("note", calendar.note or None),
    ]


def schedule_words(schedule: Mapping[str, Any] | None) -> str | None:
    """Say a schedule, as it is stored, as people do."""
    if not schedule:
        return None
    at: str = schedule["at"].replace("T", " ")
    if not schedule.get("repeat"):
        return at
    from lumiere_sms.definitions.repeating import RepeatDefinition
    from lumiere_sms.schedule.recurrence import in_words, limits_in_words

    rule = RepeatDefinition.model_validate(schedule["repeat"]).recurrence()
    if at == "now":
        return ", ".join([f"from now on {rule.type}", *limits_in_words(rule)])
    first_local = datetime.fromisoformat(schedule["at"])
    return ", ".join([f"from {first_local:%Y-%m-%d} on {in_words(rule, first_local)}", *limits_in_words(rule)])


def run_facts(campaign: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the last runs of a campaign that recurs."""
    told = [_run(run, campaign["timezone"]) for run in campaign.get("runs", ())]
    return list(zip(["last runs", *[""] * len(told)], told, strict=False))


def _run(run: Mapping[str, Any], zone: str) -> str:
    done = f", {run['audience_size']:,} matched (revision {run['revision']})" if run["launched_at"] else ""
    return f"{output.local(run['occurs_at'], zone)}  {run['status']}{done}"


def calendar_texts(calendar: "Calendar") -> Iterator[str]:
    """Yield how a campaign recurs as a plan says it: how, then when after the first time, and what to know."""
    yield ", ".join([calendar.words, *calendar.limits])
    if later := calendar.upcoming[1:]:
        yield f"then {', '.join(f'{at.astimezone(ZoneInfo(calendar.zone)):%a %Y-%m-%d %H:%M}' for at in later)}"
        yield f"in UTC {', '.join(f'{at:%m-%d %H:%M}' for at in calendar.upcoming)}; each costs about as much"
    if calendar.left_out:
        yield f"not on {'; '.join(map(_left_out, calendar.left_out))}"
    if calendar.note:
        yield calendar.note


def _both(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}  ({at:%Y-%m-%d %H:%M} UTC)"


def _left_out(one: "LeftOut") -> str:
    moved = f", but on {one.moved_to:%a %Y-%m-%d}" if one.moved_to else ""
    return f"{one.day:%a %Y-%m-%d}: {one.why}{moved}"


def _weekly(text: str) -> dict[str, Any]:
    return {"type": "weekly", "days_of_week": _weekdays(text.split(","), "--weekly")}


def _monthly(text: str) -> dict[str, Any]:
    wish = text.strip().lower()
    if wish == "last" or (wish.isdecimal() and 1 <= int(wish) <= 31):  # noqa: PLR2004 - days of a month
        return {"type": "monthly", "day_of_month": wish if wish == "last" else int(wish)}
    if (found := _NTH.fullmatch(wish)) is None:
        raise typer.BadParameter(
            f'"{text}" is no day of a month; write 15, last, 2nd-tue, last-fri or 1st-workday', param_hint="--monthly"
        )
    nth = -1 if found[1] == "last" else int(found[1][0])
    days = _WORKDAYS if found[2] == "workday" else _weekdays([found[2]], "--monthly")
    return {"type": "monthly", "nth": nth, "days_of_week": days}


def _weekdays(names: Sequence[str], option: str) -> list[int]:
    from lumiere_sms.definitions.repeating import read_weekday

    try:
        found = [int(read_weekday(name)) for name in names]
    except ValueError as error:
        said = str(error) if "weekday" in str(error) else f'"{",".join(names)}" are no weekdays; write mon,wed,fri'
        raise typer.BadParameter(said, param_hint=option) from error
    if not all(1 <= day <= 7 for day in found):  # noqa: PLR2004 - days of a week
        raise typer.BadParameter("weekdays are 1 (Monday) to 7 (Sunday), or mon to sun", param_hint=option)
    return found


def _limits(
    *,
    every: int | None = None,
    until: str | None = None,
    count: int | None = None,
    exceptions: Sequence[str] = (),
    skip_holidays: bool = False,
    next_open_day: bool = False,
    missed: str | None = None,
) -> dict[str, Any]:
    if skip_holidays and next_open_day:
        raise typer.BadParameter("--skip-holidays and --next-open-day exclude each other")
    if missed not in {None, "run_once", "skip"}:
        raise typer.BadParameter(f'"{missed}" is neither run_once nor skip', param_hint="--missed")
    on_closed = "skip" if skip_holidays else "next_open_day" if next_open_day else None
    given = {"interval": every, "end_date": until, "count": count, "exceptions": list(exceptions) or None}
    given |= {"on_closed": on_closed, "missed": missed}
    return {name: value for name, value in given.items() if value is not None}
