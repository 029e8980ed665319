"""A simulated time against the same time lived through by the daemon's own parts, and what it must leave alone."""

import json
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import psycopg
import pytest
from psycopg.types.json import Jsonb
from support.processes import PATIENCE, environment, start
from support.salon import add_customer, apply_text, define, prices, rows, tenant_of
from support.standing import Life

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.apply import apply
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.lifecycle import pause
from lumiere_sms.database.tenants import create_tenant, find_tenant
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import RefusedError
from lumiere_sms.providers.prices import country_of
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.settings import Settings
from lumiere_sms.simulation.calendar import Collision, Untexted, read_calendar
from lumiere_sms.simulation.differences import compare
from lumiere_sms.simulation.moments import SLOT
from lumiere_sms.simulation.running import live_through
from lumiere_sms.simulation.simulate import copies_of, simulate
from lumiere_sms.simulation.spans import Span
from lumiere_sms.simulation.submitting import Submitter
from lumiere_sms.simulation.wiring import Wiring
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider

SENDER = "+15005550006"
BEGINS = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
NEVER = datetime(2099, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOOK = timedelta(hours=4)  # from 10:00 on: the times of all campaigns are met
SHORT = """
defaults: {send_rate_per_minute: 100000}
segments:
  regulars: {filters: {visit_count: {min: 3}}}
campaigns:
  weekly:
    type: blast
    message: "News, {{ last_name }}"
    segment: regulars
    schedule: {at: "2026-03-16 10:00", repeat: {type: weekly, days_of_week: [1, 4]}}
  offer: {type: promotional, message: "20% off", segment: all, schedule: "2026-03-19 10:00"}
"""
TEXT = f"""{SHORT}
  welcome:
    type: drip
    segment: regulars
    schedule: "2026-03-20 00:00"
    steps:
      - {{message: "Welcome", window: ["10:00-12:00"]}}
      - {{message: "How are you?", after: 5d, window: ["10:00-12:00"]}}
  tomorrow: {{type: reminder, message: "See you", segment: all, remind: "1 day before, 18:00-19:00", schedule: now}}
  trial:
    type: blast
    segment: all
    schedule: "2026-03-25 14:00"
    variants: {{short: {{message: "Hi", weight: 50%}}, long: {{message: "Good day", weight: 50%}}}}
  dear: {{type: blast, message: "Dear", segment: all, schedule: "2026-04-02 10:00", budget: "1.00 USD"}}
"""
#: All that a campaign may be. 2026-03-20 is a public holiday, and the salon is closed on Wednesdays. No two texts that
#: one cap counts are due at one instant: which of them a dispatcher arms first is nobody's promise.
MONTH = f"""{TEXT.replace("2026-03-19 10:00", "2026-03-17 10:00")}
  closing:
    type: promotional
    message: "Dear {{{{ last_name }}}}, {{{{ visit_count }}}} visits"
    segment: all
    schedule:
      at: "2026-03-16 14:00"
      repeat: {{type: weekly, days_of_week: [3, 5], on_closed: next_open_day, count: 6}}
  again:
    type: drip
    segment: regulars
    schedule: "2026-03-22 00:00"
    enrol: {{again_after: 4d, leave_when: {{field: visit_count, operator: gte, value: 5}}}}
    steps:
      - {{message: "One", after: 1d, window: ["14:00-15:00"]}}
      - {{message: "Two", after: 2d, unless: [visited], window: ["14:00-15:00"]}}
  winner:
    type: blast
    segment: all
    schedule: "2026-03-26 10:00"
    holdout: 10%
    variants: {{a: {{message: "A", weight: 30%}}, b: {{message: "B", weight: 30%}}}}
    winner: {{metric: replies, after: 1d, min: 1, if_undecided: best}}
  asking:
    type: blast
    segment: all
    schedule: "2026-03-30 10:00"
    variants: {{a: {{message: "A", weight: 30%}}, b: {{message: "B", weight: 30%}}}}
    winner: {{metric: clicks, after: 4h, min: 1, if_undecided: pause}}
  careful: {{message: "First a few", segment: all, schedule: "2026-03-31 10:00", canary: {{size: 5, wait: 3h}}}}
  learned: {{type: blast, message: "L", segment: all, schedule: "2026-04-03 10:00", best_time: learned}}
  strewn: {{message: "S", segment: all, schedule: "2026-04-07 10:00", window: "10:00-14:00", spread: window}}
"""
RULES = {"closed_weekdays": [3], "frequency_caps": {"promotional": {"most": 1, "within": "4d"}}}
WHAT_BECAME = """
    SELECT campaign.name, phone_number, step, variant, recipient.status, reason, personalized_content, cost, sent_at
    FROM campaign_recipients AS recipient JOIN sms_campaigns AS campaign ON campaign.id = campaign_id
    ORDER BY name, phone_number, step, variant, sent_at
"""
RUNS = """
    SELECT campaign.name, occurs_at, occurrence.status, phase, winner, audience_size, exclusions, campaign.status AS of
    FROM campaign_occurrences AS occurrence JOIN sms_campaigns AS campaign ON campaign.id = campaign_id
    ORDER BY name, occurs_at
"""
DUE = """
    SELECT min(send_after) AS text, (
        SELECT min(advance_at)
        FROM campaign_occurrences AS occurrence JOIN sms_campaigns AS campaign ON campaign.id = campaign_id
        WHERE occurrence.status = 'running' AND campaign.status = 'running' AND type NOT IN ('drip', 'reminder')
    ) AS wave
    FROM campaign_recipients JOIN sms_campaigns AS campaign ON campaign.id = campaign_id
    WHERE campaign_recipients.status = 'pending' AND campaign.status = 'running'
"""


@pytest.fixture
def salon(database, user_id):
    for number in range(24):
        appointment = datetime(2026, 3, 17 + number % 9, 3, tzinfo=UTC) if number % 2 else None
        add_customer(
            database,
            user_id,
            f"+8190{10_000_000 + number}",
            last_name="田中",
            visit_count=number % 6,
            next_appointment_at=appointment,
            allow_reminders=True,
            allow_promotional=number % 4 > 0,
        )
    add_customer(database, user_id, "+12125550123", last_name="Smith", visit_count=1, timezone="America/New_York")
    with database.transaction() as connection:
        suppress(connection, user_id, "+819010000007", reason="blocked", source="operator", now=None)


@pytest.fixture
def runtime(database_url, tmp_path, clock):
    settings = Settings(tmp_path, database_url, provider="twilio", twilio_from=SENDER, parts_per_second=100)
    runtime = Runtime(settings, clock=clock)
    yield runtime
    runtime.close()


@pytest.fixture
def scratch_names(server_url):
    def names():
        with psycopg.connect(server_url, autocommit=True) as connection:
            return {
                row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^simulate_'")
            }

    return names


def written(folder, text, *, name="simulated.yaml"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def lived(runtime, *worlds, days, since=None):
    now = runtime.clock.now()
    span = Span(since or now, now + timedelta(days=days))
    return simulate(runtime, span, worlds=worlds, progress=lambda *_: None)


def state(database):
    """Return what all tables hold, each as a sum of its rows."""
    tables = (
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    total = "SELECT count(*), md5(string_agg(md5(held::text), '' ORDER BY md5(held::text))) FROM {} AS held"
    with database.transaction() as connection:
        names = [row["name"] for row in connection.execute(tables)]
        return {name: connection.execute(total.format(name)).fetchone() for name in names}


def found(database, query):
    with database.transaction() as connection:
        return connection.execute(query).fetchall()


def calendar_of(database, zone="Asia/Tokyo"):
    """Count what was really sent by day and campaign."""
    with database.transaction() as connection:
        found = connection.execute(
            "SELECT (sent_at AT TIME ZONE %s)::date AS day, campaign.name, count(*) AS texts, sum(cost) AS cost,"
            " min(sent_at) AS first, max(sent_at) AS last,"
            " to_hex(bit_xor(hashtextextended(phone_number || step || variant, 0))) AS who"
            " FROM campaign_recipients AS recipient JOIN sms_campaigns AS campaign ON campaign.id = campaign_id"
            " WHERE sent_at IS NOT NULL GROUP BY 1, 2",
            [zone],
        ).fetchall()
    return {(row.pop("day"), row.pop("name")): row for row in found}


def live(life: Life, *, until: datetime) -> None:
    """Live as a daemon does, looking every four hours, when a wave is judged, and every minute while a text is due."""
    while (now := life.clock.now()) < until:
        do_what_is_due(life.database, clock=life.clock, prices=prices)
        text, _ = coming(life)
        if text <= now:
            life.send()
            do_what_is_due(life.database, clock=life.clock, prices=prices)
        sweep(life.database, clock=life.clock)
        look = now + LOOK - (now - BEGINS) % LOOK
        life.clock.advance(min(look, *(max(at, now + MINUTE) for at in coming(life))) - now)


def coming(life):
    """Return when the next text may go and the next wave is judged, or NEVER."""
    (row,) = found(life.database, DUE)
    return row["text"] or NEVER, row["wave"] or NEVER


def facts(row):
    return {name: value for name, value in row.items() if name != "sent_at"}


def calendar_until(until, *, of):
    """Return what a calendar says, but for the times of day."""
    days = read_calendar(of, tenant_of(of), begins=BEGINS, until=until).days
    return [
        (
            day.day,
            day.launched,
            sorted((entry.campaign, entry.texts, entry.parts, entry.cost, entry.who) for entry in day.entries),
            day.collisions,
            day.untexted,
            [(notice.kind, notice.subject, notice.message) for notice in day.notices],
        )
        for day in days
    ]


@contextmanager
def simulated(runtime, file, *, until):
    """Give a copy that was lived in, before it is dropped."""
    with copies_of(runtime, 1) as (copy,):
        clock = FrozenClock(runtime.clock.now())
        override = "a month is about its times, not about what the law asks of a text"
        apply(copy, runtime.tenant, read_definitions([file]), clock=clock, prices=runtime.way_prices, override=override)
        tenant = find_tenant(copy, runtime.tenant.slug)
        live_through(copy, tenant, clock=clock, until=until, wiring=Wiring.of(runtime), told=lambda _: None)
        yield copy


@pytest.fixture
def habits(database, user_id, clock):
    """A month before: what people answered, when they like to be texted, what the salon keeps to."""
    with database.transaction() as connection:
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(RULES), user_id])
        connection.execute("UPDATE customers SET preferred_time = '19:00-20:00' WHERE visit_count = 4")
        connection.execute(
            "INSERT INTO responses (user_id, id, kind, phone_number, at)"
            " SELECT user_id, gen_random_uuid(), 'reply', phone_number, %s + (visit_count || ' hours')::interval"
            " - (day || ' days')::interval FROM customers, generate_series(1, 4) AS day",
            [clock.now()],
        )


def test_a_simulated_month_is_the_month_that_is_lived_through(
    database, clock, runtime, salon, habits, tmp_path, dispatcher_of
):
    held = "campaigns: {held: {message: hi, segment: all, schedule: '2026-03-20 10:00'}}"
    apply_text(database, tmp_path, held, clock=clock)
    pause(database, tenant_of(database).id, name="held", reason="not now", clock=clock)
    file, until = written(tmp_path, MONTH), BEGINS + timedelta(days=31)
    with simulated(runtime, file, until=until) as copy:
        foreseen, runs, calendar = found(copy, WHAT_BECAME), found(copy, RUNS), calendar_until(until, of=copy)

    apply_text(database, tmp_path, MONTH, clock=clock)
    priced = partial(dispatcher_of, price_of=lambda phone: prices(country_of(phone)))
    provider = ScriptedProvider()
    live(Life(database, clock, priced, provider), until=until)

    happened = found(database, WHAT_BECAME)
    assert [facts(row) for row in foreseen] == [facts(row) for row in happened]
    sent = [(one, two["sent_at"]) for one, two in zip(foreseen, happened, strict=True) if two["sent_at"]]
    assert [(row, real) for row, real in sent if abs(row["sent_at"] - real) > SLOT] == []
    assert runs == found(database, RUNS)
    assert calendar == calendar_until(until, of=database)
    texts = Counter((row["phone_number"], row["personalized_content"]) for row in foreseen if row["sent_at"])
    assert texts == Counter((message.to, message.body) for message in provider.accepted)
    assert len({row["name"] for row in foreseen if row["sent_at"]}) == len(define(tmp_path, MONTH).campaigns)


def test_texts_at_a_pace_go_in_the_slots_in_which_they_go_one_by_one(
    database, user_id, clock, runtime, salon, tmp_path
):
    text = (
        "campaigns: {slow: {type: blast, message: hi, segment: all, schedule: '2026-03-15 20:15',"
        " send_rate_per_minute: 1, window: ['20:00-20:30'], expires_after: 2d, if_too_slow: expire}}"
    )
    (calendar,) = lived(runtime, [written(tmp_path, text)], days=3)

    apply_text(database, tmp_path, text, clock=clock)
    wiring = Wiring.of(runtime)
    for outlet in wiring.outlets:
        outlet.register(database)
    with Submitter(database, user_id, outlets=wiring.outlets, clock=clock) as submitter:
        for start in (datetime(2026, 3, 15, 11, 15, tzinfo=UTC), datetime(2026, 3, 16, 11, 0, tzinfo=UTC)):
            clock.advance(start - clock.now())
            do_what_is_due(database, clock=clock, prices=prices)
            for _ in range(40):
                submitter.send(ahead=timedelta(0))
                clock.advance(timedelta(seconds=30))

    real = calendar_of(database)
    simulated = {(day.day, entry.campaign): entry for day in calendar.days for entry in day.entries}
    assert simulated.keys() == real.keys()
    for key, entry in simulated.items():
        assert abs(entry.texts - real[key]["texts"]) <= 1, key
        assert abs(entry.last - real[key]["last"]) <= SLOT + 2 * MINUTE, key
    assert calendar.texts == 24 == sum(row["texts"] for row in real.values()) + 1  # who is texted in New York's evening


def test_the_real_state_stays_as_it_is_and_the_copy_is_gone(database, clock, runtime, salon, tmp_path, scratch_names):
    file = written(tmp_path, TEXT)
    apply_text(database, tmp_path, "campaigns: {old: {type: blast, message: hi, segment: all}}", clock=clock)
    before, there = state(database), scratch_names()

    (calendar,) = lived(runtime, [file], days=5)

    assert calendar.texts > 0
    assert {"customers", "campaign_recipients", "enrolments", "audit_log", "pace_limits"} <= before.keys()
    assert state(database) == before
    assert scratch_names() <= there


def test_two_simulations_at_once_have_a_copy_each(salon, tmp_path, database_url, scratch_names):
    file = written(tmp_path, "campaigns: {spring: {message: hi, segment: all, schedule: now, expires_after: 3d}}")
    there = scratch_names()
    env = environment(tmp_path, database_url=database_url, LUMIERE_SMS_PROVIDER="console")

    both = [start("simulate", str(file), "--json", env=env) for _ in range(2)]
    said = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in both]

    assert [each["texts"] for each in said] == [24, 24]
    assert scratch_names() <= there


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
def test_the_copy_is_gone_after_an_interrupt_too(runtime, salon, tmp_path, scratch_names, fault):
    file = written(tmp_path, SHORT)
    there, seen = scratch_names(), set()

    def interrupt(*_):
        seen.update(scratch_names() - there)
        raise fault

    now = runtime.clock.now()
    with pytest.raises(fault):
        simulate(runtime, Span(now, now + timedelta(days=9)), worlds=[[file]], progress=interrupt)

    assert seen
    assert not seen & scratch_names()


def test_what_is_applied_already_goes_without_files(database, clock, runtime, salon, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)

    (calendar,) = lived(runtime, [], days=2)

    assert [entry.campaign for entry in calendar.entries] == ["weekly", "tomorrow"]


def test_files_that_apply_would_refuse_are_refused(runtime, salon, tmp_path):
    dear = TEXT.replace("1.00 USD", "100 JPY")

    with pytest.raises(RefusedError, match="USD"):
        lived(runtime, [written(tmp_path, dear)], days=2)


def test_the_calendar_begins_when_it_is_told_to_and_the_time_before_is_lived_through(runtime, salon, tmp_path):
    file = written(tmp_path, TEXT)
    now = runtime.clock.now()

    (calendar,) = lived(runtime, [file], days=12, since=now + timedelta(days=8))

    welcome = [day.day.isoformat() for day in calendar.days for entry in day.entries if entry.campaign == "welcome"]
    assert welcome == ["2026-03-25"]  # the second step alone


def test_the_calendar_says_who_gets_several_texts_and_who_gets_none(runtime, salon, tmp_path):
    (calendar,) = lived(runtime, [written(tmp_path, TEXT)], days=6)

    thursday = next(day for day in calendar.days if day.day.isoformat() == "2026-03-19")
    assert Collision(("offer", "weekly"), 8) in thursday.collisions
    assert Untexted("offer", "", "no_consent", 6) in thursday.untexted
    assert thursday.costs == {"USD": sum((entry.cost for entry in thursday.entries), Decimal(0))}
    assert sum(entry.parts for entry in thursday.entries) >= thursday.texts


def test_two_simulations_of_the_same_do_not_differ_and_an_edit_does_just_so(runtime, salon, tmp_path):
    same, other = (
        written(tmp_path, SHORT),
        written(tmp_path, SHORT.replace("2026-03-19 10:00", "2026-03-20 14:00"), name="b.yaml"),
    )

    before, again, after = lived(runtime, [same], [same], [other], days=6)

    assert compare(before, again) == ()
    found = [(each.day.isoformat(), each.campaign, each.before is None) for each in compare(before, after)]
    assert found == [("2026-03-19", "offer", False), ("2026-03-20", "offer", True)]


def test_a_campaign_that_its_days_limit_holds_up_waits_for_the_next_day(database, runtime, salon, tmp_path):
    for outlet in Wiring.of(runtime).outlets:
        outlet.register(database)
    with database.transaction() as connection:
        connection.execute("UPDATE pace_limits SET parts_per_day = 10, zone = 'Asia/Tokyo', is_set = true")
    text = (
        "campaigns: {long: {type: blast, message: hi, segment: all, schedule: '2026-03-16 12:00', expires_after: 3d}}"
    )

    (calendar,) = lived(runtime, [written(tmp_path, text)], days=4)

    assert [entry.texts for entry in calendar.entries] == [10, 10, 4]


def test_texts_that_were_sent_before_count_for_what_happens_next(
    database, clock, runtime, salon, tmp_path, dispatcher_of
):
    apply_text(
        database,
        tmp_path,
        "campaigns: {first: {message: hi, segment: all, schedule: now, send_rate_per_minute: 100000}}",
        clock=clock,
    )
    Life(database, clock, dispatcher_of, ScriptedProvider())()
    sent = Counter(row["status"] for row in rows(database, "campaign_recipients"))["sent"]

    clock.advance(MINUTE)
    (calendar,) = lived(runtime, [], days=2)

    assert (sent, calendar.texts) == (23, 1)  # one's clock read quiet hours


def test_a_provider_that_is_not_well_now_is_taken_to_be_well(database, runtime, salon, tmp_path):
    for outlet in Wiring.of(runtime).outlets:
        outlet.register(database)
    with database.transaction() as connection:
        connection.execute("UPDATE provider_health SET state = 'open', reason = 'it does not answer'")

    (calendar,) = lived(runtime, [written(tmp_path, SHORT)], days=2)

    assert calendar.texts > 0


def test_a_campaign_that_is_paused_stays_so_and_is_named(database, clock, runtime, salon, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    pause(database, tenant_of(database).id, name="weekly", reason="not now", clock=clock)

    (calendar,) = lived(runtime, [], days=2)

    assert calendar.paused == ("weekly",)
    assert {entry.campaign for entry in calendar.entries} == {"tomorrow"}


def test_who_waits_as_it_begins_and_gets_no_text_is_told(database, clock, runtime, salon, tmp_path):
    text = "campaigns: {first: {message: hi, segment: all, schedule: now}}"
    apply_text(database, tmp_path, text, clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    pause(database, tenant_of(database).id, name="first", reason="not now", clock=clock)
    clock.advance(MINUTE)

    (short,) = lived(runtime, [], days=0.01)
    (whole,) = lived(runtime, [], days=2)

    assert short.waiting == {"first": 23}  # in New York it is night, so one is not due yet
    assert sum(each.people for day in whole.days for each in day.untexted if each.status == "expired") == 24


def test_what_a_daemon_holds_just_now_goes_when_its_lease_is_over(database, clock, runtime, salon, tmp_path):
    text = "campaigns: {first: {message: hi, segment: all, schedule: now, send_rate_per_minute: 100000}}"
    apply_text(database, tmp_path, text, clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'claimed', claimed_by = gen_random_uuid(), claimed_until = %s",
            [clock.now() + MINUTE],
        )

    (calendar,) = lived(runtime, [], days=2)

    assert calendar.texts == 24
    assert calendar.entries[0].first == clock.now() + MINUTE + timedelta(seconds=1)


def test_of_two_offers_to_one_person_at_once_the_second_waits_as_the_cap_says(database, runtime, salon, tmp_path):
    with database.transaction() as connection:
        rule = {"frequency_caps": {"promotional": {"most": 1, "within": "3d"}}}
        connection.execute("UPDATE users SET rules = %s", [Jsonb(rule)])
    offer = "  {}: {{type: promotional, message: hi, segment: all, schedule: '2026-03-16 10:00'}}\n"
    file = written(tmp_path, "campaigns:\n" + offer.format("one") + offer.format("two"))

    (calendar,) = lived(runtime, [file], days=5)

    texts = [(day.day.isoformat(), day.texts) for day in calendar.days if day.texts]
    assert texts == [("2026-03-16", 18), ("2026-03-19", 18)]


def test_who_enters_a_sequence_for_a_text_of_another_campaign_does_so_in_its_slot(runtime, salon, tmp_path):
    text = (
        "campaigns:\n  first: {type: promotional, message: hi, segment: all, schedule: '2026-03-16 10:00'}\n"
        "  then: {type: drip, criteria: {received: first}, schedule: '2026-03-16 00:00', steps: [{message: thanks}]}\n"
    )

    (calendar,) = lived(runtime, [written(tmp_path, text)], days=2)

    first, then = (next(each for each in calendar.entries if each.campaign == name) for name in ("first", "then"))
    assert first.texts == then.texts
    assert timedelta(0) <= then.first - first.first <= SLOT


def test_another_tenants_people_and_campaigns_are_not_part_of_the_copy(database, clock, runtime, salon, tmp_path):
    other = create_tenant(database, "other")
    add_customer(database, other.id, "+819099999999", last_name="隣")
    text = "campaigns: {theirs: {message: hi, segment: all, schedule: '2026-03-16 10:00'}}"
    apply(database, other, define(tmp_path, text), clock=clock)

    (calendar,) = lived(runtime, [written(tmp_path, SHORT)], days=2)

    assert [(entry.campaign, entry.texts) for entry in calendar.entries] == [("weekly", 12)]


def test_what_one_provider_sends_no_more_today_another_does(database, clock, runtime, salon, tmp_path, database_url):
    settings = Settings(tmp_path, database_url, provider="aws,twilio", twilio_from=SENDER, parts_per_second=100)
    both = Runtime(settings, clock=clock)
    for outlet in Wiring.of(both).outlets:
        outlet.register(database)
    with database.transaction() as connection:
        limited = "UPDATE pace_limits SET parts_per_day = 5, zone = 'Asia/Tokyo', is_set = true WHERE provider = 'aws'"
        connection.execute(limited)

    (calendar,) = lived(both, [written(tmp_path, SHORT)], days=2)
    both.close()

    assert [(entry.campaign, entry.texts) for entry in calendar.entries] == [("weekly", 12)]
    assert calendar.entries[0].first == calendar.entries[0].last
