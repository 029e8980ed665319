import pytest

from lumiere_sms.campaigns.tenant_ways import Ways, change_ways, read_ways
from lumiere_sms.database.tenants import create_tenant, find_tenant
from lumiere_sms.errors import StateError, UsageError


def changed(database, ways: Ways):
    return change_ways(database, "default", ways, by="ken", now=None)


def test_what_is_changed_is_found_and_the_rest_stays(database):
    changed(
        database, read_ways(providers="twilio:70, aws:30", routing="weighted", senders=["+15005550006", "aws=SALON"])
    )
    changed(database, read_ways(routing="cheapest"))

    found = find_tenant(database, "default")
    assert (found.providers, found.routing) == (["twilio:70", "aws:30"], "cheapest")
    assert (found.sender_at("twilio", primary="aws"), found.sender_at("aws", primary="aws")) == (
        "+15005550006",
        "SALON",
    )


def test_what_a_tenant_says_of_its_own_is_taken_back(database):
    changed(database, read_ways(providers="aws", routing="cheapest", senders=["plain", "aws=SALON"]))

    found = changed(database, read_ways(providers="default", routing="default", senders=["", "aws="]))

    assert (found.providers, found.routing, found.sender, found.senders) == (None, None, None, {})


def test_a_change_is_kept_with_who_made_it(database):
    changed(database, read_ways(routing="cheapest"))

    with database.transaction() as connection:
        kept = connection.execute("SELECT actor, action, subject, before, after FROM audit_log").fetchone()
    assert (kept["actor"], kept["action"], kept["subject"]) == ("ken", "tenant.set", "default")
    assert (kept["before"], kept["after"]) == (None, {"routing": "cheapest"})  # what stays as it was is not told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"providers": "twilo"}, 'no provider "twilo"', id="a slip of the finger"),
        pytest.param({"providers": "twilio,twilio"}, "is named twice", id="twice"),
        pytest.param({"routing": "random"}, "no way to share texts out", id="routing"),
        pytest.param({"senders": ["pigeon=SALON"]}, 'no provider "pigeon"', id="a sender of nobody"),
        pytest.param({"senders": ["+1", "+2"]}, "one plain sender", id="two plain senders"),
    ],
)
def test_a_way_that_is_none_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        read_ways(**options)


def test_a_sender_at_any_provider_belongs_to_one_tenant(database):
    create_tenant(database, "ginza", senders={"aws": "SALON"})

    with pytest.raises(StateError, match='SALON is the sender of the tenant "ginza"'):
        changed(database, read_ways(senders=["twilio=SALON"]))
