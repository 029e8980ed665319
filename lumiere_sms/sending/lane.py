"""Everything of a daemon that goes through one provider: what claims, sends, and asks what became of it.

Lanes share a database and nothing else, so that a provider that keeps silent holds up no other.
"""

from collections import Counter
from time import monotonic

from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.providers.base import Provider
from lumiere_sms.providers.prices import PriceOf
from lumiere_sms.sending import standings
from lumiere_sms.sending.answering import ReplyPoller, Senders
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.listening import Listener
from lumiere_sms.sending.looks import Looks
from lumiere_sms.sending.opt_outs import OptOuts
from lumiere_sms.sending.polling import Poller
from lumiere_sms.sending.reconciling import Reconciler
from lumiere_sms.sending.router import Router
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.sending.slowness import weigh
from lumiere_sms.sending.unprovable import note_unprovable


class Lane:
    """One provider's way through a daemon. `parts_per_second` is the pace of a sender that has none set."""

    def __init__(
        self,
        host: Host,
        provider: Provider,
        *,
        router: Router,
        parts_per_second: float,
        price_of: PriceOf,
        slots: int,
        seconds_between_polls: float,
        looks: Looks,
    ) -> None:
        self.provider = provider
        self._database = host.database
        self._router = router
        self._parts_per_second = parts_per_second
        claimer = Claimer(host.daemon, provider=provider.name, default_sender=router.default_sender, router=router)
        self.dispatcher = Dispatcher(host, provider, claimer=claimer, price_of=price_of, slots=slots)
        self._poller = Poller(host.database, provider, clock=host.clock, seconds_between=seconds_between_polls)
        self._polled_at = monotonic()
        self._polled_texts = 0
        own = Senders(provider.name, default=router.default_sender, primary=router.primary)
        self._replies = ReplyPoller(host.database, provider, senders=own, clock=host.clock)
        self._listener = Listener(host.database, provider, clock=host.clock, settle_replies=self._replies.settle)
        self._opt_outs = OptOuts(host.database, provider, clock=host.clock)
        self._clock = host.clock
        self._reconciler = Reconciler(host, provider, price_of=price_of, looks=looks) if provider.has_records else None

    @property
    def accepted(self) -> int:
        """How many texts the provider took from this daemon."""
        return self.dispatcher.outcomes[Outcome.ACCEPTED]

    def register(self) -> None:
        """Give the provider its row, and each sender a pace row."""
        standings.register(self._database, self.provider.name)
        register_senders(
            self._database,
            provider=self.provider.name,
            default_sender=self._router.default_sender,
            parts_per_second=self._parts_per_second,
            primary=self._router.primary,
        )

    def weigh(self) -> None:
        """Give the provider less of what is balanced if it delivers slowly, and more again when it does not."""
        weigh(self._database, self.provider, now=self._clock.database_now())

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

    async def listen(self) -> Counter[str]:
        """Settle what the provider reported by itself; return how many recipients took which status."""
        return await self._listener.listen()

    async def take_replies(self, *, now: bool = False) -> Counter[str]:
        """Take in what people answered, if it is time or `now`; return how many messages mean what."""
        return await self._replies.poll(now=now)

    async def sync_opt_outs(self) -> None:
        """Copy the provider's own list of refusals, if it is time."""
        await self._opt_outs.sync()

    def note_unprovable(self) -> None:
        """Say of texts in doubt that nobody can look up what the doubt rests on."""
        note_unprovable(self._database, self.provider, clock=self._clock)

    async def watch_doubts(self) -> None:
        """Let a single pass wait for what was in doubt before it began, where that will soon be decided."""
        if self._reconciler:
            await self._reconciler.watch()

    async def reconcile(self) -> Counter[str]:
        """Look up what is in doubt and due; return how many texts were found, are absent and are still open."""
        return await self._reconciler.reconcile() if self._reconciler else Counter()
