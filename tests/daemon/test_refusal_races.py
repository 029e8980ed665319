"""Refusals that are committed while daemons send: `tests/benchmarks/run.py refusals` is the large one."""

from support.refusals import ONE_IN, race

from lumiere_sms.audience.consent_rows import check as check_consents
from lumiere_sms.database.audit import check

TEXTS, DAEMONS = 600, 4


def test_nobody_is_texted_whose_refusal_was_committed_before_the_arm_and_nobody_else_is_lost(
    database, user_id, tmp_path
):
    found = race(database, tmp_path, user_id=user_id, texts=TEXTS, daemons=DAEMONS)

    assert (found.late, found.twice, found.lost, found.unconfirmed) == (0, 0, 0, 0), found
    assert found.refused == TEXTS // ONE_IN
    assert 0 < found.in_time < found.refused
    assert found.ways.keys() == {"reply", "link", "operator", "provider"}
    assert found.codes == [0] * DAEMONS
    assert check_consents(database, user_id).is_whole
    assert check(database, user_id).breaks == ()
