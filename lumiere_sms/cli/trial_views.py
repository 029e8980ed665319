"""How experiments and canaries are shown: the wave a run is in, each wording's shares, and what is decided."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.analytics.trials import Ahead, TrialReport, Uplift

_SHARES = ("by", "variant", ">count", ">of", ">share", ">between", ">and")
_WHOSE = {"delivered": "texts"}  # what a share is of, where it is not people


def wave_facts(campaign: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the wave that a campaign's newest run is in, and what is waited for until when; nothing of one without."""
    if runs := campaign.get("runs"):  # of one that recurs, the newest occurrence is still to come
        campaign = {**campaign, **runs[0], "status": campaign["status"], "occurrence_status": runs[0]["status"]}
    if not campaign["phase"]:
        return []
    definition, decision = campaign["definition"], campaign["decision"] or {}
    waits = _waits(campaign, definition, decision)
    return [
        ("wave", f"{campaign['phase']}{f': {waits}' if waits else ''}"),
        ("canary", _canary(decision["canary"]) if "canary" in decision else None),
        ("winner", _chosen(decision["trial"], campaign["timezone"]) if "trial" in decision else None),
    ]


def show_trial(trial: "TrialReport | None", zone: str, *, is_asked_for: bool) -> None:
    """Show each wording's shares, with what they lie between, then a sentence on each difference."""
    if trial is None:
        if is_asked_for:
            output.say("it tries nothing out: no variants and no hold-out have been launched")
        return
    if trial.shares:
        output.print_text("")
        output.print_table(_SHARES, _share_rows(trial))
    output.print_text("")
    output.print_facts(_facts(trial, zone))


def _facts(trial: "TrialReport", zone: str) -> Iterator[tuple[str, Any]]:
    if trial.decision:
        yield "winner", _chosen(trial.decision, zone)
    for metric in dict.fromkeys(share.metric for share in trial.shares):
        yield from _lines(metric, _ahead_lines([pair for pair in trial.ahead if pair.metric == metric]))
    for name, counts in trial.rest.items():
        told = ", ".join(f"{count:,} {metric}" for metric, count in counts.items() if metric != "sent")
        yield "the rest", f'{counts["sent"]:,} sent "{name}" later, so they are compared with nobody:'
        yield "", told
    if trial.has_holdout:
        yield from _lines("uplift", _uplift_lines(trial.uplift))


def _lines(name: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        yield name, text
        name = ""  # only the first line has it


def _share_rows(trial: "TrialReport") -> Iterator[tuple[Any, ...]]:
    """Yield the shares by what has happened to anybody; by deliveries in any case."""
    told = {"delivered", *(share.metric for share in trial.shares if share.hits)}
    last = ""
    for one in (share for share in trial.shares if share.metric in told):
        by = "" if one.metric == last else f"{one.metric}, of {_WHOSE.get(one.metric, 'people')}"
        yield by, one.variant, f"{one.hits:,}", f"{one.of:,}", *map(_percent, (one.rate, one.low, one.high))
        last = one.metric


def _ahead_lines(pairs: "list[Ahead]") -> Iterator[str]:
    if not pairs:
        yield "none yet"
    for pair in pairs:
        verdict = "decided" if pair.is_decided else "not decided"
        yield f'{verdict}: "{pair.best}" is {_points(pair)} ahead of "{pair.other}"'
    if not all(pair.is_decided for pair in pairs):
        yield f"the difference may be chance{f'; {pairs[0].thin}' if pairs[0].thin else ''}"


def _uplift_lines(uplift: "Uplift | None") -> Iterator[str]:
    if uplift is None:
        yield "nobody is held out yet"
        return
    texted, held_out = (
        f"{hits / of:.1%} of {of:,} {who}"
        for hits, of, who in (
            (uplift.texted_visits, uplift.texted, "who were to get a text"),
            (uplift.held_out_visits, uplift.held_out, "held out"),
        )
    )
    yield f"visited: {texted}, {held_out}"
    verdict = "decided" if uplift.is_decided else "not decided"
    yield f"{verdict}: {_points(uplift)}, {uplift.visits:+,} visits ({uplift.visits_low:+,} to {uplift.visits_high:+,})"
    if not uplift.is_decided:
        yield f"the difference may be chance{f'; {uplift.thin}' if uplift.thin else ''}"


def _waits(campaign: Mapping[str, Any], definition: Mapping[str, Any], decision: Mapping[str, Any]) -> str:
    phase, at = campaign["phase"], output.local(campaign["advance_at"], campaign["timezone"])
    is_stopped = phase in decision and campaign["status"] == "paused"
    if phase == "rest" or campaign["occurrence_status"] != "running":
        return ""
    if is_stopped:
        return "stopped there; `campaign resume` sends the rest"
    if phase == "canary":
        return f"judged when its last text is {definition['canary']['wait']} old, not before {at}"
    return f"the winner by {definition['winner']['metric']} is chosen at {at}"


def _canary(decided: Mapping[str, Any]) -> str:
    counts = decided["figures"]
    told = f"{counts['failed']:,} of {counts['gone']:,} failed or bounced, {counts['opted_out']:,} opted out"
    return f"{told}: {'too many' if decided['problem'] else 'all well'}"


def _chosen(decided: Mapping[str, Any], zone: str) -> str:
    from datetime import datetime

    at = output.local(datetime.fromisoformat(decided["at"]), zone)
    if decided["is_decided"]:
        return f'"{decided["winner"]}", decided at {at}'
    return f'not decided at {at}: the rest gets "{decided["winner"]}"'


def _points(found: "Ahead | Uplift") -> str:
    return f"{100 * found.estimate:.1f} points (95%: {100 * found.low:.1f} to {100 * found.high:.1f})"


def _percent(share: float) -> str:
    return f"{share:.1%}"
