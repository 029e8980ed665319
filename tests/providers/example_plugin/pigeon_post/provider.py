"""Texts by carrier pigeon: a line of JSON to the loft, a line of JSON back."""

import asyncio
import json
import os

from lumiere_sms.errors import ConfigurationError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Accepted, Action, Meaning, Message, Provider, Reason


class PigeonProvider(Provider):
    """Where nothing was written to the loft, nothing is in doubt; after that, only the loft's own words settle it."""

    name = "pigeon"
    parts_per_second = 0.5

    def __init__(self, loft: str, patience: float = 31.0) -> None:
        self._host, _, self._port = loft.partition(":")
        self._patience = patience

    @classmethod
    def from_settings(cls, settings):
        if not os.environ.get("PIGEON_LOFT"):
            raise ConfigurationError("PIGEON_LOFT is not set", hint="export PIGEON_LOFT=host:port")
        return cls(os.environ["PIGEON_LOFT"], settings.read_timeout)

    @classmethod
    def sender_from(cls, settings):
        return os.environ.get("PIGEON_RING", "")

    async def submit(self, message: Message) -> Accepted:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(self._host, int(self._port)), 3)
        except (OSError, TimeoutError) as error:
            raise UnavailableError("the loft cannot be reached") from error
        try:
            writer.write(json.dumps({"to": message.to, "text": message.body}).encode() + b"\n")
            said = json.loads(await asyncio.wait_for(reader.readline(), self._patience))
            verdict, about = said["verdict"], said["about"]
        except (OSError, TimeoutError, ValueError, LookupError, TypeError) as error:
            raise UnknownOutcomeError("the loft's answer was lost") from error
        finally:
            writer.close()
        match verdict:
            case "taken":
                return Accepted(about)
            case "refused":
                raise RejectedError("the loft refuses", code=about, action=self.meaning_of(about).action)
            case "later":
                raise UnavailableError("too many pigeons at once", action=Action.CUT_PACE)
        raise UnknownOutcomeError("the loft said something new")

    def meaning_of(self, code: str) -> Meaning:
        if code == "no-such-roof":
            return Meaning(code, "nobody lives there", reason=Reason.NUMBER, action=Action.INVALID_NUMBER)
        return super().meaning_of(code)

    async def check(self) -> str:
        return "the pigeons are awake"
