from pathlib import Path

from lumiere_sms.settings import Settings
from lumiere_sms.verification.pace import PacePlan, prove_pace


def test_four_daemons_keep_one_pace_in_every_window_of_time(server_url, tmp_path: Path):
    settings = Settings(data_dir=tmp_path, database_url=server_url)

    proof = prove_pace(settings, PacePlan(daemons=4, parts_per_second=20, seconds=3), progress=lambda *_: None)

    assert (proof.texts, proof.largest) == (50, 2)
    assert [window for window in proof.windows if not window.holds] == []
    assert proof.holds
