import pytest

from lumiere_sms.definitions.options import define_campaign
from lumiere_sms.errors import DefinitionError


def test_a_campaign_of_options_is_checked_and_filled_as_one_of_a_file():
    made = define_campaign(
        "c", {"template": "t", "segment": "s", "schedule": "now", "batch_size": None}, defaults_zone="UTC"
    )

    assert (made.timezone, made.batch_size, made.schedule.at) == ("UTC", 50, "now")


def test_what_is_wrong_names_the_option():
    with pytest.raises(DefinitionError) as caught:
        define_campaign(
            "c",
            {"message": "{{ a | samma }}", "type": "blst", "window": ["25:00-26:00"], "send_rate_per_minute": 0},
            defaults_zone="UTC",
        )

    assert str(caught.value) == (
        '--type: "blst" is not a type; did you mean "blast"?\n'
        '--window: "25:00" is not a time of day (HH:MM)\n'
        "--send-rate-per-minute: 0 is too small; 1 is the least\n"
        "the options: it does not say to whom; name a segment, or write segment: all for everybody\n"
        '--message:1:8: there is no filter "samma"; did you mean sama?\n'
        "5 problems in --message, --send-rate-per-minute, --type, --window, the options; nothing was changed"
    )
