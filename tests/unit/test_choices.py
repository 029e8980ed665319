import pytest

from lumiere_sms.providers.choices import Choice, read_choices, read_strategy


def test_providers_are_read_in_their_order():
    assert read_choices(["twilio", " aws "]) == (Choice("twilio"), Choice("aws"))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        pytest.param(["twilio", "twilio"], "is named twice", id="twice"),
        pytest.param(["twilio:70", "aws"], "every provider a weight", id="some weights"),
        pytest.param(["twilio:0", "aws:0"], "above 0", id="no weight above 0"),
        pytest.param(["twilio:101"], "0 to 100", id="too much"),
        pytest.param(["twilio:-1"], "is no provider", id="negative"),
        pytest.param([""], "is no provider", id="empty"),
        pytest.param(["Twilio, AWS"], "is no provider", id="two in one"),
    ],
)
def test_what_names_no_providers_is_refused_in_a_sentence(texts, said):
    with pytest.raises(ValueError, match=said):
        read_choices(texts)


def test_a_way_to_share_out_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="primary, round_robin, weighted, cheapest"):
        read_strategy("random")
