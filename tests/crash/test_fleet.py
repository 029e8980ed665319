from datetime import UTC, datetime

from support.processes import wait_until

from lumiere_sms.verification.fates import Fate, Moment
from lumiere_sms.verification.fleet import Fleet

NOWHERE = {"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}


def test_a_daemon_that_ends_by_itself_is_no_kill_and_another_meets_its_fate(tmp_path):
    fate = Fate(Moment.AFTER_CALL)
    fleet = Fleet(tmp_path, size=1, settings=NOWHERE, speed=1, since=datetime.now(UTC), fates=[fate])

    with fleet.running():
        wait_until(lambda: fleet.look() or fleet.ended["4"] == 2)

    assert fleet.kills.total() == 0
    assert [path.name for path in sorted(tmp_path.glob("*.log"))] == ["daemon1.log", "daemon2.log", "daemon3.log"]
    assert "the database cannot be reached" in (tmp_path / "daemon1.log").read_text("utf-8")
