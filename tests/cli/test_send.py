import pytest
from support.processes import environment, run

from lumiere_sms.database.connection import Database


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("send", "--to", "+819012345678", "--message", "hello", "--wait"), id="send"),
        pytest.param(("send", "--to", "+819012345678", "--message", "hello", "--wait", "--key", "once"), id="by key"),
    ],
)
def test_what_cannot_be_sent_now_is_not_written_down_to_be_sent_later(
    database: Database, database_url, tmp_path, command
):
    done = run(*command, env=environment(tmp_path, database_url=database_url))

    assert done.returncode == 4
    assert "TWILIO_ACCOUNT_SID" in done.stderr
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM campaign_recipients").fetchone() == {"count": 0}
