import pytest

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers import registry
from lumiere_sms.providers.base import Provider
from lumiere_sms.providers.console import ConsoleProvider
from lumiere_sms.settings import Settings


def test_ours_stand_in_the_list_by_name():
    assert registry.provider_names()[:4] == ("twilio", "sns", "aws", "console")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_each_of_ours_is_a_class_of_that_name(name):
    found = registry.provider_class(name)

    assert issubclass(found, Provider)
    assert found.name == name


def test_a_provider_is_made_as_the_settings_say():
    assert isinstance(registry.make_provider("console", Settings.read({})), ConsoleProvider)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("twillio", 'did you mean "twilio"?', id="a slip"),
        pytest.param("pigeon", "one or several of twilio, sns, aws, console", id="nothing like it"),
    ],
)
def test_a_provider_that_does_not_exist_is_told(name, hint):
    with pytest.raises(ConfigurationError, match=f'there is no provider "{name}"') as caught:
        registry.make_provider(name, Settings.read({}))

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("variables", "name", "sender"),
    [
        pytest.param({"LUMIERE_SMS_TWILIO_FROM": "+1"}, "twilio", "+1", id="a number"),
        pytest.param({}, "twilio", "", id="Twilio needs one"),
        pytest.param({"LUMIERE_SMS_SNS_SENDER_ID": "SALON"}, "sns", "SALON", id="a sender id"),
        pytest.param({"LUMIERE_SMS_AWS_SENDER": "pool-1"}, "aws", "pool-1", id="a pool"),
        pytest.param({}, "sns", "default", id="SNS has a pool of its own"),
        pytest.param({}, "aws", "default", id="End User Messaging too"),
        pytest.param({}, "console", "console", id="the console"),
    ],
)
def test_a_sender_is_the_settings_or_the_providers_own(variables, name, sender):
    assert registry.default_sender(name, Settings.read(variables)) == sender


def test_each_of_ours_has_a_pace_and_twilio_says_how_its_sender_is_set():
    assert all(registry.plain_pace(name) > 0 for name in registry.BUILT_IN)
    assert "LUMIERE_SMS_TWILIO_FROM" in registry.sender_hint("twilio")
