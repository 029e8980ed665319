import re
from io import StringIO

import pytest
from rich.console import Console

from lumiere_sms.cli.app import COMMANDS
from lumiere_sms.cli.guide import TOPICS, read_topic
from lumiere_sms.cli.pages import Page
from lumiere_sms.errors import StateError


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_there_and_names_only_commands_that_are(topic):
    text = read_topic(topic)

    assert text.startswith("# ")
    assert set(re.findall(r"(?:`|    )lumiere-sms ([a-z]+)", text)) <= COMMANDS.keys()


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("topic", TOPICS)
def test_a_terminal_cuts_no_word_of_a_page(topic, width):
    console = Console(width=width, file=StringIO())

    console.print(Page(read_topic(topic)))

    assert console.file.getvalue().count("…") == read_topic(topic).count("…")


def test_an_unknown_topic_is_told():
    with pytest.raises(StateError, match='no topic "nothing"'):
        read_topic("nothing")
