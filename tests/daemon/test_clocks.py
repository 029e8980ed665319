import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import environment, other_side_of_the_clock
from support.salon import add_customers, apply_text, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.clock import SystemClock
from lumiere_sms.daemon import Runner
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_server import TwilioServer

HOUR, SOON = timedelta(hours=1), timedelta(minutes=30)


class Wrong(SystemClock):
    """The clock of a host that is off; the database's own is right."""

    def __init__(self, off: timedelta) -> None:
        self._off = off

    def now(self) -> datetime:
        return super().now() + self._off


@pytest.mark.parametrize("off", [pytest.param(HOUR, id="fast"), pytest.param(-HOUR, id="slow")])
def test_a_daemon_whose_clock_is_an_hour_off_changes_nothing(database, database_url, user_id, tmp_path, off):
    now, quiet_hours = datetime.now(UTC), other_side_of_the_clock()
    about = {"texts": 5, "quiet_hours": quiet_hours}
    seed_campaign(database, user_id, now=now, name="due", expires_in=SOON, **about)
    seed_campaign(database, user_id, now=now + SOON, name="later", first=10, **about)
    seed_campaign(database, user_id, now=now - HOUR, name="over", first=20, expires_in=HOUR, **about)
    add_customers(database, user_id, 2)
    soon = (now + SOON).isoformat(timespec="minutes")
    text = f'campaigns:\n  next: {{message: hi, segment: all, schedule: "{soon}", quiet_hours: "{quiet_hours}"}}\n'
    apply_text(database, tmp_path, text, clock=SystemClock())

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, LUMIERE_SMS_PARTS_PER_SECOND="100")
        runtime = Runtime(Settings.read(env), clock=Wrong(off))
        summary = asyncio.run(Runner(runtime, seconds_between_polls=0).run(once=True))
        runtime.close()

    assert sorted(each.phone for each in server.accepted) == [phone(number) for number in range(5)]
    assert (summary.launched, summary.texts) == ((), {"accepted": 5})
    assert statuses(database, user_id, name="later") == {"pending": 5}
    assert statuses(database, user_id, name="over") == {"expired": 5}
    for row in rows(database, "submissions"):
        assert abs(row["started_at"] - now) < SOON


def test_a_campaign_that_goes_now_is_dated_by_the_database_whatever_the_hosts_clock_says(database, user_id, tmp_path):
    add_customers(database, user_id, 1)

    apply_text(database, tmp_path, "campaigns:\n  s: {message: a, segment: all, schedule: now}\n", clock=Wrong(HOUR))

    (occurrence,) = rows(database, "campaign_occurrences")
    assert abs(occurrence["occurs_at"] - datetime.now(UTC)) < SOON
