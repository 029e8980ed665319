from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of
from support.seeds import seed_campaign

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.freezing import Recipe
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.retrying import FAILED, Wish, retry
from lumiere_sms.campaigns.tenant_rules import change_rules, never_open, read_rules
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import tenant_of as tenant_by_key
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import RefusedError, StateError, UsageError
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.senders import register_senders

TOKYO = ZoneInfo("Asia/Tokyo")
SENDER = "+15005550006"
PROMOTIONAL = """
campaigns:
  spring: {type: promotional, message: Spring, segment: all, schedule: now}
"""
EVENING = """
campaigns:
  spring: {message: Spring, segment: all, schedule: now, expires_after: 1d}
"""
LEARNED = """
campaigns:
  spring: {message: Spring, segment: all, schedule: now, best_time: learned}
"""


def local(instant: datetime) -> str:
    return f"{instant.astimezone(TOKYO):%d %H:%M}"


def change(database, clock, **options):
    return change_rules(database, "default", read_rules(**options), by="hanako", now=clock.now())


def launch(database, folder, text, *, clock):
    apply_text(database, folder, text, clock=clock)
    (launched,) = do_what_is_due(database, clock=clock, prices=prices)
    assert not launched.problem
    return {row["phone_number"]: row for row in rows(database, "campaign_recipients")}


def test_each_person_s_text_waits_for_the_hours_that_they_prefer(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001", preferred_time="14:30-18:00")
    add_customer(database, user_id, "+819011110002", preferred_time="22:00-23:00")
    add_customer(database, user_id, "+819011110003")

    found = launch(database, tmp_path, PROMOTIONAL, clock=clock)

    told = {phone[-1]: (local(row["send_after"]), local(row["expires_at"])) for phone, row in found.items()}
    assert told == {
        "1": ("15 14:30", "15 16:00"),
        "2": ("15 10:00", "15 20:00"),
        "3": ("15 10:00", "15 20:00"),
    }
    assert [found[f"+81901111000{n}"]["preferred_time"] for n in (1, 2, 3)] == ["14:30-18:00", None, None]


def test_a_tenant_s_windows_hold_from_the_next_launch_on_and_are_pinned_to_it(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001")
    change(database, clock, windows=["promotional=12:00-13:00"], quiet_hours="20:00-09:00")

    (recipient,) = launch(database, tmp_path, PROMOTIONAL, clock=clock).values()

    assert local(recipient["send_after"]) == "15 12:00"
    change(database, clock, windows=["promotional=default"])
    pinned = only(database, "campaign_occurrences")["definition"]
    assert (pinned["window"], pinned["quiet_hours"]) == (["12:00-13:00"], "20:00-09:00")
    written = only(database, "sms_campaigns")["definition"]
    assert (written["window"], written["quiet_hours"]) == (None, None)


def test_what_a_campaign_says_itself_beats_the_tenant_s_rules(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001")
    change(database, clock, windows=["promotional=12:00-13:00"], closed=["sun"])

    own = PROMOTIONAL.replace("type:", "window: 15:00-16:00, closed: {}, type:")
    (recipient,) = launch(database, tmp_path, own, clock=clock).values()

    assert local(recipient["send_after"]) == "15 15:00"


@pytest.mark.parametrize(
    ("told", "send_after"),
    [
        pytest.param("type: promotional", "16 09:00", id="promotional"),
        pytest.param("type: blast", "16 08:00", id="blast"),
        pytest.param("type: promotional, priority: urgent", "15 10:00", id="urgent"),
    ],
)
def test_on_a_closing_day_only_what_is_urgent_leaves(database, user_id, clock, tmp_path, told, send_after):
    add_customer(database, user_id, "+819011110001")
    change(database, clock, closed=["sun"])

    found = launch(database, tmp_path, PROMOTIONAL.replace("type: promotional", told), clock=clock)

    assert local(found["+819011110001"]["send_after"]) == send_after


def test_what_is_sent_by_hand_waits_for_quiet_hours_only(database, user_id, clock):
    change(database, clock, closed=["sun"], windows=["blast=12:00-13:00"], quiet_hours="20:00-11:00")

    send_directly(
        database,
        tenant_of(database),
        definition=define_direct("k", {"message": "Hello"}, defaults_zone="Asia/Tokyo"),
        addressees=[Addressee("+819011110001")],
        clock=clock,
        prices=prices,
    )

    assert local(only(database, "campaign_recipients")["send_after"]) == "15 11:00"


def test_a_campaign_that_the_rules_shut_out_is_refused(database, user_id, clock, tmp_path):
    change(database, clock, quiet_hours="18:00-12:00")

    with pytest.raises(RefusedError, match='campaign "spring": no text could ever leave by the rules of "default"'):
        apply_text(database, tmp_path, PROMOTIONAL.replace("type:", "window: 09:00-11:00, type:"), clock=clock)


def test_a_claim_leaves_those_alone_whose_own_hours_are_over(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3, expires_in=timedelta(hours=30))
    with database.transaction() as connection:
        for id_, preferred in zip(seeded.recipient_ids, ("08:00-09:00", "09:00-12:00", None), strict=True):
            connection.execute("UPDATE campaign_recipients SET preferred_time = %s WHERE id = %s", [preferred, id_])
    register_senders(database, provider="scripted", default_sender=SENDER, parts_per_second=4000)
    claimer = Claimer(new_id(), provider="scripted", default_sender=SENDER)

    work = claimer.claim(database, slots=10, now=clock.now()).work

    assert {each.claimed.id for each in work} == set(seeded.recipient_ids[1:])
    waiting = next(row for row in rows(database, "campaign_recipients") if row["status"] == "pending")
    assert (waiting["id"], local(waiting["send_after"])) == (seeded.recipient_ids[0], "16 08:00")


def test_the_validity_of_a_text_ends_with_the_hours_that_a_person_prefers(database, user_id, clock):
    seed_campaign(database, user_id, now=clock.now(), texts=1, expires_in=timedelta(hours=9))
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET preferred_time = '08:00-10:30'")
    register_senders(database, provider="scripted", default_sender=SENDER, parts_per_second=4000)

    (work,) = (
        Claimer(new_id(), provider="scripted", default_sender=SENDER).claim(database, slots=1, now=clock.now()).work
    )

    assert work.validity < timedelta(minutes=30)


def test_what_waits_for_a_window_is_deferred_by_the_hours_that_people_prefer(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET preferred_time = '12:00-13:00' WHERE id = %s", [seeded.recipient_ids[0]]
        )
        moved = recipients.defer(
            connection,
            user_id,
            occurrence_id=seeded.occurrence_id,
            timezone="Asia/Tokyo",
            preferred_time="12:00-13:00",
            opens_at=clock.now() + timedelta(hours=2),
            now=clock.now(),
        )

    assert moved == 1


def test_a_retry_goes_at_the_hours_that_each_person_prefers(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2, expires_in=timedelta(hours=9))
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed', reason = 'carrier'")
        connection.execute(
            "UPDATE campaign_recipients SET preferred_time = '15:00-17:00' WHERE id = %s", [seeded.recipient_ids[0]]
        )

    retried = retry(database, user_id, name="spring", wish=Wish(FAILED, reason="again"), clock=clock)

    assert retried.waiting == 2
    times = {row["id"]: local(row["send_after"]) for row in rows(database, "campaign_recipients")}
    assert [times[each] for each in seeded.recipient_ids] == ["15 15:00", "15 10:00"]


def test_a_retry_with_little_time_does_not_leave_out_who_prefers_another_hour(database, user_id, clock):
    seed_campaign(database, user_id, now=clock.now(), texts=1, expires_in=timedelta(hours=9))
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'failed', reason = 'carrier', preferred_time = '15:00-17:00'"
        )

    wish = Wish(FAILED, reason="again", more_time=timedelta(hours=2))
    retried = retry(database, user_id, name="spring", wish=wish, clock=clock)

    assert retried.waiting == 1
    recipient = only(database, "campaign_recipients")
    assert (local(recipient["send_after"]), recipient["preferred_time"]) == ("15 10:00", None)


def test_a_retry_of_a_sequence_goes_in_the_window_of_each_step(database, user_id, clock):
    steps = [{"message": "hello"}, {"message": "more", "window": "15:00-16:00"}]
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2, type="drip", window="09:00-11:00", steps=steps)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed', reason = 'carrier', step = '1/2'")
        connection.execute("UPDATE campaign_recipients SET step = '2/2' WHERE id = %s", [seeded.recipient_ids[1]])

    wish = Wish(FAILED, reason="again", more_time=timedelta(days=1))
    retried = retry(database, user_id, name="spring", wish=wish, clock=clock)

    assert retried.waiting == 2
    times = {row["id"]: local(row["send_after"]) for row in rows(database, "campaign_recipients")}
    assert [times[each] for each in seeded.recipient_ids] == ["15 10:00", "15 15:00"]


# What people answered


def respond(database, user_id, phone: str, *hours: int, day: int = 1):
    with database.transaction() as connection:
        for number, hour in enumerate(hours):
            at = datetime(2026, 2, 1 + (day + number) % 28, hour, 15, tzinfo=TOKYO)
            connection.execute(
                "INSERT INTO responses (user_id, id, kind, phone_number, at) VALUES (%s, %s, 'reply', %s, %s)",
                [user_id, new_id(), phone, at],
            )


def test_who_has_answered_is_texted_at_that_hour_and_the_others_at_the_hour_of_most(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001")
    add_customer(database, user_id, "+819011110002")
    respond(database, user_id, "+819011110001", 12, 12, 12)
    respond(database, user_id, "+819011110009", *[18] * 30)

    found = launch(database, tmp_path, LEARNED, clock=clock)

    assert [local(found[f"+81901111000{n}"]["send_after"]) for n in (1, 2)] == ["15 12:00", "15 18:00"]


def test_with_too_few_answers_a_text_leaves_as_the_window_opens(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001")
    respond(database, user_id, "+819011110001", 12, 12)

    found = launch(database, tmp_path, LEARNED, clock=clock)

    assert local(found["+819011110001"]["send_after"]) == "15 10:00"


def test_answers_are_read_by_person_and_a_visit_counts_for_the_text_before_it(database, user_id, clock):
    now = clock.now()
    seeded = seed_campaign(database, user_id, now=now, texts=2)
    came, phones = now.date(), [row["phone_number"] for row in rows(database, "campaign_recipients")]
    add_customer(database, user_id, phones[0], last_visit_date=came)
    add_customer(database, user_id, phones[1], last_visit_date=came - timedelta(days=30))
    respond(database, user_id, phones[1], 20)
    with database.transaction() as connection:
        for days, phone in ((2, phones[0]), (4, phones[0]), (2, phones[1]), (400, phones[0])):
            connection.execute(
                "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
                " attempt, parts, started_at, outcome, provider_message_id)"
                " VALUES (%s, %s, %s, %s, %s, 'twilio', '+1', 1, 1, %s, 'accepted', gen_random_uuid())",
                [user_id, new_id(), new_id(), seeded.occurrence_id, phone, now - timedelta(days=days)],
            )
        recipe = learning(connection, user_id, now)
        rows_of = [(None, phone, None) for phone in (*phones, None)]
        found = answers_of(connection, user_id, rows_of, recipe=recipe)

    assert found[phones[0]] == [now - timedelta(days=2)]
    assert [each.astimezone(TOKYO).hour for each in found[phones[1]]] == [20]
    assert recipe.habit.total == 2


def learning(connection, user_id, now: datetime):
    definition = CampaignDefinition(name="spring", message="Spring", segment="all", best_time="learned")
    recipe = Recipe.of(definition, Content("Spring"), tenant=tenant_by_key(connection, user_id), wish=now)
    return with_habit(connection, user_id, recipe, definition=definition)


def test_answers_of_a_person_whose_zone_does_not_exist_count_in_the_campaign_s(database, user_id, clock):
    add_customer(database, user_id, "+819011110001", timezone="Asia/Osaka")
    respond(database, user_id, "+819011110001", 20)

    with database.transaction() as connection:
        habit = learning(connection, user_id, clock.now()).habit

    assert habit.answers[20] == habit.total == 1


# A tenant's rules


def test_rules_are_changed_one_by_one_and_on_record(database, user_id, clock):
    change(database, clock, windows=["promotional=9:00-11:00,14:00-16:00", "blast=10:00-12:00"])
    change(database, clock, windows=["blast=default", "urgent=08:00-22:00"], quiet_hours="22:00-07:00")

    rules = TenantRules.from_payload(tenant_of(database).rules)
    assert rules.windows == {"promotional": ("09:00-11:00", "14:00-16:00"), "urgent": ("08:00-22:00",)}
    assert rules.quiet_hours == "22:00-07:00"
    first, second = rows(database, "audit_log", order="at, id")
    assert (first["action"], first["before"]) == ("tenant.rules", {})
    assert second["before"] == first["after"]


def test_all_rules_can_be_taken_back(database, user_id, clock):
    change(database, clock, windows=["promotional=9:00-11:00"], quiet_hours="22:00-07:00")

    change(database, clock, windows=["promotional=default"], quiet_hours="default")

    assert tenant_of(database).rules == {}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({"windows": ["promo=9:00-11:00"]}, '"promo" is not a type', id="no type"),
        pytest.param({"windows": ["promotional"]}, '"promotional" has no value', id="no window"),
        pytest.param({"windows": ["promotional=9-11"]}, '"9-11" is not a window of the day', id="no times"),
        pytest.param({"quiet_hours": "late"}, '"late" is not a window of the day', id="no quiet hours"),
        pytest.param({"quiet_hours": "00:00-24:00"}, "no blast text could ever leave", id="always quiet"),
        pytest.param({"windows": ["reminder=22:00-23:00"]}, "no reminder text could ever leave", id="a quiet window"),
        pytest.param({"closed": ["1,2,3,4,5,6,7"]}, "could ever leave", id="closed for good"),
    ],
)
def test_rules_that_are_none_are_refused_and_nothing_is_changed(database, user_id, clock, options, complaint):
    refused = RefusedError if "ever leave" in complaint else UsageError
    with pytest.raises(refused, match=complaint):
        change(database, clock, **options)

    assert tenant_of(database).rules == {}


def test_the_rules_of_nobody_cannot_be_changed(database, clock):
    with pytest.raises(StateError, match='there is no tenant "gone"'):
        change_rules(database, "gone", {}, by="hanako", now=clock.now())


def test_the_package_s_own_rules_leave_every_type_some_time():
    assert never_open(TenantRules()) == ""


def test_a_campaign_from_before_takes_its_windows_from_the_rules(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819011110001")
    apply_text(database, tmp_path, EVENING, clock=clock)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE sms_campaigns SET definition = definition || %s", [Jsonb({"window": None, "quiet_hours": None})]
        )
    change(database, clock, windows=["blast=18:00-19:00"])

    do_what_is_due(database, clock=clock, prices=prices)

    assert only(database, "campaign_recipients")["send_after"] == datetime(2026, 3, 15, 9, tzinfo=UTC)
