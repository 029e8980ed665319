import re

import pytest

from lumiere_sms.cli.app import COMMANDS
from lumiere_sms.cli.guide import TOPICS, read_topic
from lumiere_sms.errors import StateError


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_there_and_names_only_commands_that_are(topic):
    text = read_topic(topic)

    assert text.startswith("# ")
    assert set(re.findall(r"(?:`|    )lumiere-sms ([a-z]+)", text)) <= COMMANDS.keys()


def test_an_unknown_topic_is_told():
    with pytest.raises(StateError, match='no topic "nothing"'):
        read_topic("nothing")
