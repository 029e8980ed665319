"""The composition root: settings → database, tenant, provider, clock, chance; all else takes them as arguments."""

import random
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.database import embedded, schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import DEFAULT_SLUG, Tenant, chosen_tenant, find_tenant
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers import registry
from lumiere_sms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from lumiere_sms.campaigns.ways import Way, WayPrices
    from lumiere_sms.definitions.models import CampaignDefinition
    from lumiere_sms.providers.base import Provider
    from lumiere_sms.providers.prices import Price, Rates
    from lumiere_sms.schedule.departures import Pace
    from lumiere_sms.sending.router import Router
    from lumiere_sms.sending.routing import Route


class Runtime:
    """What a command works with. Nothing is opened before it is asked for."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, chance: random.Random | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing

    @cached_property
    def server(self) -> Database:
        """The database whatever its schema; starts the embedded server where no other is named."""
        settings = self.settings
        if settings.database_url:
            return Database(settings.database_url, secret=settings.secret)
        cluster = embedded.Cluster(settings.data_dir, pg_bin=settings.pg_bin, account=settings.postgres_user)
        return Database(cluster.ensure(), revive=cluster.revive, secret=settings.secret)

    @cached_property
    def database(self) -> Database:
        """The database with the schema this version needs. Raises: ConfigurationError on another schema."""
        schema.require_current(self.server)
        return self.server

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant in use. Raises: StateError when the database has no such tenant."""
        return find_tenant(self.database, self.tenant_in_use)

    @property
    def tenant_in_use(self) -> str:
        """The slug of the tenant in use: the setting's, else the one `tenant use` chose, else the default."""
        return self.settings.tenant or chosen_tenant(self.settings.data_dir) or DEFAULT_SLUG

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers in use, in the order they are tried; the first is the primary."""
        return self.settings.providers

    @property
    def primary(self) -> str:
        """The name of the provider that is tried first."""
        return self.providers[0]

    @property
    def default_sender(self) -> str:
        """What the primary's texts come from. Raises: ConfigurationError when nothing says."""
        return self.default_sender_of(self.primary)

    def default_sender_of(self, provider: str) -> str:
        """Return what texts of a tenant without its own sender come from; ConfigurationError when nothing says."""
        sender = registry.default_sender(provider, self.settings)
        if not sender and not self.tenant.sender_at(provider, primary=self.primary):
            raise ConfigurationError("no sender is set", hint=registry.sender_hint(provider))
        return sender

    def parts_per_second_of(self, provider: str) -> float:
        """Return the pace of a provider's senders: the setting's, else what it grants a plain number."""
        return self.settings.parts_per_second or registry.plain_pace(provider)

    def prices(self, country: str) -> "Price":
        """Return what a part to a country (ISO 3166) costs at the primary's list price."""
        return self.prices_of(self.primary, country)

    def prices_of(self, provider: str, country: str) -> "Price":
        """Return what a part to a country (ISO 3166) costs at a provider's list price."""
        from lumiere_sms.providers.prices import list_price  # noqa: PLC0415 - only what is used

        override = Path(self.settings.prices) if self.settings.prices else None
        return list_price(provider, country, override=override)

    def price_at_home(self, provider: str) -> "tuple[Decimal | None, str]":
        """Return what a part to the tenant's own country costs at list price, and the currency; None without a list."""
        rates = self.rates.get(provider)
        return (self.prices_of(provider, self.tenant.country).amount, rates.currency) if rates else (None, "")

    def price_of(self, provider: str, phone: str) -> "Price":
        """Return what a part to a number costs at a provider's list price."""
        from lumiere_sms.providers.prices import country_of  # noqa: PLC0415 - only what is used

        return self.prices_of(provider, country_of(phone))

    def provider(self, name: str = "") -> "Provider":
        """Make a provider, the primary if none is named. Raises: ConfigurationError for one that does not exist."""
        return registry.make_provider(name or self.primary, self.settings)

    def router(self, provider: str) -> "Router":
        """Make what finds out which texts go through a provider. Raises: ConfigurationError for a way it cannot go."""
        from lumiere_sms.sending.router import Router  # noqa: PLC0415 - only what is used

        senders = {name: self.default_sender_of(name) for name in self.providers}
        rates = self.rates if len(self.providers) > 1 else {}
        return Router(provider, self.route, senders=senders, rates=rates)

    @cached_property
    def route(self) -> "Route":
        """The way texts go where neither campaign nor tenant says otherwise. Raises: ConfigurationError."""
        from lumiere_sms.providers.choices import read_choices, read_strategy  # noqa: PLC0415 - only what is used
        from lumiere_sms.sending.routing import Route  # noqa: PLC0415

        try:
            named = [each for each in self.settings.provider.split(",") if each.strip()]
            choices = read_choices(named or self.providers)
        except ValueError as error:
            raise ConfigurationError(f"LUMIERE_SMS_PROVIDER: {error}") from error
        try:
            return Route(read_strategy(self.settings.routing), choices)
        except ValueError as error:
            raise ConfigurationError(f"LUMIERE_SMS_ROUTING: {error}") from error

    @property
    def way_prices(self) -> "WayPrices":
        """List prices that know through which providers each campaign goes."""
        from lumiere_sms.campaigns.ways import WayPrices  # noqa: PLC0415 - only what is used

        return WayPrices(self.prices, self._way)

    def _way(self, tenant: Tenant, definition: "CampaignDefinition") -> "Way":
        from lumiere_sms.campaigns.ways import Way  # noqa: PLC0415 - only what is used
        from lumiere_sms.providers.choices import Goal  # noqa: PLC0415
        from lumiere_sms.sending.outlook import expect  # noqa: PLC0415
        from lumiere_sms.sending.routing import aimed, resolve  # noqa: PLC0415

        named, strategy = definition.providers or tenant.providers, definition.routing or tenant.routing
        route = resolve(self.route, named=named, strategy=strategy)
        if not route.choices:
            problem = f"nobody: of its providers none is in use here, only {', '.join(self.providers)}"
            return Way(route.strategy, (), {}, self.prices, self.parts_per_second_of(self.primary), problem)
        paces = self._paces(tenant, route.providers)
        if definition.strategy and not definition.routing:
            route = aimed(
                route, Goal(definition.strategy), paces={name: each.parts_per_second for name, each in paces.items()}
            )
        way = expect(route, home=tenant.country, prices_of=self.prices_of, paces=paces, rates=self.rates)
        return replace(way, senders=self.senders_of(tenant, route.providers))

    def senders_of(self, tenant: Tenant, providers: "Sequence[str]") -> "dict[str, str]":
        """Return what a tenant's texts come from at providers; an empty text where nothing says."""
        return {
            name: tenant.sender_at(name, primary=self.primary) or registry.default_sender(name, self.settings)
            for name in providers
        }

    def _paces(self, tenant: Tenant, providers: "Sequence[str]") -> "dict[str, Pace]":
        """Return how fast a tenant's texts go through each provider, as its senders' limits are just now."""
        from lumiere_sms.sending.outlook import read_paces  # noqa: PLC0415 - only what is used

        granted = {name: self.parts_per_second_of(name) for name in providers}
        senders = self.senders_of(tenant, providers)
        with self.database.transaction(read_only=True) as connection:
            return read_paces(connection, tenant, senders, granted=granted)

    @cached_property
    def rates(self) -> "Mapping[str, Rates]":
        """The prices of the providers in use by calling code; of those that have a price list."""
        from lumiere_sms.providers.prices import rates_of  # noqa: PLC0415 - only what is used

        override = Path(self.settings.prices) if self.settings.prices else None
        found = {name: rates_of(name, override=override) for name in self.providers}
        return {name: rates for name, rates in found.items() if rates}

    def close(self) -> None:
        """Close the connections that were opened."""
        if "server" in self.__dict__:
            self.server.close()
