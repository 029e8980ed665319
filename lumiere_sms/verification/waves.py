"""The people of a proof and their texts: campaigns that come one after another, so that there is always work.

Every text is one of a kind, so that a second one of it is a duplicate for certain; every number gets several, so that
a text is told from another of the same number.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.providers.prices import list_price

LEAST = 20  # texts of a wave
PER_NUMBER = 4  # texts
ZONE = "Asia/Tokyo"
TOKYO = timedelta(hours=9)


class Waves:
    """`texts` texts in at most `most` campaigns."""

    def __init__(self, database: Database, *, texts: int, most: int, clock: Clock) -> None:
        self._database = database
        self._tenant = find_tenant(database, "default")
        self._texts = texts
        self._clock = clock
        self.count = max(1, min(most, texts // LEAST))
        self._numbers = max(texts // PER_NUMBER, -(-texts // self.count))  # a campaign texts a number once
        self.released = 0

    def release(self, wanted: int) -> None:
        """Launch what is missing to `wanted` waves."""
        while self.released < min(wanted, self.count):
            self._launch(self.released)
            self.released += 1

    def _launch(self, wave: int) -> None:
        values = {
            "message": "text {{ number }} of {{ wave }}",
            "quiet_hours": self._other_side_of_the_clock(),
            "expires_after": "20h",
            "send_rate_per_minute": 10_000,
        }
        send_directly(
            self._database,
            self._tenant,
            definition=define_direct(f"wave {wave}", values, defaults_zone=ZONE),
            addressees=self._addressees(wave),
            clock=self._clock,
            prices=partial(list_price, "twilio"),
        )

    def _addressees(self, wave: int) -> Iterator[Addressee]:
        for number in range(wave * self._texts // self.count, (wave + 1) * self._texts // self.count):
            yield Addressee(f"+8190{number % self._numbers:08d}", {"number": number, "wave": wave})

    def _other_side_of_the_clock(self) -> str:
        """Return quiet hours that are half a day away, so that a proof may run at any hour."""
        far = self._clock.now() + TOKYO + timedelta(hours=12)
        return f"{far:%H:%M}-{far + timedelta(minutes=1):%H:%M}"
