import random
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.seeds import arm, seed_campaign

from lumiere_sms.campaigns import recipients
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import create_tenant, find_tenant
from lumiere_sms.sending import adapting
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.limits import read_wish, set_sender_limits, set_tenant_limits
from lumiere_sms.sending.pace import burst_for
from lumiere_sms.sending.senders import register_senders

SENDER = "+15005550006"
FAST = 4000


@pytest.fixture
def claimer(database):
    def make(provider: str = "scripted", *, parts_per_second: float = FAST, sender: str = SENDER) -> Claimer:
        register_senders(database, provider=provider, default_sender=sender, parts_per_second=parts_per_second)
        return Claimer(new_id(), provider=provider, default_sender=sender)

    return make


@pytest.fixture
def limit(database, user_id):
    def make(*, tenant: bool = False, **limits: str) -> None:
        wish, owner = read_wish(**limits), find_tenant(database, "default")
        if tenant:
            set_tenant_limits(database, owner, wish=wish)
        else:
            set_sender_limits(database, owner, provider="scripted", sender=SENDER, wish=wish, parts_per_second=FAST)

    return make


def paces(database, column: str) -> list[object]:
    with database.transaction() as connection:
        found = connection.execute(f"SELECT {column} AS it FROM pace_limits ORDER BY provider, sender").fetchall()
    return [row["it"] for row in found]


def test_a_day_takes_exactly_its_parts_whoever_claims_and_the_next_day_takes_them_anew(
    database, user_id, clock, claimer, limit
):
    seed_campaign(database, user_id, now=clock.now(), texts=60, expires_in=timedelta(days=3), quiet_hours="02:00-03:00")
    claimers = [claimer() for _ in range(4)]
    limit(per_day="25", zone="Asia/Tokyo")

    taken: Counter[int] = Counter()
    for step in range(80):
        found = claimers[step % 4].claim(database, slots=3, now=clock.now())
        taken[clock.now().astimezone(ZoneInfo("Asia/Tokyo")).day] += len(found.work)
        clock.advance(timedelta(minutes=20))

    assert taken[15] == 25
    assert sum(taken.values()) == 50


def test_a_spent_day_says_so_and_lets_a_single_pass_end(database, user_id, clock, claimer, limit):
    seed_campaign(database, user_id, now=clock.now(), texts=3, parts=2)
    claimer = claimer()
    limit(per_day="5")

    claimer.claim(database, slots=8, now=clock.now())
    found = claimer.claim(database, slots=8, now=clock.now())

    assert (found.work, found.drained) == ([], True)
    assert found.why == f"{SENDER} has sent its 5 parts of the day (Asia/Tokyo)"


def test_a_tenant_has_one_pace_over_all_of_its_providers(database, user_id, clock, claimer, limit):
    seed_campaign(database, user_id, now=clock.now(), texts=100)
    here, there = claimer("scripted"), claimer("another", sender="+15005550007")
    limit(tenant=True, per_second="40")

    first = here.claim(database, slots=64, now=clock.now())
    second = there.claim(database, slots=64, now=clock.now())

    assert [len(each.work) for each in (first, second)] == [10, 0]
    assert not second.drained


def test_a_campaign_has_one_pace_over_all_of_its_providers(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=100, send_rate_per_minute=2400)
    here, there = claimer("scripted"), claimer("another", sender="+15005550007")

    first = here.claim(database, slots=64, now=clock.now())
    second = there.claim(database, slots=64, now=clock.now())

    assert [len(each.work) for each in (first, second)] == [10, 0]


def test_a_pace_by_the_minute_holds_beside_one_by_the_second(database, user_id, clock, claimer, limit):
    seed_campaign(database, user_id, now=clock.now(), texts=100)
    claimer = claimer()
    claimer.grace = timedelta(0)
    limit(per_second="10", per_minute="30")

    taken = []
    for _ in range(8):
        taken.append(len(claimer.claim(database, slots=64, now=clock.now()).work))
        clock.advance(timedelta(seconds=0.5))

    assert taken == [1, 0, 0, 0, 1, 0, 0, 0]


def test_tenants_share_a_daemons_slots_alike_whatever_their_senders_are_called(database, user_id, clock, claimer):
    other = create_tenant(database, "other", sender="+15005550099").id
    seed_campaign(database, user_id, now=clock.now(), texts=400)
    seed_campaign(database, other, now=clock.now(), texts=400)
    claimer = claimer()

    served: Counter[object] = Counter()
    for _ in range(20):
        served.update(each.user_id for each in claimer.claim(database, slots=10, now=clock.now()).work)

    assert served == {user_id: 100, other: 100}


def test_what_is_given_back_comes_back_to_the_sender_the_tenant_the_campaign_and_the_day(
    database, user_id, clock, claimer, limit
):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=4, send_rate_per_minute=2400)
    claimer = claimer(parts_per_second=40)
    limit(tenant=True, per_second="40", per_day="100")
    found = claimer.claim(database, slots=4, now=clock.now())
    taken = paces(database, "day_parts")

    adapting.give_back(database, found.work)

    assert (taken, paces(database, "day_parts")) == ([4, 4], [0, 0])
    assert paces(database, "tat") == [clock.now(), clock.now()]
    with database.transaction() as connection:
        run = connection.execute(
            "SELECT pace_tat FROM campaign_occurrences WHERE user_id = %s AND id = %s",
            [user_id, seeded.occurrence_id],
        ).fetchone()
    assert run == {"pace_tat": clock.now()}


def test_what_was_claimed_too_long_ago_does_not_pass_the_arm(database, user_id, clock, claimer):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    claimer = claimer()
    found = claimer.claim(database, slots=1, now=clock.now())
    late = claimer.claim(database, slots=1, now=clock.now())

    clock.advance(claimer.grace)
    in_time = _arm(database, user_id, claimer, found.work, now=clock.now())
    clock.advance(timedelta(microseconds=2))
    too_late = _arm(database, user_id, claimer, late.work, now=clock.now())

    assert (len(in_time), len(too_late)) == (1, 0)


def test_a_daemon_whose_arms_are_slow_gives_them_more_time(claimer):
    claimer = claimer()

    claimer.note_arm(0.4)
    slow = claimer.grace
    for _ in range(60):
        claimer.note_arm(0.01)

    assert slow == timedelta(seconds=0.6)
    assert claimer.grace == timedelta(seconds=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_no_window_of_any_length_holds_more_than_its_pace_whoever_claims_however_slowly_it_is_armed(
    database, user_id, clock, claimer, limit, seed
):
    chance = random.Random(seed)
    for parts in (1, 2, 3):
        seed_campaign(
            *(database, user_id),
            now=clock.now(),
            texts=60,
            parts=parts,
            name=f"of {parts}",
            first=100 * parts,
            send_rate_per_minute=600,
        )
    claimers = [claimer(parts_per_second=20) for _ in range(2)] + [claimer("another", parts_per_second=20)] * 2
    limit(tenant=True, per_second="15")

    armed, held = [], []
    for _ in range(150):
        clock.advance(timedelta(seconds=chance.choice([0.005, 0.02, 0.05, 0.2])))
        by = chance.choice(claimers)
        found = by.claim(database, slots=chance.randint(1, 8), now=clock.now()).work
        held += [(clock.now() + timedelta(seconds=chance.uniform(0, 0.12)), by, found)] if found else []
        for due in [each for each in held if each[0] <= clock.now()]:
            held.remove(due)
            armed += _arm_or_give_back(database, user_id, due[1], due[2], now=clock.now())

    assert len(armed) > 15
    for rate, mine in (
        (15, armed),
        *((20, [each for each in armed if each[1] == provider]) for provider in ("scripted", "another")),
        *((10, [each for each in armed if each[2] == parts]) for parts in (1, 2, 3)),
    ):
        for start, *_ in mine:
            for end in {at for at, *_ in mine if at >= start}:
                inside = sum(parts for at, _, parts in mine if start <= at <= end)
                assert inside <= rate * (end - start).total_seconds() + max(burst_for(rate), 3) + 1e-3


def _arm(database, user_id, claimer, work, *, now):
    with database.transaction() as connection:
        return arm(connection, user_id, [each.asked for each in work], daemon=claimer._daemon, now=now).passed


def _arm_or_give_back(database, user_id, claimer, work, *, now):
    """Do what the dispatcher does: arm, give back what did not pass, and what is left of the grace."""
    passed = _arm(database, user_id, claimer, work, now=now)
    ages = {each.charge: (now - each.charge.at).total_seconds() for each in work}
    adapting.note_arm(database, work, passed, ages=ages)
    if left := [each for each in work if each.asked.attempt_id not in passed]:
        with database.transaction() as connection:
            recipients.turn_away(connection, user_id, [each.asked for each in left], daemon=claimer._daemon, now=now)
        adapting.give_back(database, left)
    gone = [each for each in work if each.asked.attempt_id in passed]
    return [(now, each.charge.payer.provider, each.claimed.segments_used) for each in gone]
