from collections import Counter
from datetime import timedelta

import pytest
from support.salon import add_customer, add_customers, apply_text, define, only, prices, rows, tenant_of

from lumiere_sms.analytics.report import campaign_report
from lumiere_sms.analytics.status import read_status
from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.listing import show_campaign
from lumiere_sms.cli.trial_views import wave_facts
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

CANARY = """
campaigns:
  spring: {message: "Hello", segment: all, schedule: now, canary: {size: 20, wait: 30m}}
"""
TRIAL = """
campaigns:
  spring:
    segment: all
    schedule: now
    holdout: 10%
    variants: {long: {weight: 20%, message: "Hello there"}, short: {weight: 20%, message: "Hi"}}
    winner: {metric: replies, after: 2h, min: 20, if_undecided: pause}
"""


@pytest.fixture
def step(database, clock):
    def do(hours: float = 0):
        clock.advance(timedelta(hours=hours))
        return do_what_is_due(database, clock=clock, prices=prices)

    return do


@pytest.fixture
def fate(database, clock):
    """Lets pending texts be taken, delivered or bounced, as a provider would."""

    def send(status: str = "delivered", *, most: int = 10_000):
        with database.transaction() as connection:
            connection.execute(
                "UPDATE campaign_recipients SET status = %s, attempt = 1, sent_at = %s, provider = 'console',"
                " provider_message_id = id::text WHERE id IN (SELECT id FROM campaign_recipients"
                " WHERE status = 'pending' ORDER BY id LIMIT %s)",
                [status, clock.now(), most],
            )

    return send


def variants(database):
    return Counter(row["variant"] for row in rows(database, "campaign_recipients") if row["status"] != "suppressed")


def reply(database, user_id, clock, *, variant: str, count: int):
    with database.transaction() as connection:
        found = connection.execute(
            "SELECT id, phone_number FROM campaign_recipients WHERE variant = %s AND status = 'delivered' LIMIT %s",
            [variant, count],
        ).fetchall()
        for row in found:
            connection.execute(
                "INSERT INTO responses (user_id, id, kind, phone_number, recipient_id, at)"
                " VALUES (%s, %s, 'reply', %s, %s, %s)",
                [user_id, new_id(), row["phone_number"], row["id"], clock.now()],
            )


def test_exactly_the_canary_goes_first_and_the_rest_follows_when_all_is_well(
    database, user_id, clock, tmp_path, step, fate
):
    add_customers(database, user_id, 100)
    apply_text(database, tmp_path, CANARY, clock=clock)

    (first,) = step()
    fate()
    early = step(0.4)
    (live,) = read_status(database, user_id, now=clock.now()).campaigns
    complete_finished(database, now=clock.now())
    (second,) = step(0.2)

    assert (first.kept, early, second.kept) == (20, [], 80)
    assert live.why == "its canary is judged at 2026-03-15 10:30 JST, then the others get theirs"
    assert live.recipients == 20
    assert len({row["phone_number"] for row in rows(database, "campaign_recipients")}) == 100
    run = only(database, "campaign_occurrences")
    assert (run["phase"], run["audience_size"], run["status"]) == ("rest", 100, "running")
    assert only(database, "sms_campaigns")["estimated_recipients"] == 100
    fate()
    assert complete_finished(database, now=clock.now()) == ["spring"]


def test_a_canary_that_fails_pauses_and_who_resumes_sends_the_rest(database, user_id, clock, tmp_path, step, fate):
    add_customers(database, user_id, 50)
    apply_text(database, tmp_path, CANARY, clock=clock)
    step()
    fate("bounced", most=2)
    fate()

    (judged,) = step(1)
    paused = only(database, "sms_campaigns")
    nothing = step(1)
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    (second,) = step()

    assert judged.problem == "canary: 2 of 20 failed or bounced (10.0%), more than 5%; `campaign resume` sends the rest"
    assert (paused["status"], paused["status_reason"], nothing) == ("paused", judged.problem, [])
    assert second.kept == 30


def test_a_canary_is_judged_only_when_all_of_it_has_gone(database, user_id, clock, tmp_path, step, fate):
    add_customers(database, user_id, 50)
    apply_text(database, tmp_path, CANARY, clock=clock)
    step()
    fate(most=19)

    slow = step(1)
    fate()
    just_now = step(1 / 60)
    (second,) = step(0.5)

    assert (slow, just_now, second.kept) == ([], [], 30)


def test_the_rest_gets_the_winner_and_nobody_gets_two(database, user_id, clock, tmp_path, step, fate):
    add_customers(database, user_id, 400)
    apply_text(database, tmp_path, TRIAL, clock=clock)

    (first,) = step()
    tried = variants(database)
    fate()
    reply(database, user_id, clock, variant="short", count=30)
    (second,) = step(2)

    run, found = only(database, "campaign_occurrences"), rows(database, "campaign_recipients")
    assert set(tried) == {"long", "short"}
    assert first.kept == sum(tried.values()) < 200
    assert (run["winner"], run["phase"], run["decision"]["trial"]["is_decided"]) == ("short", "rest", True)
    assert variants(database) == {"long": tried["long"], "short": tried["short"] + second.kept}
    assert len({row["phone_number"] for row in found}) == len(found) == 400
    held = [row for row in found if row["reason"] == "holdout"]
    assert 15 < len(held) < 70
    assert {(row["status"], row["personalized_content"]) for row in held} == {("suppressed", "")}
    assert {row["personalized_content"] for row in found if row["variant"] == "short"} == {"Hi"}


def test_the_report_compares_whom_the_lot_parts_and_tells_the_rest_and_the_uplift_apart(
    database, user_id, clock, tmp_path, step, fate
):
    add_customers(database, user_id, 400)
    apply_text(database, tmp_path, TRIAL, clock=clock)
    step()
    tried = variants(database)
    fate()
    reply(database, user_id, clock, variant="short", count=30)
    step(2)
    fate()
    with database.transaction() as connection:
        connection.execute(_VISIT)

    report = campaign_report(database, user_id, "spring")

    replies = {share.variant: share for share in report.trial.shares if share.metric == "replies"}
    (ahead,) = [pair for pair in report.trial.ahead if pair.metric == "replies"]
    held_out = report.exclusions["holdout"]
    uplift = report.trial.uplift
    assert {name: (one.hits, one.of) for name, one in replies.items()} == {
        "long": (0, tried["long"]),
        "short": (30, tried["short"]),
    }
    assert (ahead.best, ahead.other, ahead.is_decided) == ("short", "long", True)
    assert report.trial.rest["short"]["sent"] == 400 - held_out - sum(tried.values())
    assert (report.matched, report.total, report.recipients) == (400, 400 - held_out, {"delivered": 400 - held_out})
    assert (uplift.texted, uplift.texted_visits) == (400 - held_out, 400 - held_out)
    assert (uplift.held_out, uplift.held_out_visits, uplift.is_decided) == (held_out, 0, True)
    assert (report.trial.decision["winner"], report.trial.decision["is_decided"]) == ("short", True)


_VISIT = """
    UPDATE customers SET last_visit_date = '2026-03-16'
    WHERE id IN (SELECT customer_id FROM campaign_recipients WHERE status = 'delivered')
"""


def test_where_nobody_is_there_to_be_tried_the_rest_follows(database, user_id, clock, tmp_path, step):
    apply_text(database, tmp_path, CANARY, clock=clock)
    step()

    (second,) = step(1)

    assert (second.kept, second.problem) == (0, "")
    assert complete_finished(database, now=clock.now()) == ["spring"]


@pytest.mark.parametrize(
    "said", ["message: Hello", "message: \"Hello {{ names | default('you') }}\", shared_phones: merge"]
)
def test_who_shares_a_phone_that_has_its_text_is_counted_by_the_run_and_gets_none(
    database, user_id, clock, tmp_path, step, fate, said
):
    for number in range(60):
        add_customer(database, user_id, f"+8190{10_000_000 + number % 30}")
    text = CANARY.replace('message: "Hello"', said)
    (planned,) = make_plan(database, tenant_of(database), define(tmp_path, text), clock=clock, prices=prices).campaigns
    apply_text(database, tmp_path, text, clock=clock)
    step()
    fate()

    (second,) = step(1)

    run = only(database, "campaign_occurrences")
    assert second.kept == 10
    assert len(rows(database, "campaign_recipients")) == planned.kept == 30
    assert (run["audience_size"], run["exclusions"]) == (planned.matched, planned.exclusions)


def test_what_is_undecided_pauses_where_that_is_asked_for_and_goes_on_with_the_best(
    database, user_id, clock, tmp_path, step, fate
):
    add_customers(database, user_id, 300)
    apply_text(database, tmp_path, TRIAL, clock=clock)
    step()
    fate()

    (judged,) = step(2)
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    (second,) = step()

    assert judged.problem.startswith("undecided: by replies the difference may be chance; `campaign resume`")
    assert second.kept > 100
    assert only(database, "campaign_occurrences")["winner"] == "long"


def test_each_run_of_a_campaign_that_recurs_has_a_canary_of_its_own(database, user_id, clock, tmp_path, step, fate):
    add_customers(database, user_id, 60)
    daily = CANARY.replace("schedule: now", "schedule: {at: 2026-03-15 10:00, repeat: {type: daily}}")
    apply_text(database, tmp_path, daily, clock=clock)

    found = []
    for hours in (0, 1, 23, 1):
        found += [launched.kept for launched in step(hours)]
        fate()
    shown = show_campaign(database, user_id, name="spring")

    assert found == [20, 40, 20, 40]
    assert [(run["phase"], run["decision"]["canary"]["problem"]) for run in shown["runs"]] == [("rest", "")] * 2
    assert ("wave", "rest") in wave_facts(shown)


def test_a_campaign_cancelled_between_its_waves_sends_no_more(database, user_id, clock, tmp_path, step, fate):
    add_customers(database, user_id, 50)
    apply_text(database, tmp_path, CANARY, clock=clock)
    step()

    lifecycle.cancel(database, user_id, name="spring", clock=clock)

    assert step(2) == []
    assert {row["status"] for row in rows(database, "campaign_recipients")} == {"cancelled"}


@pytest.mark.parametrize("is_erased", [False, True])
def test_who_refused_a_canary_and_was_erased_since_counts_as_one_who_refused(
    database, user_id, clock, tmp_path, life, is_erased
):
    add_customers(database, user_id, 50)
    apply_text(database, tmp_path, CANARY.replace("schedule", "send_rate_per_minute: 60000, schedule"), clock=clock)
    life()
    number = life.provider.accepted[0].to
    with database.transaction() as connection:
        said = Reply("IN1", number, "+15005550006", "STOP", clock.now())
        apply_replies(connection, user_id, [said], provider="scripted", now=clock.now())
    if is_erased:
        erase_person(database, tenant_of(database), number, now=clock.now())

    later = life(hours=1)

    assert later == []
    assert only(database, "sms_campaigns")["status_reason"].startswith("canary: 1 of 20 opted out (5.0%)")
