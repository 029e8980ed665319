from datetime import timedelta

import pytest
from support.salon import add_customer, apply_text, tenant_of

from lumiere_sms.audience.consent_rows import check
from lumiere_sms.audience.consents import Said, grant
from lumiere_sms.audience.proof import prove
from lumiere_sms.audience.suppressions import Words
from lumiere_sms.database import audit
from lumiere_sms.errors import StateError
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

NUMBER = "+819012345678"
SPRING = """
campaigns:
  spring: {type: promotional, segment: all, schedule: now, message: "春です 配信停止はご返信を"}
"""


@pytest.fixture
def proof_of(database):
    def look(key):
        with database.transaction(read_only=True) as connection:
            return prove(connection, tenant_of(database), key)

    return look


@pytest.fixture
def erased(database, user_id, clock, tmp_path, life):
    """Somebody who agreed on paper, was texted, refused by an answer and was erased; until when it is provable."""
    add_customer(database, user_id, NUMBER, external_id="S7", last_name="桜庭", allow_promotional=False)
    with database.transaction() as connection:
        said = Said(("promotional",), "form", Words("配信に同意します", {"note": "二番の棚"}))
        grant(connection, tenant_of(database), "S7", said, now=clock.now())
    apply_text(database, tmp_path, SPRING, clock=clock)
    life()
    clock.advance(timedelta(minutes=1))
    with database.transaction() as connection:
        stop = Reply("IN1", NUMBER, "+15005550006", "STOP", clock.now())
        apply_replies(connection, user_id, [stop], provider="scripted", now=clock.now())
    return erase_person(database, tenant_of(database), NUMBER, now=clock.now()).keep_until


def test_the_proof_of_who_was_erased_says_who_agreed_to_what_when_and_that_they_refused(
    database, user_id, proof_of, erased
):
    proof = proof_of("090-1234-5678")

    (person,) = proof.people
    said = [(row["purpose"], row["is_granted"], row["source"], row["wording"]) for row in person.consents]
    assert (person.name, person.external_id, person.keep_until) == (None, None, erased)
    assert said[0] == ("promotional", True, "form", "配信に同意します")
    assert sorted(said[1:]) == [("promotional", False, "reply", None), ("reminder", False, "reply", None)]
    assert [row["evidence"] for row in person.consents] == [None, None, None]
    assert all(row["had_evidence"] for row in person.consents)
    assert (proof.suppression["reason"], proof.suppression["source"]) == ("opted_out", "reply")
    assert (proof.texts, proof.answers) == ([], [])


def test_what_the_proof_says_is_covered_by_the_chain_after_an_erasure_too(database, user_id, proof_of, erased):
    proof = proof_of(NUMBER)

    with database.transaction() as connection:
        chain = {entry["seq"]: bytes(entry["hash"]) for entry in audit.entries(connection, user_id)}
    shown = [*proof.people[0].consents, proof.suppression]
    assert [chain[row["entry"]] for row in shown] == [bytes(row["entry_hash"]) for row in shown]
    assert all(row["is_whole"] for row in proof.people[0].consents)
    assert check(database, user_id).is_whole
    assert audit.check(database, user_id).breaks == ()


def test_after_the_laws_date_the_refusal_alone_is_left(database, clock, proof_of, erased):
    clock.advance(timedelta(hours=1))
    finish_erasures(database, clock=clock)
    clock.advance(erased - clock.now())
    finish_erasures(database, clock=clock)

    proof = proof_of(NUMBER)

    assert proof.people == ()
    assert proof.suppression["reason"] == "opted_out"


def test_the_proof_of_who_never_agreed_says_so(database, user_id, proof_of):
    add_customer(database, user_id, NUMBER, allow_promotional=False)

    (person,) = proof_of(NUMBER).people

    assert (person.holds, person.consents) == ({"promotional": False, "reminder": True}, ())
    with pytest.raises(StateError, match="nothing is kept"):
        proof_of("080-1111-2222")
