"""The tables of a plan: when how many texts leave, the strategies beside each other, how to keep to a budget."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lumiere_sms.cli.columns import Column, lay_out
from lumiere_sms.cli.output import inert, local

if TYPE_CHECKING:
    from decimal import Decimal

    from lumiere_sms.planning.campaign_plans import CampaignPlan
    from lumiere_sms.planning.comparing import Compared
    from lumiere_sms.planning.proposing import BudgetAnswer
    from lumiere_sms.planning.sharing_out import Allotted

_BAR = 24  # columns of the longest
_BLOCKS = " ▏▎▍▌▋▊▉█"  # eighths of a column
_UNITS = ((1440, "day"), (60, "hour"), (1, "minute"))


def days_lines(campaign: "CampaignPlan", *, width: int) -> Iterator[str]:
    """Yield what the next days of a campaign bring that is a run a day."""
    if not campaign.days:
        return
    yield "the next days, with the people as they are now"
    most = max(1, *(each.texts for each in campaign.days))
    steps = list(dict.fromkeys(name for each in campaign.days for name in each.steps))
    rows = [
        (
            f"{each.day:%a %m-%d}",
            f"{each.texts:,}",
            _bar(each.texts / most) if each.texts else "",
            _money(each.cost, campaign.currency),
            " · ".join(f"{name} {each.steps[name]:,}" for name in steps if name in each.steps),
        )
        for each in campaign.days
    ]
    yield from table_lines(("day", ">texts", "?", ">cost", "?steps"), rows, width=width)


def slots_lines(campaign: "CampaignPlan", *, width: int) -> Iterator[str]:
    """Yield when how many texts leave, with a bar each, by the clock of the campaign's zone."""
    if not campaign.slots:
        return
    first = campaign.slots[0]
    length = _length(round((first.ends_at - first.starts_at).total_seconds() / 60))
    yield f"slots of {length}, {campaign.timezone}"
    most = max(slot.texts for slot in campaign.slots)
    rows = [
        (local(slot.starts_at, campaign.timezone)[:16], f"{slot.texts:,}", _bar(slot.texts / most), f"{slot.done:,}")
        for slot in campaign.slots
    ]
    yield from table_lines(("from", ">texts", "?", ">in all"), rows, width=width)


def strategies_lines(campaign: "CampaignPlan", *, width: int) -> Iterator[str]:
    """Yield the strategies beside each other; the campaign's own has a mark."""
    if campaign.strategies:
        yield "by strategy; * is how it goes"
        rows = [_strategy(each, campaign.timezone) for each in campaign.strategies]
        yield from table_lines(("strategy", ">parts", ">cost", "done", ">expire", "through"), rows, width=width)


def budget_lines(campaign: "CampaignPlan", *, width: int) -> Iterator[str]:
    """Yield how a campaign keeps to a budget that was asked for, and what would help."""
    answer = campaign.budget_answer
    if answer is None:
        return
    money = f"{answer.amount:,.2f} {answer.currency}"
    if answer.fits:
        yield f"{money} pays for all {answer.texts:,} texts: they cost {_money(answer.cost, answer.currency)}"
    else:
        short = _money(answer.cost - answer.amount, answer.currency)
        yield f"{money} pays for about {answer.texts:,} of {campaign.kept:,} texts; {short} are missing"
    if len(answer.shares) > 1:
        yield "best shared out so, at list price"
        rows = [_share(each, answer.currency) for each in answer.shares]
        headings = ("provider", ">parts", ">cost", ">arrive", "?>delivers", "?in time")
        yield from table_lines(headings, rows, width=width)
    if answer.proposals:
        yield "what would help, best first"
        yield from table_lines(("", "proposal", ">texts", ">cost", "", "write"), _proposals(answer), width=width)
    elif not answer.fits:
        yield "nothing that can be proposed makes it cheaper: write a shorter text, or to fewer people"


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[str]], *, width: int) -> Iterator[str]:
    """Yield the lines of a table; a heading that begins with ">" is aligned to the right, "?" may be left out."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [tuple(map(inert, column)) for column in zip(*rows, strict=True)]
    made = [Column(name.lstrip("?>"), texts, name.startswith("?")) for name, texts in zip(headings, cells, strict=True)]
    layout = lay_out(made, room=width)
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, layout.gap, 0, 0))
    for place, columns in zip(layout.shown, layout.widths, strict=True):
        is_right = ">" in headings[place][:2]
        table.add_column(made[place].heading, justify="right" if is_right else "left", width=columns, overflow="fold")
    for row in zip(*(made[place].cells for place in layout.shown), strict=True):
        table.add_row(*map(Text, row))
    printed = StringIO()
    Console(file=printed, width=width + layout.gap, highlight=False, no_color=True).print(table)
    yield from (line.rstrip() for line in printed.getvalue().splitlines())


def _strategy(each: "Compared", zone: str) -> tuple[str, ...]:
    name = f"{each.strategy or 'as it is'}{' *' if each.is_own else ''}"
    done = local(each.finishes_at, zone)[5:16] or "never"
    expiring = f"{each.expiring:,}" if each.expiring else "none"
    return name, f"{each.parts:,}", _money(each.cost, each.currency), done, expiring, each.through


def _share(each: "Allotted", currency: str) -> tuple[str, ...]:
    delivers = "?" if each.delivery_rate is None else f"{each.delivery_rate:.1%} of {each.receipts:,}"
    capacity = "all" if each.capacity is None else f"{each.capacity:,.0f} parts"
    return each.provider, f"{each.parts:,}", _money(each.cost, currency), f"{each.arriving:,}", delivers, capacity


def _proposals(answer: "BudgetAnswer") -> list[tuple[str, ...]]:
    return [
        (
            f"{place}.",
            each.says,
            f"{each.texts:,}",
            _money(each.cost, answer.currency),
            "fits" if each.fits else "too dear",
            each.write,
        )
        for place, each in enumerate(answer.proposals, start=1)
    ]


def _money(amount: "Decimal", currency: str) -> str:
    return f"{amount:,.2f} {currency}".rstrip()


def _bar(part: float) -> str:
    eighths = max(1, round(part * _BAR * 8))
    return _BLOCKS[8] * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _length(minutes: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if minutes % size == 0)
    count = minutes // size
    return f"{count} {unit}{'s' if count > 1 else ''}"
