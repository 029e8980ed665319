"""What the clock on each person's wall shows as their text leaves, read minute by minute and by nothing of ours."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.salon import add_customer, apply_text, rows

from lumiere_sms.campaigns.retrying import Wish, retry
from lumiere_sms.campaigns.tenant_rules import change_rules, read_rules
from lumiere_sms.database.identifiers import new_id

MINUTE, EXPIRES = timedelta(minutes=1), timedelta(days=3)
PROMOTIONAL = ((9, 11), (14, 16), (19, 20))
NIGHT = ((0, 3), (22.5, 24))
#: Fifteen minutes off, a change of half an hour, one at one in the morning, one at midnight, and none.
ZONES = ("Asia/Kathmandu", "Australia/Lord_Howe", "Europe/London", "Asia/Beirut", "Asia/Tokyo")
TEXT = """
campaigns:
  spring: {{message: Hello, segment: all, schedule: now, expires_after: 3d, send_rate_per_minute: 60000, {told}}}
"""


@dataclass(frozen=True)
class Case:
    launched: str
    told: str
    windows: tuple[tuple[float, float], ...] = PROMOTIONAL
    quiet: tuple[float, float] = (21, 8)
    closed: tuple[date, ...] = ()
    preferred: tuple[tuple[float, float] | None, ...] = (None, (9.5, 15), (22, 9.5))
    is_at_once: bool = True


NIGHTLY = 'type: blast, window: ["00:00-03:00", "22:30-24:00"], quiet_hours: "05:00-06:00"'
NIGHTS = {"windows": NIGHT, "quiet": (5, 6), "preferred": (None, (1.25, 4), (12, 14))}
CASES = [
    pytest.param(Case("2026-03-28T12:30+00:00", NIGHTLY, **NIGHTS), id="London and Beirut spring forward"),
    pytest.param(Case("2026-10-24T12:30+00:00", NIGHTLY, **NIGHTS), id="London and Beirut fall back"),
    pytest.param(Case("2026-10-03T12:30+00:00", NIGHTLY, **NIGHTS), id="Lord Howe springs forward"),
    pytest.param(Case("2026-04-04T12:30+00:00", NIGHTLY, **NIGHTS), id="Lord Howe falls back"),
    pytest.param(Case("2026-10-24T12:30+00:00", f"{NIGHTLY}, spread: window", **NIGHTS, is_at_once=False), id="spread"),
    pytest.param(
        Case("2026-03-28T12:30+00:00", f"{NIGHTLY}, best_time: learned", **NIGHTS, is_at_once=False), id="learned"
    ),
    pytest.param(
        Case("2026-03-28T12:30+00:00", "type: promotional", closed=(date(2026, 3, 29), date(2026, 3, 30))),
        id="closed as the clocks change",
    ),
]


def is_open(case: Case, instant: datetime, zone: str, preferred: tuple[float, float] | None) -> bool:
    shown = instant.astimezone(ZoneInfo(zone))
    hour = shown.hour + shown.minute / 60
    wanted = preferred is None or is_within(hour, preferred)
    loud = shown.date() not in case.closed and not is_within(hour, case.quiet)
    return wanted and loud and any(is_within(hour, window) for window in case.windows)


def is_within(hour: float, span: tuple[float, float]) -> bool:
    first, last = span
    return first <= hour < last if first < last else hour >= first or hour < last


def told(hour: float) -> str:
    return f"{int(hour):02}:{int(hour % 1 * 60):02}"


def minutes_of(case: Case, zone: str, preferred: tuple[float, float] | None) -> list[datetime]:
    """The minutes at which a person may be texted: those that they prefer, where there are any."""
    launched = datetime.fromisoformat(case.launched)
    minutes = [launched + n * MINUTE for n in range(EXPIRES // MINUTE)]
    usual = [minute for minute in minutes if is_open(case, minute, zone, None)]
    return [minute for minute in usual if is_open(case, minute, zone, preferred)] or usual


@pytest.mark.parametrize("case", CASES)
def test_every_text_leaves_while_the_clock_of_its_person_shows_what_is_open(
    database, user_id, clock, tmp_path, life, case
):
    people = {}
    for number, (zone, preferred) in enumerate((zone, hours) for zone in ZONES for hours in case.preferred):
        phone, wish = f"+8190{number:08}", preferred and f"{told(preferred[0])}-{told(preferred[1])}"
        add_customer(database, user_id, phone, timezone=zone, preferred_time=wish)
        people[phone] = zone, preferred
    launched = datetime.fromisoformat(case.launched)
    clock.advance(launched - clock.now())
    answer(database, user_id, min(people), hour=1, zone=ZONES[0])
    closed = [day.isoformat() for day in case.closed]
    change_rules(database, "default", read_rules(closed=closed), by="hanako", now=clock.now())
    apply_text(database, tmp_path, TEXT.format(told=case.told), clock=clock)
    life.look()
    planned = {row["phone_number"]: row["send_after"] for row in rows(database, "campaign_recipients")}

    first = send_all(database, clock, life)
    fail(database)
    retry(database, user_id, name="spring", wish=Wish(("failed",), more_time=EXPIRES), clock=clock)
    again = send_all(database, clock, life)

    assert sorted(first) == sorted(again) == sorted(people)
    for phone, (zone, preferred) in people.items():
        minutes = minutes_of(case, zone, preferred)
        left, until = first[phone]
        assert left == planned[phone], "it was not put off at its claim"
        assert left.replace(second=0) in minutes, (zone, preferred, left.astimezone(ZoneInfo(zone)))
        assert not case.is_at_once or left.replace(second=0) == minutes[0], (zone, preferred, left)
        for instant in (until - MINUTE, *again[phone]):
            narrows = is_open(case, minutes[0], zone, preferred)
            assert is_open(case, instant, zone, preferred if narrows else None), (zone, preferred, instant)


def answer(database, user_id, phone: str, *, hour: int, zone: str):
    with database.transaction() as connection:
        for day in (1, 2, 3):
            at = datetime(2026, 2, day, hour, 30, tzinfo=ZoneInfo(zone))
            connection.execute(
                "INSERT INTO responses (user_id, id, kind, phone_number, at) VALUES (%s, %s, 'reply', %s, %s)",
                [user_id, new_id(), phone, at],
            )


def send_all(database, clock, life) -> dict[str, tuple[datetime, datetime]]:
    """Leap from text to text; return when each left, and until when its provider may keep it."""
    begun = len(life.provider.accepted)
    while waiting := [row["send_after"] for row in rows(database, "campaign_recipients") if row["status"] == "pending"]:
        clock.advance(max(timedelta(0), min(waiting) - clock.now()))
        life.send()
    left = {row["id"]: row["started_at"] for row in rows(database, "submissions")}
    messages = life.provider.accepted[begun:]
    return {each.to: (left[each.attempt_id], left[each.attempt_id] + each.validity) for each in messages}


def fail(database):
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed', reason = 'carrier'")
        connection.execute("UPDATE submissions SET receipt_status = 'undelivered'")
