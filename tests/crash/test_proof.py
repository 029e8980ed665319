import re

import pytest
from support.processes import environment, run

from lumiere_sms.settings import Settings
from lumiere_sms.verification.crash import CrashPlan, prove_crash
from lumiere_sms.verification.fates import Moment


@pytest.fixture
def prove(server_url, tmp_path):
    """The proof, small and fast: `lumiere-sms verify crash` is the large one."""

    def prove_small(**plan):
        settings = Settings(data_dir=tmp_path, database_url=server_url)
        return prove_crash(settings, CrashPlan(speed=20, **plan), progress=lambda *_: None, say=lambda _: None)

    return prove_small


def test_whatever_a_daemon_is_killed_at_nobody_gets_two_texts_and_nobody_is_lost(prove):
    proof = prove(texts=240, kills=16)

    assert (proof.verdict.duplicates, proof.verdict.lost) == (0, 0), proof
    assert set(Moment) - proof.kills.keys() <= {Moment.IN_RECONCILE}  # which may come too late
    assert proof.verdict.unknown == 0
    assert proof.verdict.found > 0
    assert proof.verdict.absent > 0
    assert proof.words == ()


def test_the_command_fails_where_what_is_unknown_is_sent_again_at_once(server_url, tmp_path):
    done = run(
        *("verify", "crash", "--naive", "--texts=160", "--kills=6", "--daemons=2", "--speed=20", "--seed=2"),
        env=environment(tmp_path, database_url=server_url),
    )

    assert done.returncode == 1, done.stderr
    assert re.search(r"^duplicates +[1-9]", done.stdout, re.MULTILINE), done.stdout
