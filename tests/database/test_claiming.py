from datetime import timedelta
from uuid import UUID

import pytest
from support.seeds import arm, phone, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Cursor, Rooms
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.limits import read_wish, set_tenant_limits
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.sending.sweeping import sweep

SENDER = "+15005550006"
ALL = Rooms((1000,), (1000,))


@pytest.fixture
def claim(database, clock):
    def make(connection, seeded, *, daemon: UUID | None = None, limit: int = 10, rooms: Rooms = ALL):
        claimed, _ = recipients.claim(
            connection,
            seeded.user_id,
            occurrence_id=seeded.occurrence_id,
            daemon=daemon or new_id(),
            limit=limit,
            rooms=rooms,
            now=clock.now(),
            cursor=Cursor(),
        )
        return claimed

    return make


@pytest.fixture
def claimer(database):
    def make(*, parts_per_second: float = 4000, sender: str = SENDER) -> Claimer:
        register_senders(database, provider="scripted", default_sender=sender, parts_per_second=parts_per_second)
        made = Claimer(new_id(), provider="scripted", default_sender=sender)
        made.grace = timedelta(0)  # what is claimed leaves at once
        return made

    return make


def test_two_dispatchers_never_claim_the_same_recipient(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=10)

    with database.transaction() as first, database.transaction() as second:
        here = claim(first, seeded, limit=6)
        there = claim(second, seeded, limit=6)

    assert sorted(each.id for each in here + there) == sorted(seeded.recipient_ids)


def test_a_claim_takes_what_fits_the_pace_in_parts(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=10, parts=3)

    with database.transaction() as connection:
        claimed = claim(connection, seeded, rooms=Rooms((7, 1000), (25, 1000)))

    assert len(claimed) == 2


def test_a_text_larger_than_the_burst_goes_when_the_burst_is_full(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=10, parts=3)

    with database.transaction() as connection:
        claimed = claim(connection, seeded, rooms=Rooms((1, 1000), (1, 1000)))

    assert len(claimed) == 1


def test_of_two_arms_of_one_claim_the_second_passes_nothing(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    daemon = new_id()
    with database.transaction() as connection:
        claimed = claim(connection, seeded, daemon=daemon)

    passed = []
    for _ in range(2):
        asked = [recipients.ask(each, campaign_id=seeded.campaign_id, sender=SENDER) for each in claimed]
        with database.transaction() as connection:
            passed.append(arm(connection, user_id, asked, daemon=daemon, now=clock.now()).passed)

    assert [len(each) for each in passed] == [1, 0]


def test_a_stale_holder_does_not_pass_the_arm_after_its_lease_was_taken_over(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    stale, fresh = new_id(), new_id()
    with database.transaction() as connection:
        held = claim(connection, seeded, daemon=stale)
    clock.advance(recipients.LEASE * 2)
    sweep(database, clock=clock)
    with database.transaction() as connection:
        claim(connection, seeded, daemon=fresh)

    asked = [recipients.ask(each, campaign_id=seeded.campaign_id, sender=SENDER) for each in held]
    with database.transaction() as connection:
        passed = arm(connection, user_id, asked, daemon=stale, now=clock.now()).passed

    assert passed == set()


def test_a_lease_with_too_little_left_does_not_pass_the_arm(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    daemon = new_id()
    with database.transaction() as connection:
        claimed = claim(connection, seeded, daemon=daemon)
    clock.advance(recipients.LEASE - recipients.LEASE_LEFT + timedelta(seconds=1))

    asked = [recipients.ask(each, campaign_id=seeded.campaign_id, sender=SENDER) for each in claimed]
    with database.transaction() as connection:
        passed = arm(connection, user_id, asked, daemon=daemon, now=clock.now()).passed

    assert passed == set()


def test_a_claimed_lease_that_is_over_goes_again_and_an_armed_one_is_unknown(database, user_id, clock, claim):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3)
    daemon = new_id()
    with database.transaction() as connection:
        claimed = claim(connection, seeded, daemon=daemon)
        asked = [recipients.ask(claimed[0], campaign_id=seeded.campaign_id, sender=SENDER)]
        arm(connection, user_id, asked, daemon=daemon, now=clock.now())

    clock.advance(recipients.LEASE + timedelta(seconds=1))
    sweep(database, clock=clock)

    assert statuses(database, user_id) == {"pending": 2, "unknown": 1}
    with database.transaction() as connection:
        assert connection.execute("SELECT outcome FROM submissions").fetchall() == [{"outcome": "unknown"}]


def test_what_was_not_sent_before_its_last_window_ended_expires(database, user_id, clock):
    seed_campaign(database, user_id, now=clock.now(), texts=2, expires_in=timedelta(hours=1))

    clock.advance(timedelta(hours=1))
    sweep(database, clock=clock)

    assert statuses(database, user_id) == {"expired": 2}


def test_a_text_is_not_claimed_in_the_last_minutes_of_its_life(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=1, expires_in=recipients.USABLE)

    assert claimer().claim(database, slots=8, now=clock.now()).work == []


def test_a_claim_stops_at_the_slots_that_are_free(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=100, batch_size=7)

    found = claimer().claim(database, slots=10, now=clock.now())

    assert len(found.work) == 10
    assert not found.drained


def test_the_senders_pace_is_shared_by_all_claimers(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=100)
    here, there = claimer(parts_per_second=40), claimer(parts_per_second=40)

    first = here.claim(database, slots=64, now=clock.now())
    second = there.claim(database, slots=64, now=clock.now())
    clock.advance(timedelta(seconds=0.1))
    third = there.claim(database, slots=64, now=clock.now())

    assert [len(each.work) for each in (first, second, third)] == [10, 0, 4]
    assert not second.drained


def test_a_campaign_keeps_its_own_pace(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=10, name="slow", send_rate_per_minute=60)
    seed_campaign(database, user_id, now=clock.now(), texts=10, name="fast", first=100)

    found = claimer().claim(database, slots=64, now=clock.now())

    assert sorted(each.claimed.personalized_content.split()[-1] for each in found.work) == ["fast"] * 10 + ["slow"]


def test_an_urgent_campaign_goes_before_all_others(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=10, name="offer", priority="high")
    seed_campaign(database, user_id, now=clock.now(), texts=10, name="closed", first=100, priority="urgent")

    found = claimer(parts_per_second=20).claim(database, slots=64, now=clock.now())

    assert [each.claimed.personalized_content.split()[-1] for each in found.work] == ["closed"] * 5


def test_a_long_text_that_does_not_fit_yet_is_waited_for(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=3, parts=4)
    claimer = claimer(parts_per_second=24)

    first = claimer.claim(database, slots=64, now=clock.now())
    clock.advance(timedelta(seconds=1 / 24))
    second = claimer.claim(database, slots=64, now=clock.now())
    clock.advance(timedelta(seconds=1 / 24))
    third = claimer.claim(database, slots=64, now=clock.now())

    assert [len(each.work) for each in (first, second, third)] == [1, 0, 1]
    assert (second.drained, second.wait) == (False, pytest.approx(1 / 24))


def test_a_sender_belongs_to_the_first_tenant_that_texts_from_it(database, user_id, clock, claimer):
    stranger = new_id()
    with database.transaction() as connection:
        connection.execute("INSERT INTO users (id, slug, name) VALUES (%s, 'other', 'Other')", [stranger])
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    claimer = claimer()
    claimer.claim(database, slots=8, now=clock.now())
    seed_campaign(database, stranger, now=clock.now(), texts=2, name="theirs")

    found = claimer.claim(database, slots=8, now=clock.now() + timedelta(seconds=2))

    assert found.work == []
    with database.transaction() as connection:
        alerts = connection.execute("SELECT user_id, kind, subject FROM alerts").fetchall()
    assert alerts == [{"user_id": stranger, "kind": "sender_taken", "subject": SENDER}]


def test_a_tenants_own_sender_beats_the_settings(database, user_id, clock, claimer):
    with database.transaction() as connection:
        connection.execute("UPDATE users SET sender = '+15005550007' WHERE id = %s", [user_id])
    seed_campaign(database, user_id, now=clock.now(), texts=1)

    found = claimer().claim(database, slots=8, now=clock.now())

    assert [each.asked.sender for each in found.work] == ["+15005550007"]


def test_a_run_that_a_newer_version_launched_is_told_and_stops_no_other(database, user_id, clock, claimer):
    newer = seed_campaign(database, user_id, now=clock.now(), texts=1, name="newer")
    seed_campaign(database, user_id, now=clock.now(), texts=1, first=10)
    with database.transaction() as connection:
        connection.execute(
            'UPDATE campaign_occurrences SET definition = definition || \'{"moon": "full"}\''
            " WHERE user_id = %s AND id = %s",
            [user_id, newer.occurrence_id],
        )

    found = claimer().claim(database, slots=8, now=clock.now())

    assert [each.claimed.phone_number for each in found.work] == [phone(10)]
    with database.transaction() as connection:
        alerts = connection.execute("SELECT kind, subject FROM alerts").fetchall()
    assert alerts == [{"kind": "unreadable", "subject": str(newer.campaign_id)}]


@pytest.mark.parametrize(
    "held",
    [
        pytest.param("pace_limits WHERE provider <> ''", id="the sender's"),
        pytest.param("pace_limits WHERE provider = ''", id="the tenant's"),
        pytest.param("campaign_occurrences", id="the campaign's"),
    ],
)
def test_nothing_is_claimed_while_another_claimer_holds_a_pace(database, user_id, clock, claimer, held):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    set_tenant_limits(database, find_tenant(database, "default"), wish=read_wish(per_second="10"))
    claimer = claimer()

    with database.transaction() as connection:
        connection.execute(f"SELECT FROM {held} FOR NO KEY UPDATE")
        found = claimer.claim(database, slots=8, now=clock.now())

    assert (found.work, found.drained) == ([], False)


def test_what_comes_back_behind_the_cursor_is_found_again(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=20)
    claimer = claimer()
    found = claimer.claim(database, slots=10, now=clock.now())
    with database.transaction() as connection:
        recipients.turn_away(
            connection, user_id, [each.asked for each in found.work], daemon=claimer._daemon, now=clock.now()
        )

    clock.advance(timedelta(seconds=6))
    again = claimer.claim(database, slots=10, now=clock.now())

    assert {each.claimed.id for each in again.work} == {each.claimed.id for each in found.work}


@pytest.mark.parametrize(
    ("name", "binds"),
    [
        pytest.param("claim", {"limit": 50, "rooms": [9, 9], "bursts": [9, 9]}, id="claim"),
        pytest.param("expired_leases", {}, id="expired leases"),
        pytest.param("reap", {}, id="reap"),
        pytest.param("expire", {}, id="expire"),
        pytest.param("defer", {"timezone": "Asia/Tokyo", "step": None}, id="defer"),
    ],
)
def test_a_queue_statement_never_scans_the_recipients(database, user_id, clock, name, binds):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=0)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, timezone,"
            " personalized_content, encoding, segments_used, send_after, expires_at, status)"
            " SELECT %s, gen_random_uuid(), %s, %s, '+8190' || lpad(n::text, 8, '0'), 'Asia/Tokyo', 'hello', 'gsm7', 1,"
            " %s, %s, CASE n %% 1000 WHEN 0 THEN 'pending' ELSE 'failed' END FROM generate_series(1, 20000) AS n",
            [user_id, seeded.occurrence_id, seeded.campaign_id, clock.now(), clock.now()],
        )
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE campaign_recipients")
    everything = {
        "user_id": user_id,
        "occurrence_id": seeded.occurrence_id,
        "daemon": new_id(),
        "now": clock.now(),
        "usable_until": clock.now() + recipients.USABLE,
        "lease_until": clock.now() + recipients.LEASE,
        "opens_at": clock.now(),
        "preferred_time": None,
        "after": Cursor().after,
        "after_id": Cursor().after_id,
        **recipients.share_binds(recipients.Share(2_500, 5_000, ("81",))),
        **binds,
    }

    with database.transaction() as connection:
        plan = connection.execute("EXPLAIN " + statement("lumiere_sms.campaigns", name), everything).fetchall()

    lines = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Seq Scan on campaign_recipients" not in lines
    assert "Index" in lines
