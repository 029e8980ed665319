from datetime import UTC, datetime

import pytest

from lumiere_sms.analytics.trials import TrialReport, VariantShare, ahead_of, uplift_of
from lumiere_sms.campaigns.intervals import Share, wilson
from lumiere_sms.cli.trial_views import show_trial, wave_facts

SENT = {"long": 420, "short": 431}
SHARES = {
    "delivered": {"long": Share(401, 420), "short": Share(415, 431)},
    "replies": {"long": Share(14, 420), "short": Share(41, 431)},
    "clicks": {"long": Share(0, 420), "short": Share(0, 431)},
    "visits": {"long": Share(4, 420), "short": Share(5, 431)},
}
DECIDED = {
    "at": "2026-03-15T05:00:00+00:00",
    "winner": "short",
    "is_decided": True,
    "problem": "",
    "figures": {},
}


def report() -> TrialReport:
    intervals = [(metric, name, share, wilson(share)) for metric, two in SHARES.items() for name, share in two.items()]
    return TrialReport(
        shares=tuple(
            VariantShare(name, metric, SENT[name], share.hits, share.of, found.estimate, found.low, found.high)
            for metric, name, share, found in intervals
        ),
        ahead=tuple(pair for metric in ("delivered", "replies", "visits") for pair in ahead_of(SHARES[metric], metric)),
        rest={"short": {"sent": 1200, "delivered": 1170, "replies": 90, "clicks": 0, "visits": 11}},
        has_holdout=True,
        uplift=uplift_of(Share(20, 2051), Share(1, 228)),
        decision=DECIDED,
    )


@pytest.mark.parametrize("width", [80, 120])
def test_an_experiment_reads_the_same_as_before(golden, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))

    show_trial(report(), "Asia/Tokyo", is_asked_for=True)

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    golden(f"trial_{width}.txt", out)


def test_a_campaign_that_tries_nothing_out_says_so_to_who_asks(capsys):
    show_trial(None, "UTC", is_asked_for=True)
    show_trial(None, "UTC", is_asked_for=False)

    assert capsys.readouterr() == ("", "it tries nothing out: no variants and no hold-out have been launched\n")


AT = datetime(2026, 3, 15, 3, 0, tzinfo=UTC)
DEFINITION = {"canary": {"size": 20, "wait": "30m"}, "winner": {"metric": "replies", "after": "2h"}}
WELL = {"canary": {"problem": "", "figures": {"gone": 20, "failed": 0, "opted_out": 1}}}
ILL = {"canary": {"problem": "canary: 3 of 20", "figures": {"gone": 20, "failed": 3, "opted_out": 0}}}


def campaign(phase, **more):
    about = {"status": "running", "occurrence_status": "running", "timezone": "Asia/Tokyo", "advance_at": AT}
    return {"phase": phase, "definition": DEFINITION, "decision": None, **about, **more}


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param(campaign(""), [], id="no waves"),
        pytest.param(
            campaign("canary"),
            [("wave", "canary: judged when its last text is 30m old, not before 2026-03-15 12:00 JST")],
            id="the canary waits",
        ),
        pytest.param(
            campaign("canary", status="paused", decision=ILL),
            [
                ("wave", "canary: stopped there; `campaign resume` sends the rest"),
                ("canary", "3 of 20 failed or bounced, 0 opted out: too many"),
            ],
            id="a canary that was stopped",
        ),
        pytest.param(
            campaign("trial", decision=WELL),
            [
                ("wave", "trial: the winner by replies is chosen at 2026-03-15 12:00 JST"),
                ("canary", "0 of 20 failed or bounced, 1 opted out: all well"),
            ],
            id="a trial",
        ),
        pytest.param(
            campaign("rest", decision={"trial": DECIDED}),
            [("wave", "rest"), ("winner", '"short", decided at 2026-03-15 14:00 JST')],
            id="the rest",
        ),
        pytest.param(campaign("canary", occurrence_status="cancelled"), [("wave", "canary")], id="cancelled"),
    ],
)
def test_a_campaign_says_which_wave_it_is_in_and_what_it_waits_for(found, facts):
    assert [fact for fact in wave_facts(found) if fact[1]] == facts
