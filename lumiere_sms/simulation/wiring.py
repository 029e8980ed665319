"""What a simulation sends through: the providers in use, their routes, prices and paces, and none of their accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.database.connection import Database
from lumiere_sms.providers import registry
from lumiere_sms.providers.base import Accepted, Message, Provider
from lumiere_sms.providers.prices import Price, PriceOf, country_of
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending import standings
from lumiere_sms.sending.router import Router
from lumiere_sms.sending.senders import register_senders


@dataclass(frozen=True, slots=True)
class Outlet:
    """A provider that takes everything: who is routed to it, at which pace and price."""

    provider: Provider
    router: Router
    price_of: PriceOf
    parts_per_second: float

    def register(self, database: Database) -> None:
        """Give the provider its row, and each sender without one a pace row."""
        standings.register(database, self.provider.name)
        register_senders(
            database,
            provider=self.provider.name,
            default_sender=self.router.default_sender,
            parts_per_second=self.parts_per_second,
            primary=self.router.primary,
        )


@dataclass(frozen=True, slots=True)
class Wiring:
    """The outlets in the order in which they are tried, and the prices that launches estimate by."""

    outlets: tuple[Outlet, ...]
    prices: Prices

    @classmethod
    def of(cls, runtime: Runtime) -> "Wiring":
        """Read it from the settings; a sender that nobody has named yet is called by its provider's name."""
        senders = {name: registry.default_sender(name, runtime.settings) or name for name in runtime.providers}
        rates = runtime.rates if len(runtime.providers) > 1 else {}
        outlets = (
            Outlet(
                _accepting(name),
                Router(name, runtime.route, senders=senders, rates=rates),
                _price_of(name, runtime.prices_of),
                runtime.parts_per_second_of(name),
            )
            for name in runtime.providers
        )
        return cls(tuple(outlets), runtime.way_prices)


class _Accepting(Provider):
    """Stands for a provider whose account is none of a simulation's business."""

    name: ClassVar[str]

    async def submit(self, message: Message) -> Accepted:
        raise NotImplementedError

    async def check(self) -> str:
        raise NotImplementedError


def _accepting(name: str) -> Provider:
    kind: type[Provider] = type("Accepting", (_Accepting,), {"name": name})
    return kind()


def _price_of(provider: str, prices_of: Callable[[str, str], Price]) -> PriceOf:
    @cache
    def in_country(country: str) -> Price:
        return prices_of(provider, country)

    return lambda phone: in_country(country_of(phone))
