from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from support.doubts import put_in_doubt
from support.salon import only, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.campaigns.lifecycle import cancel, pause
from lumiere_sms.campaigns.resolving import Word, resolve
from lumiere_sms.campaigns.retrying import DOUBTFUL, FAILED, Wish, count_retries, retry
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import RefusedError, StateError

FAILURES = Wish(FAILED, reason="the carrier was down")
DOUBTS = Wish(DOUBTFUL, reason="they say that they got none")
SENT, NOT_SENT = Word(is_sent=True, reason="she showed it"), Word(is_sent=False, reason="she got none")


def become(database, seeded, *fates):
    """Let the recipients, one after the other, have ended in (status, code)."""
    with database.transaction() as connection:
        for id_, (status, code) in zip(seeded.recipient_ids, fates, strict=True):
            connection.execute(
                "UPDATE campaign_recipients SET status = %s, error_code = %s, reason = 'carrier', retry_count = 3,"
                " provider_message_id = 'SM' || id WHERE id = %s",
                [status, code, id_],
            )


@pytest.fixture
def failed(database, user_id, clock):
    """A completed campaign: two bounced, one failed, one delivered."""
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=4)
    become(database, seeded, ("bounced", "30003"), ("bounced", "30008"), ("failed", "21211"), ("delivered", None))
    assert complete_finished(database, now=clock.now()) == ["spring"]
    return seeded


def test_those_that_failed_go_again_and_the_campaign_with_them(database, user_id, clock, failed):
    clock.advance(timedelta(minutes=10))

    retried = retry(database, user_id, name="spring", wish=FAILURES, by="hanako", clock=clock)

    assert (retried.waiting, retried.suppressed, retried.too_late) == (3, 0, 0)
    assert statuses(database, user_id) == {"delivered": 1, "pending": 3}
    campaign, run = only(database, "sms_campaigns"), only(database, "campaign_occurrences")
    assert (campaign["status"], campaign["completed_at"]) == ("running", None)
    assert (run["status"], run["completed_at"]) == ("running", None)
    first = next(each for each in rows(database, "campaign_recipients") if each["id"] == failed.recipient_ids[0])
    assert (first["send_after"], first["retry_count"]) == (clock.now(), 0)
    assert (first["error_code"], first["provider_message_id"], first["reason"]) == (None, None, None)


def test_a_retry_is_on_record_with_who_and_why(database, user_id, clock, failed):
    retry(database, user_id, name="spring", wish=FAILURES, by="hanako", clock=clock)

    entry = rows(database, "audit_log", order="seq")[-1]
    assert (entry["actor"], entry["action"], entry["subject"]) == ("hanako", "campaign.retry", "spring")
    assert (entry["reason"], entry["at"]) == ("the carrier was down", clock.now())
    assert entry["before"] == {"statuses": ["failed", "bounced"], "codes": [], "campaign": "completed"}
    assert entry["after"] == {"pending": 3}


def test_codes_choose_among_those_that_failed(database, user_id, clock, failed):
    retried = retry(database, user_id, name="spring", wish=Wish(FAILED, ("30003", "21211")), clock=clock)

    assert retried.waiting == 2
    assert statuses(database, user_id) == {"bounced": 1, "delivered": 1, "pending": 2}


def test_a_number_that_is_suppressed_by_now_is_not_texted_again(database, user_id, clock, failed):
    with database.transaction() as connection:
        suppress(connection, user_id, phone(0), reason="opted_out", source="operator", now=clock.now())

    retried = retry(database, user_id, name="spring", wish=FAILURES, clock=clock)

    assert (retried.waiting, retried.suppressed) == (2, 1)
    assert statuses(database, user_id) == {"bounced": 1, "delivered": 1, "pending": 2}


def test_where_all_are_suppressed_a_retry_is_refused_and_nothing_reopens(database, user_id, clock, failed):
    with database.transaction() as connection:
        suppress(connection, user_id, phone(2), reason="invalid_number", source="operator", now=clock.now())

    with pytest.raises(RefusedError, match=r'all 1 of "spring" have been suppressed'):
        retry(database, user_id, name="spring", wish=Wish(FAILED, ("21211",)), clock=clock)

    assert only(database, "sms_campaigns")["status"] == "completed"


def test_whose_last_window_has_ended_needs_more_time(database, user_id, clock, failed):
    clock.advance(timedelta(hours=6))

    with pytest.raises(RefusedError, match='the last window of "spring" has ended') as refused:
        retry(database, user_id, name="spring", wish=FAILURES, clock=clock)

    assert "--expires-after 24h" in refused.value.hint
    assert only(database, "sms_campaigns")["status"] == "completed"
    assert [each["action"] for each in rows(database, "audit_log")] == ["campaign.complete"]


def test_more_time_never_leads_outside_the_windows(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1, window=["10:00-11:00"])
    become(database, seeded, ("failed", "30003"))
    clock.advance(timedelta(hours=6))  # 16:00 in Tokyo

    retry(database, user_id, name="spring", wish=Wish(FAILED, more_time=timedelta(hours=24)), clock=clock)

    recipient = only(database, "campaign_recipients")
    assert recipient["send_after"] == datetime(2026, 3, 16, 1, tzinfo=UTC)
    assert recipient["expires_at"] == datetime(2026, 3, 16, 2, tzinfo=UTC)


def test_a_retry_late_in_a_window_waits_for_the_next_one(database, user_id, clock):
    windows = ["10:00-11:00", "14:00-16:00"]
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1, window=windows)
    become(database, seeded, ("failed", "30003"))
    clock.advance(timedelta(minutes=59))

    retry(database, user_id, name="spring", wish=FAILURES, clock=clock)

    assert only(database, "campaign_recipients")["send_after"] == datetime(2026, 3, 15, 5, tzinfo=UTC)


def test_those_in_doubt_go_again_only_when_a_person_says_so(database, user_id, clock):
    put_in_doubt(database, seed_campaign(database, user_id, now=clock.now(), texts=2), clock=clock)

    count = count_retries(database, user_id, name="spring", wish=DOUBTS, clock=clock)
    retried = retry(database, user_id, name="spring", wish=DOUBTS, clock=clock)

    assert (count, retried.waiting) == (2, 2)
    assert statuses(database, user_id) == {"pending": 2}
    assert {each["outcome"] for each in rows(database, "submissions")} == {"unknown"}


def test_a_paused_campaign_stays_paused(database, user_id, clock):
    put_in_doubt(database, seed_campaign(database, user_id, now=clock.now(), texts=1), clock=clock)
    pause(database, user_id, name="spring", clock=clock)

    retry(database, user_id, name="spring", wish=DOUBTS, clock=clock)

    assert only(database, "sms_campaigns")["status"] == "paused"
    assert statuses(database, user_id) == {"pending": 1}


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        pytest.param(lambda *_: None, "has nobody who is failed or bounced", id="nobody failed"),
        pytest.param(lambda d, u, c: cancel(d, u, name="spring", clock=c), "only a running", id="cancelled"),
    ],
)
def test_a_retry_that_is_about_nobody_says_so(database, user_id, clock, prepare, says):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    prepare(database, user_id, clock)

    with pytest.raises(StateError, match=says):
        retry(database, user_id, name="spring", wish=FAILURES, clock=clock)


@pytest.fixture
def doubtful(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    put_in_doubt(database, seeded, clock=clock)
    return seeded.recipient_ids[0]


def test_a_person_may_say_that_it_was_sent(database, user_id, clock, doubtful):
    done = resolve(database, user_id, name="spring", who=phone(0), word=SENT, by="hanako", clock=clock)

    submission, recipient = only(database, "submissions"), only(database, "campaign_recipients")
    assert (done.id, done.status, recipient["status"]) == (doubtful, "sent", "sent")
    assert recipient["provider_message_id"] == f"by-hand:{submission['id']}"
    assert (submission["outcome"], submission["closed_at"]) == ("accepted", clock.now())
    assert submission["finding"] == "hanako says that it was sent: she showed it"
    assert complete_finished(database, now=clock.now()) == ["spring"]


def test_a_person_may_say_that_it_was_not_sent(database, user_id, clock, doubtful):
    done = resolve(database, user_id, name="spring", who=doubtful, word=NOT_SENT, clock=clock)

    assert (done.status, only(database, "submissions")["outcome"]) == ("pending", "absent")
    entry = rows(database, "audit_log", order="seq")[-1]
    assert (entry["action"], entry["subject"], entry["reason"]) == ("campaign.resolve", str(doubtful), "she got none")
    assert (entry["before"], entry["after"]) == ({"status": "unknown"}, {"status": "pending"})


@pytest.mark.parametrize(
    ("more_time", "status"),
    [pytest.param(None, "expired", id="its time is up"), pytest.param(timedelta(days=1), "pending", id="more time")],
)
def test_what_was_not_sent_and_has_no_window_left_expires(database, user_id, clock, doubtful, more_time, status):
    clock.advance(timedelta(hours=6))
    word = Word(is_sent=False, reason="she got none", more_time=more_time)

    assert resolve(database, user_id, name="spring", who=doubtful, word=word, clock=clock).status == status


def test_what_was_not_sent_of_a_cancelled_campaign_is_cancelled(database, user_id, clock, doubtful):
    cancel(database, user_id, name="spring", clock=clock)

    assert resolve(database, user_id, name="spring", who=doubtful, word=NOT_SENT, clock=clock).status == "cancelled"


@pytest.mark.parametrize("who", [pytest.param("+819099999999", id="number"), pytest.param(new_id(), id="id")])
def test_who_is_not_in_doubt_cannot_be_resolved(database, user_id, clock, doubtful, who):
    with pytest.raises(StateError, match='"spring" has no such recipient in doubt'):
        resolve(database, user_id, name="spring", who=who, word=SENT, clock=clock)


def test_a_number_with_two_texts_in_doubt_is_resolved_by_id(database, user_id, clock, doubtful):
    with database.transaction() as connection:
        for table, id_ in (("campaign_recipients", "id"), ("submissions", "recipient_id")):
            columns = ", ".join(name for name in only(database, table) if name not in {"id", id_, "step"})
            step = (", step", ", 'second'") if table == "campaign_recipients" else ("", "")
            own = "gen_random_uuid(), " if table == "submissions" else ""
            connection.execute(
                f"INSERT INTO {table} ({'id, ' if own else ''}{id_}, {columns}{step[0]})"
                f" SELECT {own}'019c0000-0000-7000-8000-000000000001', {columns}{step[1]} FROM {table}"
            )

    with pytest.raises(StateError, match="2 texts to that number in doubt") as refused:
        resolve(database, user_id, name="spring", who=phone(0), word=SENT, clock=clock)

    assert str(doubtful) in refused.value.hint


@pytest.mark.parametrize(
    ("word", "reserved", "committed"),
    [pytest.param(SENT, "0", "0.08", id="sent"), pytest.param(NOT_SENT, "0", "0", id="not sent")],
)
def test_a_budget_is_told_what_a_person_said(database, user_id, clock, doubtful, word, reserved, committed):
    budget_id = new_id()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO budgets (user_id, id, campaign_id, amount, currency, reserved)"
            " SELECT user_id, %s, id, 1, 'USD', 0.08 FROM sms_campaigns",
            [budget_id],
        )
        connection.execute("UPDATE submissions SET reserved = 0.08, campaign_budget_id = %s", [budget_id])

    resolve(database, user_id, name="spring", who=doubtful, word=word, clock=clock)

    budget = only(database, "budgets")
    assert (budget["reserved"], budget["committed"]) == (Decimal(reserved), Decimal(committed))
