"""Everything of a daemon that goes through one provider: what claims, sends, and asks what became of it.

Lanes share a database and nothing else, so that a provider that keeps silent holds up no other.
"""

from collections import Counter
from time import monotonic

from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.providers.base import Provider
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.outcomes import PriceOf
from lumiere_sms.sending.polling import Poller
from lumiere_sms.sending.senders import register_senders


class Lane:
    """One provider's way through a daemon. `parts_per_second` is the pace of a sender that has none set."""

    def __init__(
        self,
        host: Host,
        provider: Provider,
        *,
        default_sender: str,
        parts_per_second: float,
        price_of: PriceOf,
        slots: int,
        seconds_between_polls: float,
    ) -> None:
        self.provider = provider
        self._database = host.database
        self._default_sender = default_sender
        self._parts_per_second = parts_per_second
        claimer = Claimer(host.daemon, provider=provider.name, default_sender=default_sender)
        self.dispatcher = Dispatcher(host, provider, claimer=claimer, price_of=price_of, slots=slots)
        self._poller = Poller(host.database, provider, clock=host.clock, seconds_between=seconds_between_polls)
        self._polled_at = monotonic()
        self._polled_texts = 0

    @property
    def accepted(self) -> int:
        """How many texts the provider took from this daemon."""
        return self.dispatcher.outcomes[Outcome.ACCEPTED]

    def register(self) -> None:
        """Give each sender a pace row."""
        register_senders(
            self._database,
            provider=self.provider.name,
            default_sender=self._default_sender,
            parts_per_second=self._parts_per_second,
        )

    async def poll(self, *, now: bool = False) -> Counter[str]:
        """Ask what became of what was accepted, if it is time or `now`; return how many took which status."""
        if self.accepted != self._polled_texts:
            self._polled_texts = self.accepted
            self._poller.hurry()
        if not now and monotonic() - self._polled_at < self._poller.pause:
            return Counter()
        moved = await self._poller.poll()
        self._polled_at = monotonic()
        return moved
