import random
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of
from support.seeds import seed_campaign

from lumiere_sms.audience.customers import opt_out
from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.allocation import Trials
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import StateError
from lumiere_sms.planning.explain import explain
from lumiere_sms.planning.explain_rules import Verdict

PHONES = [None, *(f"+8190{number:08d}" for number in range(6))]
WEEK = timedelta(days=7)
TYPES = ("blast", "promotional")
WINDOWS: tuple[tuple[str, ...], ...] = ((), ("09:00-11:00",), ("13:00-13:30", "15:00-16:00"), ("22:00-23:00",))
DEFAULT = {"blast": ("00:00-23:59",), "promotional": ("09:00-11:00", "14:00-16:00", "19:00-20:00")}
PREFERRED = (None, "10:00-14:30", "15:30-22:15")
#: The rule whose fact stops, by the reason that the launch notes.
RULES = {
    "no_phone": "phone",
    "opted_out": "opt-out",
    "suppressed": "suppression",
    "no_consent": "consent",
    "shared_phone": "shared phone",
    "frequency_cap": "frequency cap",
    "holdout": "hold-out",
    "missing_value:last_name": "text",
}


class World:
    """Random customers and one random campaign, and who would get what of it: written down a second time."""

    def __init__(self, chance: random.Random, clock) -> None:
        self.now = clock.now()
        self.people = [self._person(chance) for _ in range(chance.randint(4, 9))]
        self.refused = {phone for phone in PHONES[1:] if chance.random() < 0.15}
        self.invalid = {phone for phone in PHONES[1:] if chance.random() < 0.15}
        self.type = chance.choice(TYPES)
        self.visits, self.is_negated = chance.randint(0, 6), chance.random() < 0.3
        self.window, self.holdout = chance.choice(WINDOWS), chance.choice([0, 0, 40])
        self.needs_name = chance.random() < 0.5
        self.texted = {phone: chance.randint(0, 2) for phone in PHONES[1:]}
        self.most = chance.choice([None, 1, 2])
        self.then = chance.choice(["exclude", "postpone"])

    def _person(self, chance: random.Random) -> dict:
        return {
            "phone_number": chance.choice(PHONES),
            "visit_count": chance.randint(0, 6),
            "last_name": chance.choice(["田中", None]),
            "last_visit_date": chance.choice([None, date(2026, 1, chance.randint(1, 28))]),
            "allow_promotional": chance.random() < 0.7,
            "preferred_time": chance.choice(PREFERRED),
            "opt_out_date": chance.choice([None] * 5 + [datetime(2025, 12, 1, tzinfo=UTC)]),
        }

    @property
    def text(self) -> str:
        name = "{{ last_name }}" if self.needs_name else "{{ last_name | default('you') }}"
        clause = f"{{field: visit_count, operator: gte, value: {self.visits}}}"
        criteria = f"{{not: {clause}}}" if self.is_negated else clause
        lines = [
            "campaigns:",
            "  spring:",
            f'    message: "Hello {name}"',
            f"    type: {self.type}",
            "    segment: all",
        ]
        lines += [f"    criteria: {criteria}", "    schedule: now", "    quiet_hours: 23:30-06:00"]
        lines += [f"    window: [{', '.join(self.window)}]"] if self.window else []
        return "\n".join(lines + ([f"    holdout: {self.holdout}%"] if self.holdout else []))

    @property
    def rules(self) -> dict:
        cap = {"most": self.most, "within": "7d", "then": self.then}
        return {"frequency_caps": {self.type: cap}} if self.most else {}

    def is_in(self, person: dict) -> bool:
        return (person["visit_count"] >= self.visits) is not self.is_negated

    def reason(self, person: dict) -> str | None:
        first = self.barred(person)
        if first is None and person is not self.winner(person["phone_number"]):
            first = "shared_phone"
        if first is None and self.then == "exclude" and self.capped_until(person) > self.first_open(person, self.now):
            first = "frequency_cap"
        if first is None and self.needs_name and person["last_name"] is None:
            first = "missing_value:last_name"
        definition = CampaignDefinition.model_validate({"name": "spring", "message": "x", "holdout": self.holdout})
        trials = Trials.of(definition)
        return first or ("holdout" if trials and trials.allocator()(person["id"]).is_held_out else None)

    def capped_until(self, person: dict) -> datetime:
        """A week behind the text that is the one too many, counted from the newest; they went a day apart."""
        texts = self.texted[person["phone_number"]]
        return self.now - self.most * timedelta(days=1) + WEEK if self.most and texts >= self.most else self.now

    def barred(self, person: dict) -> str | None:
        phone = person["phone_number"]
        refusals = {other["phone_number"] for other in self.people if other["opt_out_date"]} | self.refused
        if phone is None:
            return "no_phone"
        if phone in refusals:
            return "opted_out"
        if phone in self.invalid:
            return "suppressed"
        return "no_consent" if self.type == "promotional" and not person["allow_promotional"] else None

    def winner(self, phone: str) -> dict:
        rivals = [each for each in self.people if each["phone_number"] == phone and self.is_in(each)]
        rivals = [each for each in rivals if self.barred(each) is None]
        return min(rivals, key=lambda each: (-(each["last_visit_date"] or date.min).toordinal(), each["id"]))

    def send_after(self, person: dict) -> datetime:
        return self.first_open(person, max(self.capped_until(person), self.now))

    def first_open(self, person: dict, at: datetime) -> datetime:
        """Walk minute by minute, by the clock on the wall in Tokyo."""
        windows, wanted = self.window or DEFAULT[self.type], person["preferred_time"]
        day = [time(minute // 60, minute % 60) for minute in range(24 * 60)]
        is_open = {each for each in day if time(6) <= each < time(23, 30) and any(_in(each, one) for one in windows)}
        if wanted and any(_in(each, wanted) for each in is_open):
            is_open = {each for each in is_open if _in(each, wanted)}
        while at.astimezone(ZoneInfo("Asia/Tokyo")).time() not in is_open:
            at += timedelta(minutes=1)
        return at


@pytest.mark.parametrize("seed", range(16))
def test_explain_agrees_with_the_rules_written_down_a_second_time(database, user_id, clock, tmp_path, seed):
    world = World(random.Random(seed), clock)
    create(world, database, user_id)
    apply_text(database, tmp_path, world.text, clock=clock)

    for person in world.people:
        (found,) = explain(database, tenant_of(database), key=str(person["id"]), campaign="spring", clock=clock)

        assert found.is_in_audience is world.is_in(person)
        if not world.is_in(person):
            assert [fact.verdict for fact in found.facts if fact.rule == "segment"] == [Verdict.STOPS]
            continue
        reason = world.reason(person)
        assert found.reason == reason
        stops = [fact.rule for fact in found.facts if fact.verdict is Verdict.STOPS]
        assert stops[:1] == ([RULES[reason]] if reason else [])
        if reason is None:
            assert (found.text, found.send_after) == (f"Hello {person['last_name'] or 'you'}", world.send_after(person))


def test_what_explain_says_is_what_the_launch_writes(database, user_id, clock, tmp_path):
    world = World(random.Random(99), clock)
    create(world, database, user_id)
    apply_text(database, tmp_path, world.text, clock=clock)
    tenant, keys = tenant_of(database), [str(person["id"]) for person in world.people]
    said = [explain(database, tenant, key=key, campaign="spring", clock=clock)[0] for key in keys]

    launch_due(database, clock=clock, prices=prices)

    would = {each.customer_id: (each.text, each.send_after, each.expires_at) for each in said if each.text}
    written = rows(database, "campaign_recipients")
    texted = [row for row in written if row["status"] == "pending"]
    got = {row["customer_id"]: (row["personalized_content"], row["send_after"], row["expires_at"]) for row in texted}
    assert would == got
    assert got


def test_each_clause_of_a_segment_is_told_with_the_customers_own_value(database, user_id, clock):
    key = str(add_customer(database, user_id, PHONES[1], visit_count=3, attributes={"担当": "美香"}, tags=["vip"]))
    criteria = {
        "and": [
            {"field": "visit_count", "operator": "gte", "value": 2},
            {"or": [{"field": "attributes.担当", "operator": "eq", "value": "拓海"}]},
            {"not": {"field": "tags", "operator": "any", "value": ["staff"]}},
        ]
    }
    seed_campaign(database, user_id, now=clock.now(), texts=0, criteria=criteria)

    (found,) = explain(database, tenant_of(database), key=key, campaign="spring", clock=clock)

    (clause,) = next(fact for fact in found.facts if fact.rule == "segment").clauses
    visits, either, neither = clause.below
    assert (clause.holds, visits.holds, visits.value) == (False, True, "3")
    assert (either.holds, either.below[0].holds, either.below[0].value) == (False, False, "美香")
    assert (neither.text, neither.holds, neither.below[0].holds) == ("not", True, False)


def test_a_clause_about_numbers_tells_the_customers_own_one_masked(database, user_id, clock):
    phones = {"field": "phone_number", "operator": "in", "value": [PHONES[1]]}
    key = str(add_customer(database, user_id, PHONES[1]))
    seed_campaign(database, user_id, now=clock.now(), texts=0, criteria=phones)

    (found,) = explain(database, tenant_of(database), key=key, campaign="spring", clock=clock)

    (clause,) = next(fact for fact in found.facts if fact.rule == "segment").clauses
    assert (clause.holds, clause.value) == (True, "+81········00")


def test_what_became_of_a_text_is_told_by_its_state(database, user_id, clock, tmp_path):
    key = str(add_customer(database, user_id, PHONES[1]))
    text = "campaigns:\n  spring: {message: hello, segment: all, schedule: now}\n"
    apply_text(database, tmp_path, text, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    clock.advance(timedelta(minutes=5))

    (waiting,) = explain(database, tenant_of(database), key=key, clock=clock)
    (row,) = rows(database, "campaign_recipients")
    with database.transaction() as connection:
        opt_out(connection, tenant_of(database), key, now=clock.now())
        connection.execute("UPDATE campaign_recipients SET status = 'suppressed', reason = 'opted_out'")
    (refused,) = explain(database, tenant_of(database), key=key, clock=clock)

    assert waiting.verdict == "waits until 2026-03-15 10:00 JST"
    assert (waiting.send_after, waiting.expires_at) == (row["send_after"], row["expires_at"])
    assert refused.verdict == "was not sent: opted out"
    assert [each["status"] for each in refused.texts] == ["suppressed"]


SEQUENCE = """
campaigns:
  welcome:
    type: drip
    segment: all
    criteria: {field: visit_count, operator: lt, value: 2}
    schedule: now
    window: [09:00-20:00]
    steps:
      - {message: one}
      - {message: two, after: 7d, unless: [replied]}
"""
REMINDER = """
campaigns:
  tomorrow:
    type: reminder
    message: "See you {{ next_appointment_at | jdate }}"
    segment: all
    schedule: now
    remind: 1 day before, 18:00-19:00
"""


def test_in_a_sequence_it_is_told_which_step_is_next_and_why_somebody_left(database, user_id, clock, tmp_path):
    key = str(add_customer(database, user_id, PHONES[1], visit_count=1))
    apply_text(database, tmp_path, SEQUENCE, clock=clock)
    tenant = tenant_of(database)

    (before,) = explain(database, tenant, key=key, campaign="welcome", clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET visit_count = 9")
    (inside,) = explain(database, tenant, key=key, campaign="welcome", clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE enrolments SET left_at = now(), next_at = NULL, left_reason = 'replied'")
    (after,) = explain(database, tenant, key=key, campaign="welcome", clock=clock)

    assert (before.text, before.reason) == ("one", None)
    assert inside.verdict == "entered 2026-03-15 10:00 JST; step 2 of 2 is due 2026-03-22 10:00 JST"
    assert (inside.text, inside.is_in_audience) == ("two", True)
    assert after.verdict.endswith(": replied")
    assert [fact.verdict for fact in after.facts if fact.rule == "segment"] == [Verdict.STOPS]


def test_a_reminder_is_told_with_its_appointment(database, user_id, clock, tmp_path):
    appointment = datetime(2026, 3, 16, 2, tzinfo=UTC)
    keys = [
        str(add_customer(database, user_id, PHONES[1], next_appointment_at=appointment)),
        str(add_customer(database, user_id, PHONES[2])),
    ]
    apply_text(database, tmp_path, REMINDER, clock=clock)

    booked, other = (
        explain(database, tenant_of(database), key=key, campaign="tomorrow", clock=clock)[0] for key in keys
    )

    assert booked.send_after == datetime(2026, 3, 15, 9, tzinfo=UTC)
    assert booked.text == "See you 3月16日(月)"
    assert other.verdict == "gets no text: has no appointment"


def test_of_running_reminders_it_is_told_when_the_next_goes_and_whose_window_has_passed(
    database, user_id, clock, tmp_path
):
    apply_text(database, tmp_path, REMINDER, clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    keys = [
        str(add_customer(database, user_id, PHONES[1], next_appointment_at=clock.now() + timedelta(days=3))),
        str(add_customer(database, user_id, PHONES[2], next_appointment_at=clock.now() + timedelta(hours=1))),
    ]

    coming, late = (
        explain(database, tenant_of(database), key=key, campaign="tomorrow", clock=clock)[0] for key in keys
    )

    assert coming.verdict == "gets a text 2026-03-17 18:00 JST"
    assert (late.verdict, late.reason, late.send_after) == ("gets no text: too late", "too_late", None)
    assert [fact.verdict for fact in late.facts if fact.rule == "time"] == [Verdict.STOPS]


def test_of_reminders_that_of_the_appointment_to_come_counts(database, user_id, clock, tmp_path):
    key = str(add_customer(database, user_id, PHONES[1], next_appointment_at=clock.now() + timedelta(days=1)))
    apply_text(database, tmp_path, REMINDER, clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)

    (waiting,) = explain(database, tenant_of(database), key=key, campaign="tomorrow", clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET next_appointment_at = next_appointment_at + interval '1 day'")
    (moved,) = explain(database, tenant_of(database), key=key, campaign="tomorrow", clock=clock)

    assert (waiting.verdict, moved.verdict) == ("waits until 2026-03-15 18:00 JST", "gets a text 2026-03-16 18:00 JST")


def test_everybody_who_shares_the_number_is_explained_and_whoever_is_nobody_is_refused(database, user_id, clock):
    for name in ("mother", "daughter"):
        add_customer(database, user_id, "+819012345678", external_id=name)
    seed_campaign(database, user_id, now=clock.now(), texts=0)

    found = explain(database, tenant_of(database), key="090-1234-5678", clock=clock)

    assert {each.customer: each.reason for each in found} == {"mother": None, "daughter": "shared_phone"}
    with pytest.raises(StateError, match="no customer has this"):
        explain(database, tenant_of(database), key="nobody", clock=clock)
    with pytest.raises(StateError, match='there is no campaign "autumn"'):
        explain(database, tenant_of(database), key="mother", campaign="autumn", clock=clock)


def create(world: World, database, user_id) -> None:
    for person in world.people:
        columns = {name: value for name, value in person.items() if name != "phone_number"}
        person["id"] = add_customer(database, user_id, person["phone_number"], **columns)
    before = seed_campaign(database, user_id, now=world.now - WEEK, texts=0, name="before", status="completed")
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET type = %s", [world.type])
        connection.execute("UPDATE campaign_occurrences SET status = 'completed'")
        connection.execute("UPDATE users SET rules = %s", [Jsonb(world.rules)])
        for phone, texts in world.texted.items():
            for number in range(texts):
                binds = [user_id, new_id(), before.occurrence_id, phone, world.now - timedelta(days=number + 1)]
                connection.execute(_SENT, [*binds, str(new_id())])
        for reason, phones in (("invalid_number", world.invalid), ("opted_out", world.refused)):
            for phone in phones:
                suppress(connection, user_id, phone, reason=reason, source="provider", now=world.now)


def _in(at: time, window: str) -> bool:
    begin, end = (time.fromisoformat(each) for each in window.split("-"))
    return begin <= at < end


_SENT = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at, outcome, provider_message_id)
    VALUES (%s, %s, '00000000-0000-7000-8000-000000000001', %s, %s, 'scripted', 'x', 1, 1, %s, 'accepted', %s)
"""


def test_who_is_of_a_later_wave_is_told_that_they_wait_for_it(database, user_id, clock, tmp_path):
    for number in range(5):
        add_customer(database, user_id, f"+81900000000{number}")
    text = "campaigns: {few: {message: Hello, segment: all, schedule: now, canary: {size: 1, wait: 30m}}}"
    apply_text(database, tmp_path, text, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    first = only(database, "campaign_recipients")["phone_number"]

    told = {
        row["phone_number"]: explain(database, tenant_of(database), key=str(row["id"]), campaign="few", clock=clock)[
            0
        ].verdict
        for row in rows(database, "customers")
    }

    assert told.pop(first) == "waits until 2026-03-15 10:00 JST"
    assert set(told.values()) == {"waits for a later wave of the run"}


def test_who_cannot_get_the_wording_that_is_theirs_is_told_that_they_wait_for_the_winner(
    database, user_id, clock, tmp_path
):
    customer_id = add_customer(database, user_id, "+819012345678", id=UUID(int=1), last_name=None)
    text = """
    campaigns:
      trial:
        segment: all
        schedule: "2026-03-16 10:00"
        variants: {a: {weight: 50, message: "{{ last_name }}"}, b: {weight: 49, message: "{{ last_name }}, hi"},
                   c: {weight: 0.01, message: "Hi"}}
        winner: {metric: replies, after: 2h}
    """
    apply_text(database, tmp_path, text, clock=clock)

    (found,) = explain(database, tenant_of(database), key=str(customer_id), campaign="trial", clock=clock)

    told = next(fact.fact for fact in found.facts if fact.rule == "variant")
    assert told.endswith("cannot be written for them: waits for the variant that wins")
    assert (found.reason, found.text, found.verdict) == (None, "Hi", "gets a text")
