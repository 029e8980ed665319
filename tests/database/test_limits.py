import pytest
from support.salon import rows
from support.seeds import seed_campaign

from lumiere_sms.database.tenants import create_tenant, find_tenant
from lumiere_sms.errors import StateError, UsageError
from lumiere_sms.sending.limit_listing import list_limits
from lumiere_sms.sending.limits import read_wish, set_campaign_limit, set_sender_limits, set_tenant_limits
from lumiere_sms.sending.senders import register_senders

SENDER = "+15005550006"


@pytest.fixture
def tenant(database):
    register_senders(database, provider="twilio", default_sender=SENDER, parts_per_second=1)
    return find_tenant(database, "default")


@pytest.fixture
def set_limits(database, tenant):
    def call(*, sender: str = SENDER, **wish: str) -> None:
        read = read_wish(**wish)
        set_sender_limits(database, tenant, provider="twilio", sender=sender, wish=read, parts_per_second=1)

    return call


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        pytest.param({"per_second": "0"}, '"0" parts a second is no pace', id="nothing"),
        pytest.param({"per_minute": "-5"}, '"-5" parts a minute is no pace', id="negative"),
        pytest.param({"per_second": "1e99"}, '"1e99" parts a second is no pace', id="absurd"),
        pytest.param({"per_day": "nan"}, '"nan" parts a day is no pace', id="not a number that compares"),
        pytest.param({"per_day": "2.5"}, '"2.5" parts a day: parts are counted whole', id="half a part"),
        pytest.param({"per_second": "many"}, '"many" is no number of parts', id="a word"),
        pytest.param({"zone": "Asia/Tokio"}, '"Asia/Tokio" is no time zone', id="a zone that is none"),
        pytest.param({}, "no limit is named", id="none at all"),
    ],
)
def test_what_is_no_limit_is_refused_with_a_sentence(wish, said):
    with pytest.raises(UsageError) as refusal:
        read_wish(**wish)

    assert str(refusal.value).startswith(said)
    assert refusal.value.hint or "whole" in said


def test_a_pace_that_was_set_outlives_the_setting_until_it_is_lifted(database, tenant, set_limits):
    set_limits(per_second="3", per_day="1,000", zone="America/New_York")
    register_senders(database, provider="twilio", default_sender=SENDER, parts_per_second=7)
    (held,) = list_limits(database, tenant, now=None)
    set_limits(per_second="none", per_day="none")
    register_senders(database, provider="twilio", default_sender=SENDER, parts_per_second=7)
    (lifted,) = list_limits(database, tenant, now=None)

    assert (held.per_second, held.per_day, held.zone) == (3, 1000, "America/New_York")
    assert (lifted.per_second, lifted.per_day) == (7, None)


def test_a_change_is_kept_with_who_made_it_and_what_was_before(database, user_id, set_limits):
    set_limits(per_second="3", by="kimura")
    set_limits(per_minute="30", by="sato")

    log = rows(database, "audit_log", order="at, id")
    assert [(each["actor"], each["action"], each["subject"]) for each in log] == [
        ("kimura", "limit.set", f"twilio {SENDER}"),
        ("sato", "limit.set", f"twilio {SENDER}"),
    ]
    assert (log[1]["before"]["parts_per_minute"], log[1]["after"]["parts_per_minute"]) == (None, 30)


def test_a_sender_of_somebody_else_is_not_limited(database, tenant, set_limits):
    other = create_tenant(database, "other", sender="+15005550099")
    register_senders(database, provider="twilio", default_sender=SENDER, parts_per_second=1)
    with database.transaction() as connection:
        connection.execute("UPDATE pace_limits SET owner = %s WHERE sender = '+15005550099'", [other.id])

    with pytest.raises(StateError, match=r'you have no sender "\+15005550099" at twilio') as refusal:
        set_limits(sender="+15005550099", per_second="1")

    assert refusal.value.hint == f"yours: {SENDER}"


def test_a_tenants_limit_is_listed_with_its_own_use(database, tenant):
    set_tenant_limits(database, tenant, wish=read_wish(per_day="500"))

    shown = {each.scope: each for each in list_limits(database, tenant, now=None)}

    assert (shown["tenant"].name, shown["tenant"].per_day, shown["tenant"].left_today) == ("all senders", 500, 500)
    assert shown["tenant"].per_second is None


def test_a_run_takes_its_new_pace_at_once_and_keeps_its_definition(database, user_id, clock, tenant):
    seed_campaign(database, user_id, now=clock.now(), texts=1, send_rate_per_minute=60)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET started_at = now()")

    set_campaign_limit(database, tenant, name="spring", wish=read_wish(per_minute="600"))

    (run,), (campaign,) = rows(database, "campaign_occurrences"), rows(database, "sms_campaigns")
    assert run["send_rate_per_minute"] == 600
    assert (campaign["revision"], campaign["definition"]["send_rate_per_minute"]) == (1, 60)


def test_a_campaign_that_is_to_come_is_revised(database, user_id, clock, tenant):
    seed_campaign(database, user_id, now=clock.now(), texts=1, status="scheduled")
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_occurrences SET status = 'scheduled'")

    set_campaign_limit(database, tenant, name="spring", wish=read_wish(per_minute="600"))

    (run,), (campaign,) = rows(database, "campaign_occurrences"), rows(database, "sms_campaigns")
    assert (run["send_rate_per_minute"], campaign["send_rate_per_minute"]) == (600, 600)
    assert (campaign["revision"], campaign["source"]) == (2, "command")
    assert campaign["definition"]["send_rate_per_minute"] == 600


def test_a_campaign_has_no_other_limit_and_none_when_it_is_over(database, user_id, clock, tenant):
    seed_campaign(database, user_id, now=clock.now(), texts=1, status="completed")

    with pytest.raises(UsageError, match="by the minute, and nothing else"):
        set_campaign_limit(database, tenant, name="spring", wish=read_wish(per_day="600"))
    with pytest.raises(StateError, match="is over"):
        set_campaign_limit(database, tenant, name="spring", wish=read_wish(per_minute="600"))
