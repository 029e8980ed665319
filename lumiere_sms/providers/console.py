"""The console: prints each text instead of sending it, for dry trials."""

import sys

from lumiere_sms.logs import mask_phone
from lumiere_sms.providers.base import Accepted, Message, Provider


class ConsoleProvider(Provider):
    """Takes every text, prints a line and costs nothing. It knows of no receipts, so texts stay `sent`."""

    name = "console"

    async def submit(self, message: Message) -> Accepted:
        """Print "to masked: text" on stdout."""
        sys.stdout.write(f"to {mask_phone(message.to)}: {_inert(message.body)}\n")
        sys.stdout.flush()
        return Accepted(f"console-{message.attempt_id.hex}")

    async def check(self) -> str:
        """Say that there is nothing to check."""
        return "prints texts, sends nothing"


def _inert(text: str) -> str:
    """Indent further lines, and let no control character of a text steer the terminal."""
    return "\n    ".join(
        "".join(character if character.isprintable() else "·" for character in line) for line in text.split("\n")
    )
