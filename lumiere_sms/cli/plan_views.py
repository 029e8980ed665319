"""How a plan looks: changes first, then each campaign's who, what, when and cost."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lumiere_sms.cli.calendar_views import calendar_texts, schedule_words
from lumiere_sms.cli.output import counted, hanging, local
from lumiere_sms.cli.plan_tables import budget_lines, days_lines, slots_lines, strategies_lines

if TYPE_CHECKING:
    from lumiere_sms.campaigns.changes import Change
    from lumiere_sms.planning.campaign_plans import CampaignPlan
    from lumiere_sms.planning.plan import Plan
    from lumiere_sms.planning.spending import BudgetPlan

_SIGNS = {"create": "+", "update": "~", "unchanged": "="}
_LABEL = 6  # the column of who, what, when, cost
_INDENT = 2 + _LABEL
_LONGEST_VALUE = 60
_SAME = 12  # characters before the difference of two long values
_TIMINGS = {  # what campaigns/timing.py notes
    "preferred": "at hours that they prefer",
    "preferred_yields": "prefer hours that the windows do not meet: the windows win",
    "best_time_own": "at the hour at which they answer",
    "frequency_cap": "wait until the frequency cap lets them have one more",
    "best_time_of_all": "at the hour at which most people answer: too little is known of their own",
    "best_time_unknown": "as the window opens: too little is known of when people answer",
}
_ENCODINGS = {"gsm7": "GSM-7", "ucs2": "UCS-2"}


def plan_json(plan: "Plan") -> dict[str, Any]:
    """Return a plan as plain data."""
    from dataclasses import asdict

    return {**asdict(plan), "is_empty": plan.is_empty}


def plan_text(plan: "Plan", *, files: str, width: int, slots: bool = False) -> str:
    """Return a plan as people read it, in lines of at most `width` columns where words allow."""
    lines = [*changes_lines(plan.changes, width=width)]
    for campaign in plan.campaigns:
        lines += ["", *_campaign_lines(campaign, width=width)]
        room = width - _INDENT
        tables = (
            days_lines(campaign, width=room),
            slots_lines(campaign, width=room) if slots else (),
            strategies_lines(campaign, width=room),
        )
        lines += [f"{'':{_INDENT}}{line}" for table in (*tables, budget_lines(campaign, width=room)) for line in table]
    over = [f"{name}: {status}; it is not launched again" for name, status in plan.over.items()]
    lines += ["", *over] if over else []
    warnings = [f"warning: {each.name}: {_unsent(each)}" for each in plan.campaigns if _is_lossy(each)]
    lines += ["", *warnings] if warnings else []
    lines += ["", *_last_lines(plan, files)]
    return "\n".join(lines)


def changes_lines(changes: Iterable["Change"], *, width: int) -> Iterator[str]:
    """Yield a line per definition, and below it what changes and why `apply` would refuse it."""
    for change in changes:
        yield f"{_SIGNS[change.action]} {change.kind} {change.name}"
        for name, (before, after) in change.fields.items() if change.action == "update" else ():
            if name == "schedule":
                before, after = schedule_words(before), schedule_words(after)  # noqa: PLW2901 - as people say it
            yield from _indented(f"{name}: {_difference(before, after)}", width=width)
        if change.note:
            yield from _indented(change.note, width=width)
        if change.refusal:
            yield from _indented(f"refused: {change.refusal}; {change.hint}", width=width)


def _campaign_lines(campaign: "CampaignPlan", *, width: int) -> Iterator[str]:
    starts = "a draft" if campaign.wish is None else local(campaign.wish, campaign.timezone)
    yield f"{campaign.name} ({campaign.type}): {starts}"
    for label, texts in (
        ("who", _who(campaign)),
        ("what", _what(campaign)),
        ("when", _when(campaign)),
        ("cost", _cost(campaign)),
    ):
        for text in texts:
            yield from _indented(text, width=width, label=label)
            label = ""  # noqa: PLW2901 - only the first line has it


def _who(campaign: "CampaignPlan") -> Iterator[str]:
    if campaign.days:
        yield f"{campaign.kept:,} texts in the next {len(campaign.days)} days"
    else:
        yield f"{campaign.matched:,} matched, {campaign.kept:,} get a text"
    merged, left_out = campaign.exclusions.get("merged", 0), dict(campaign.exclusions)
    if campaign.merged:
        left_out.pop("merged", None)
        of = "number" if campaign.merged == 1 else "numbers"
        yield f"{campaign.merged + merged:,} people share {campaign.merged:,} {of}: one text each, with all names"
    if left_out:
        yield "left out: " + _listed(left_out)


def _what(campaign: "CampaignPlan") -> Iterator[str]:
    if campaign.kept:
        encodings = (f"{count:,} in {_ENCODINGS[name]}" for name, count in campaign.encodings.items())
        parts = (f"{people:,} of {counted(count, 'part')}" for count, people in campaign.parts.items())
        yield f"{' · '.join(encodings)}; {' · '.join(parts)}"
    if campaign.dearest:
        text = " ".join(campaign.dearest.text.split())
        yield f"dearest: {campaign.dearest.phone}, {counted(campaign.dearest.parts, 'part')}: {text}"
    yield from _trial(campaign)
    for finding in campaign.findings:
        if finding.lifted:
            yield f"overridden {finding.rule}, by {finding.lifted}"
            continue
        sign = "blocked by" if finding.blocking else "note"
        yield f"{sign} {finding.rule}: {finding.message}; {finding.hint}"
    yield from _unrefusable(campaign)


def _unrefusable(campaign: "CampaignPlan") -> Iterator[str]:
    if campaign.cannot_refuse:
        yield f"note: {campaign.cannot_refuse}"


def _trial(campaign: "CampaignPlan") -> Iterator[str]:
    canary, winner = campaign.trial.get("canary"), campaign.trial.get("winner")
    if canary and canary["size"] >= campaign.kept:
        yield f"a canary of {canary['size']:,} is everybody: nobody is left whom it could spare"
    elif canary:
        yield f"a canary of {canary['size']:,} goes first; the rest {canary['wait']} later, if all is well with them"
    if campaign.variants:
        known = {name: count for name, count in sorted(campaign.variants.items()) if name}
        rest = campaign.variants.get("", 0)
        later = f"; {rest:,} get the winner by {winner['metric']}, {winner['after']} later" if winner else ""
        yield f"wordings: {_listed(known)}{later}"
        if winner and winner["if_undecided"] != "best":
            yield f"if that is undecided: {winner['if_undecided']}"


def _when(campaign: "CampaignPlan") -> Iterator[str]:
    zone = campaign.timezone
    windows = ", ".join(campaign.windows) or "any time"
    quiet = f" outside {campaign.quiet_hours}" if campaign.quiet_hours else ""
    yield f"{windows}{quiet}, by the recipient's clock"
    if campaign.closed:
        yield f"not on {', '.join(campaign.closed)}"
    if campaign.calendar:
        yield from calendar_texts(campaign.calendar)
    if campaign.starts_at is None:
        return
    if campaign.through:
        yield f"through {campaign.through}{f' ({campaign.strategy})' if campaign.strategy else ''}"
    pace = f"{round(campaign.parts_per_minute, 1):,g} parts a minute (the {campaign.limit}'s limit)"
    daily = f", at most {campaign.parts_per_day:,} a day" if campaign.parts_per_day else ""
    yield f"{local(campaign.starts_at, zone)} to about {local(campaign.finishes_at, zone)} at {pace}{daily}"
    if campaign.timing:
        yield "; ".join(f"{count:,} {_TIMINGS.get(name, name)}" for name, count in campaign.timing.items())
    yield _fit(campaign)


def _fit(campaign: "CampaignPlan") -> str:
    expires_at = local(campaign.expires_at, campaign.timezone)
    if campaign.refusal:
        return f"refused: {campaign.refusal}"
    if campaign.fits and campaign.is_spread:
        return f"too slow for its time, so spread over {_days(campaign)}: the last ones expire at {expires_at}"
    if campaign.fits:
        return f"fits: the last ones expire at {expires_at}"
    return f"does not fit: {_unsent(campaign)}, the last at {expires_at}"


def _days(campaign: "CampaignPlan") -> str:
    assert campaign.starts_at is not None, "what is spread has a beginning"
    assert campaign.finishes_at is not None, "and an end"
    zone = ZoneInfo(campaign.timezone)
    days = (campaign.finishes_at.astimezone(zone).date() - campaign.starts_at.astimezone(zone).date()).days + 1
    return f"{days} days" if days > 1 else "1 day"


def _unsent(campaign: "CampaignPlan") -> str:
    return f"about {campaign.expiring:,} of {campaign.kept:,} texts would expire unsent"


def _cost(campaign: "CampaignPlan") -> Iterator[str]:
    if not campaign.countries:
        yield "nothing"
        return
    total = sum(country.parts for country in campaign.countries)
    each = "; ".join(f"{one.country or '?'} {one.parts:,} × {one.price:f}" for one in campaign.countries)
    yield f"{campaign.cost:,.2f} {campaign.currency} for {total:,} parts at list price ({each})"
    for budget in campaign.budgets:
        yield _budget(budget, campaign.kept)


def _budget(budget: "BudgetPlan", texts: int) -> str:
    of = "the campaign's budget" if budget.name == "campaign" else f"the budget of {budget.name}"
    left = f"{of}: {budget.left:,.2f} of {budget.amount:,.2f} {budget.currency} left"
    if budget.problem:
        return f"{left}; {budget.problem}, so no text could go"
    if budget.fits:
        return f"{left}; fits"
    return f"{left}; does not fit: about {budget.texts:,} of {texts:,} go, then it pauses"


def _last_lines(plan: "Plan", files: str) -> Iterator[str]:
    if plan.is_empty:
        yield "nothing to change"
        return
    if any(change.refusal for change in plan.changes) or any(_is_blocked(campaign) for campaign in plan.campaigns):
        yield "apply would refuse this"
        return
    yield f"checksum {plan.checksum}"
    yield f"apply exactly this: lumiere-sms apply {files} --checksum {plan.checksum}"


def _is_lossy(campaign: "CampaignPlan") -> bool:
    return bool(campaign.expiring and not campaign.refusal)


def _is_blocked(campaign: "CampaignPlan") -> bool:
    if campaign.refusal:
        return True
    return any(finding.blocking for finding in campaign.findings) or any(
        budget.problem and budget.name == "campaign" for budget in campaign.budgets
    )


def _indented(text: str, *, width: int, label: str = "") -> Iterator[str]:
    return hanging(text, width=width, label=f"  {label:<{_LABEL}}")


def _listed(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{name} {count:,}" for name, count in counts.items())


def _difference(before: Any, after: Any) -> str:
    """Show two values from shortly before where they part."""
    old, new = _plain(before), _plain(after)
    same = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, same - _SAME) if max(len(old), len(new)) > _LONGEST_VALUE else 0
    return f"{_cut(old, start)} → {_cut(new, start)}"


def _cut(text: str, start: int) -> str:
    shown = text[start : start + _LONGEST_VALUE]
    return f"{'…' if start else ''}{shown}{'…' if start + _LONGEST_VALUE < len(text) else ''}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in sorted(value.items())) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "–"
    return "–" if value is None else " ".join(str(value).split())
