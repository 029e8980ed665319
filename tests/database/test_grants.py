"""What the daemon's role may do is enough for all that daemons and commands do to what is kept of people."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from support.salon import add_customer, tenant_of
from support.seeds import phone

from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.audience.suppressions import Words
from lumiere_sms.campaigns.retention_options import read_retention
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.audit import check
from lumiere_sms.database.connection import Database
from lumiere_sms.database.grants import grants
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.privacy.retention import apply_retention
from lumiere_sms.providers.base import Receipt, ReceiptStatus, Reply
from lumiere_sms.providers.codes import twilio_meaning
from lumiere_sms.tracking.receipts import apply_receipts
from lumiere_sms.tracking.replies import apply_replies


@pytest.fixture
def theirs(database_url: str, server_url: str) -> Iterator[Database]:
    """The database as the daemon's role sees it."""
    role = f"sms_{uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role}")
        for statement in grants(role):
            owner.execute(statement)
        theirs = Database(make_conninfo(database_url, options=f"-c role={role}"))
        yield theirs
        theirs.close()
        owner.execute(f"DROP OWNED BY {role}")
        owner.execute(f"DROP ROLE {role}")


def test_the_daemons_role_takes_in_erases_and_lets_go(theirs, user_id, clock):
    tenant, now = tenant_of(theirs), clock.now()
    kept = read_retention(["texts=60d,answers=60d,events=60d,people=60d"])
    change_rules(theirs, "default", {"retention": kept}, by="operator", now=now)
    for number in range(3):
        add_customer(theirs, user_id, phone(number), external_id=f"C{number}", created_at=now, updated_at=now)
    answer = Reply("R1", "+819099999999", "+1", "thanks", now)
    receipt = Receipt("SM1", ReceiptStatus.DELIVERED)
    with theirs.transaction() as connection:
        grant(connection, tenant, "C0", Said(("promotional",), words=Words(evidence={"paper": "folder 3"})), now=now)
        revoke(connection, tenant, "C1", Said(("promotional", "reminder")), now=now)
        apply_replies(connection, user_id, [answer], provider="scripted", now=now)
        told = {"provider": "twilio", "source": "poll", "meaning_of": twilio_meaning, "now": now}
        apply_receipts(connection, user_id, [receipt], **told)

    erase_person(theirs, tenant, "C0", now=now)
    clock.advance(timedelta(days=90))

    assert finish_erasures(theirs, clock=clock) == 1
    assert apply_retention(theirs, clock=clock) == {"answers": 1, "events": 1, "people": 2}
    assert not check(theirs, user_id).breaks


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE consents SET is_granted = true",
        "DELETE FROM consents",
        "UPDATE delivery_events SET status = 'delivered'",
        "TRUNCATE delivery_events",
    ],
)
def test_the_daemons_role_cannot_rewrite_what_is_proof(theirs, statement):
    with pytest.raises(ConfigurationError, match="permission denied"), theirs.transaction() as connection:
        connection.execute(statement)
