from decimal import Decimal

import pytest

from lumiere_sms.campaigns.ways import Way
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.planning.ways_out import without_way_out
from lumiere_sms.providers.replies import SenderKind, kind_of_sender, takes_replies

NUMBER, SERVICE = "+15005550006", "MG" + "0" * 32


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        pytest.param(NUMBER, SenderKind.LONG_CODE, id="a number"),
        pytest.param("phone-0123456789abcdef", SenderKind.LONG_CODE, id="a number of AWS"),
        pytest.param("70700", SenderKind.SHORT_CODE, id="a short code"),
        pytest.param("SALON", SenderKind.ALPHANUMERIC, id="letters"),
        pytest.param("Salon 24", SenderKind.ALPHANUMERIC, id="letters, digits and a blank"),
        pytest.param(SERVICE, SenderKind.SERVICE, id="a messaging service"),
        pytest.param("pool-1", SenderKind.SERVICE, id="a pool of AWS"),
        pytest.param("arn:aws:sms-voice:eu-west-1:1:pool/pool-1", SenderKind.SERVICE, id="its ARN"),
        pytest.param("default", SenderKind.UNKNOWN, id="the account's own"),
        pytest.param("", SenderKind.UNKNOWN, id="none"),
    ],
)
def test_the_kind_of_a_sender_is_read_from_it(sender, kind):
    assert kind_of_sender(sender) is kind


@pytest.mark.parametrize(
    ("provider", "sender", "country", "takes"),
    [
        pytest.param("twilio", NUMBER, "US", True, id="a number at home"),
        pytest.param("twilio", NUMBER, "JP", False, id="a number, from Japan"),
        pytest.param("twilio", SERVICE, "JP", False, id="a service, from Japan"),
        pytest.param("twilio", "SALON", "GB", False, id="letters, anywhere"),
        pytest.param("aws", "SALON", "JP", False, id="letters, at AWS"),
        pytest.param("aws", "70700", "JP", True, id="a short code, at AWS"),
        pytest.param("aws", "default", "JP", True, id="what the account has: nobody knows"),
        pytest.param("pigeon", "SALON", "JP", True, id="a provider of which nothing is known"),
    ],
)
def test_where_answers_come_back(provider, sender, country, takes):
    assert takes_replies(provider, sender, country) is takes


def told(message, *, senders, variables=None, variants=None):
    definition = CampaignDefinition(name="spring", message=message, segment="all", variables=variables or {})
    content = Content.of_variants({name: Content(each) for name, each in variants.items()}) if variants else None
    way = Way("primary", tuple(senders), {}, lambda _: Decimal(1), 1.0, senders=senders)
    return without_way_out(way, definition, content or Content(message), countries=["US", "JP"])


def test_nobody_can_refuse_where_neither_an_answer_nor_a_link_works():
    said = told("Hello", senders={"twilio": NUMBER})

    assert said.startswith("nobody in JP can refuse")
    assert "opt_out_url" in said


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"message": "Hello {{ optOutUrl }}", "senders": {"twilio": NUMBER}}, id="a link"),
        pytest.param(
            {"message": "Hi {{ opt_out_url }}", "senders": {"twilio": NUMBER}, "variables": {"opt_out_url": "x"}},
            id="a link of the campaign's own",
        ),
        pytest.param({"message": "Hello", "senders": {"twilio": NUMBER, "aws": "70700"}}, id="another sender"),
        pytest.param({"message": "Hello", "senders": {"twilio": ""}}, id="no sender yet"),
    ],
)
def test_somebody_can_refuse_by(about):
    assert told(**about) == ""


def test_each_of_several_wordings_needs_a_link():
    wordings = {"a": "Hello {{ opt_out_url }}", "b": "Hello"}

    assert told("Hello", senders={"twilio": NUMBER}, variants=wordings)
    assert not told("Hello", senders={"twilio": NUMBER}, variants={"a": wordings["a"]})
