import asyncio
from datetime import timedelta
from uuid import UUID

from lumiere_sms.providers.base import Meaning, Message
from lumiere_sms.providers.console import ConsoleProvider

ATTEMPT = UUID(int=7)


def message(body):
    return Message(ATTEMPT, to="+819012345678", sender="console", body=body, validity=timedelta(minutes=1))


def test_a_text_is_printed_with_its_number_masked(capsys):
    accepted = asyncio.run(ConsoleProvider().submit(message("田中様\n明日です")))

    assert capsys.readouterr().out == "to +81········78: 田中様\n    明日です\n"
    assert accepted.provider_message_id == f"console-{ATTEMPT.hex}"


def test_control_characters_of_a_text_do_not_reach_the_terminal(capsys):
    asyncio.run(ConsoleProvider().submit(message("a\x1b[2Jb")))

    assert "\x1b" not in capsys.readouterr().out


def test_the_console_is_always_well_and_knows_no_codes():
    assert asyncio.run(ConsoleProvider().check()) == "prints texts, sends nothing"
    assert ConsoleProvider().meaning_of("1") == Meaning("1", "")
    assert not ConsoleProvider.has_receipts
