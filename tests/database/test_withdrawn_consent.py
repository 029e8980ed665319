"""What a person took back after the launch counts: the launch read what they agreed to, the arm reads it again."""

from datetime import timedelta

import pytest
from support.salon import add_customer, rows, tenant_of
from support.seeds import arm, phone, seed_campaign

from lumiere_sms.audience.consents import Said, revoke
from lumiere_sms.campaigns import recipients
from lumiere_sms.database.identifiers import new_id

DAEMON = new_id()


@pytest.fixture
def armed(database, user_id, clock):
    """Claim the one text of a campaign of some type and source, have its customer take something back, and arm it."""

    def make(kind: str, *, source: str, withdrawn: tuple[str, ...], moves: bool = False) -> tuple[int, str, str | None]:
        seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
        customer_id = add_customer(database, user_id, phone(0), allow_reminders=True)
        with database.transaction() as connection:
            connection.execute("UPDATE sms_campaigns SET type = %s, source = %s", [kind, source])
            connection.execute(
                "UPDATE campaign_recipients SET status = 'claimed', fence = 1, claimed_by = %s, claimed_until = %s,"
                " customer_id = %s",
                [DAEMON, clock.now() + recipients.LEASE, customer_id],
            )
            if moves:
                connection.execute("UPDATE customers SET phone_number = %s", [phone(1)])
            revoke(connection, tenant_of(database), str(customer_id), Said(withdrawn), now=clock.now())
        about = {"id": seeded.recipient_ids[0], "fence": 1, "attempt_id": new_id(), "campaign_id": seeded.campaign_id}
        asked = [recipients.Asked(**about, sender="+15005550006", phone_number=phone(0), parts=1, leave_by=None)]
        later = clock.now() + timedelta(seconds=1)
        with database.transaction() as connection:
            passed = arm(connection, user_id, asked, daemon=DAEMON, now=later).passed
            recipients.turn_away(connection, user_id, asked, daemon=DAEMON, now=later)
        (row,) = rows(database, "campaign_recipients")
        return len(passed), row["status"], row["reason"]

    return make


@pytest.mark.parametrize(
    ("kind", "purpose"), [("promotional", "promotional"), ("drip", "promotional"), ("reminder",) * 2]
)
def test_who_took_their_consent_back_after_the_launch_is_not_texted(armed, kind, purpose):
    assert armed(kind, source="definitions", withdrawn=(purpose,)) == (0, "suppressed", "no_consent")


@pytest.mark.parametrize(
    ("kind", "source", "purpose"),
    [
        pytest.param("promotional", "definitions", "reminder", id="another purpose"),
        pytest.param("reminder", "definitions", "promotional", id="another purpose than reminders"),
        pytest.param("blast", "definitions", "promotional", id="a type that asks for none"),
        pytest.param("promotional", "send", "promotional", id="a person sends it by hand"),
    ],
)
def test_what_a_consent_is_not_about_goes_all_the_same(armed, kind, source, purpose):
    assert armed(kind, source=source, withdrawn=(purpose,)) == (1, "submitting", None)


@pytest.mark.parametrize("source", ["definitions", "send"])
def test_who_refuses_with_a_new_number_is_not_texted_at_the_old_one(armed, source):
    refusal = armed("blast", source=source, withdrawn=("promotional", "reminder"), moves=True)

    assert refusal == (0, "suppressed", "opted_out")
