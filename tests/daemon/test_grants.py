import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from support.processes import environment, other_side_of_the_clock, run
from support.seeds import seed_campaign

from lumiere_sms.testing.twilio_server import TwilioServer


@pytest.fixture
def role(server_url: str, database_url: str) -> Iterator[str]:
    """A role that may do nothing, and is gone afterwards."""
    name = f"sms_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE ROLE {name}")
        yield name
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(f"DROP OWNED BY {name}")
        server.execute(f"DROP ROLE {name}")


def test_a_daemon_of_the_granted_role_sends_and_cannot_rewrite_the_log(database, database_url, user_id, role, tmp_path):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=1, quiet_hours=other_side_of_the_clock())
    printed = run("db", "grants", role, env=environment(tmp_path, database_url=database_url))
    with psycopg.connect(database_url) as owner:
        owner.execute(printed.stdout)
    theirs = make_conninfo(database_url, options=f"-c role={role}")

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=theirs, server=server, LUMIERE_SMS_PARTS_PER_SECOND="2000")
        sent = run("run", "--once", "--json", env=env)
        noted = run("tenant", "set", "--quiet-hours", "22:00-07:00", env=env)
        verified = run("audit", "verify", "--json", env=env)
        examined = run("doctor", env=env)

    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["texts"] == {"accepted": 1}
    assert noted.returncode == 0, noted.stderr
    assert json.loads(verified.stdout)["entries"] == 2
    assert "the database takes them" in examined.stdout
    with psycopg.connect(theirs) as connection:
        for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "DELETE FROM consents"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)
