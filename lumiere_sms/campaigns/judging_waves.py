"""What a canary's and a trial's figures say: go on, wait, or stop; which wording the rest gets. Pure.

A winner is decided where, of each pair with the leader, the interval of the difference leaves zero out. Of several
pairs each is asked at a stricter level (Bonferroni), so that all of them together are wrong once in twenty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lumiere_sms.campaigns.intervals import LEVEL, Interval, Share, difference
from lumiere_sms.definitions.trials import CanaryDefinition, WinnerDefinition

#: What is compared, and of what it is a share.
SHARES_OF = {"delivered": "tried", "replies": "people", "clicks": "people", "visits": "people"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a wave's figures say. `problem` pauses the campaign; `winner` is what the rest gets."""

    problem: str = ""
    winner: str | None = None
    is_decided: bool = False


def canary_due_at(figures: Mapping[str, Any], canary: CanaryDefinition) -> datetime | None:
    """Return when the canary can be judged; None while some of its texts are still to go.

    Those that a frequency cap has wait are not waited for, unless none has gone.
    """
    if figures["waiting"] > (figures["capped"] if figures["gone"] else 0):
        return None
    last: datetime | None = figures["last_sent_at"]
    return last + canary.wait if last else datetime.min.replace(tzinfo=figures["now"].tzinfo)


def judge_canary(figures: Mapping[str, Any], canary: CanaryDefinition) -> Verdict:
    """Say whether the rest may go after those who went first; where nobody was there to go, it may."""
    gone = figures["gone"]
    if not figures["texts"]:
        return Verdict()
    if not gone:
        return Verdict("canary: none of its texts went; `campaign resume` sends the rest")
    for name, said, most in (
        ("failed", "failed or bounced", canary.max_failure_rate),
        ("opted_out", "opted out", canary.max_opt_out_rate),
    ):
        percent = 100 * figures[name] / gone
        if percent > most:
            counted = f"{figures[name]:,} of {gone:,} {said} ({percent:.1f}%), more than {most:g}%"
            return Verdict(f"canary: {counted}; `campaign resume` sends the rest")
    return Verdict()


def shares_of(figures: Mapping[str, Mapping[str, Any]], metric: str) -> dict[str, Share]:
    """Return each variant's share of a metric."""
    return {name: Share(each[metric], each[SHARES_OF[metric]]) for name, each in figures.items()}


def leader_of(shares: Mapping[str, Share]) -> str:
    """Return the variant with the highest share; of equal ones the first by name."""
    return min(shares, key=lambda name: (-shares[name].rate, name))


def comparisons(shares: Mapping[str, Share]) -> dict[str, Interval]:
    """Return by how much the leader is ahead of each other variant."""
    leader = leader_of(shares)
    pairs = len(shares) * (len(shares) - 1) // 2
    level = 1 - (1 - LEVEL) / max(1, pairs)
    return {name: difference(shares[leader], share, level=level) for name, share in shares.items() if name != leader}


def judge_trial(shares: Mapping[str, Share], winner: WinnerDefinition) -> Verdict:
    """Say which variant the rest gets, or that a person is to decide."""
    best = leader_of(shares)
    fewest = min(share.of for share in shares.values())
    if fewest < winner.min:
        why = f"undecided: a variant has {fewest:,} texts, fewer than {winner.min:,}"
    elif all(each.low > 0 for each in comparisons(shares).values()):
        return Verdict(winner=best, is_decided=True)
    else:
        why = f"undecided: by {winner.metric} the difference may be chance"
    match winner.if_undecided:
        case "best":
            return Verdict(winner=best)
        case "pause":
            return Verdict(f'{why}; `campaign resume` sends the rest "{best}", the best so far', winner=best)
        case named:
            return Verdict(winner=named)
