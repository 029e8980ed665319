"""The composition root: settings → database, tenant, provider, clock, chance; all else takes them as arguments."""

import random
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.database import embedded, schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import DEFAULT_SLUG, Tenant, chosen_tenant, find_tenant
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.settings import Settings

if TYPE_CHECKING:
    from lumiere_sms.providers.base import Provider
    from lumiere_sms.providers.prices import Price

#: Parts per second that a provider grants a plain number (Twilio: a long code, one).
DEFAULT_PACES = {"twilio": 1.0, "console": 100.0}
DEFAULT_SENDERS = {"console": "console"}


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
            return Database(settings.database_url)
        cluster = embedded.Cluster(settings.data_dir, pg_bin=settings.pg_bin, account=settings.postgres_user)
        return Database(cluster.ensure(), revive=cluster.revive)

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
        sender = self.settings.sender_of(provider) or DEFAULT_SENDERS.get(provider, "")
        if not sender and not self.tenant.sender_at(provider):
            raise ConfigurationError(
                "no sender is set",
                hint="export LUMIERE_SMS_TWILIO_FROM=+1… or LUMIERE_SMS_TWILIO_MESSAGING_SERVICE_SID=MG…",
            )
        return sender

    def parts_per_second_of(self, provider: str) -> float:
        """Return the pace of a provider's senders: the setting's, else what it grants a plain number."""
        return self.settings.parts_per_second or DEFAULT_PACES.get(provider, 1.0)

    def prices(self, country: str) -> "Price":
        """Return what a part to a country (ISO 3166) costs at the primary's list price."""
        return self.prices_of(self.primary, country)

    def prices_of(self, provider: str, country: str) -> "Price":
        """Return what a part to a country (ISO 3166) costs at a provider's list price."""
        from lumiere_sms.providers.prices import list_price  # noqa: PLC0415 - only what is used

        override = Path(self.settings.prices) if self.settings.prices else None
        return list_price(provider, country, override=override)

    def price_of(self, provider: str, phone: str) -> "Price":
        """Return what a part to a number costs at a provider's list price."""
        from lumiere_sms.providers.prices import country_of  # noqa: PLC0415 - only what is used

        return self.prices_of(provider, country_of(phone))

    def provider(self, name: str = "") -> "Provider":
        """Make a provider, the primary if none is named. Raises: ConfigurationError for one that does not exist."""
        settings = self.settings
        match name or self.primary:
            case "console":
                from lumiere_sms.providers.console import ConsoleProvider  # noqa: PLC0415 - only what is used

                return ConsoleProvider()
            case "twilio":
                from lumiere_sms.providers.twilio import TwilioProvider  # noqa: PLC0415 - 100 ms of SDK

                return TwilioProvider(
                    account_sid=settings.twilio_account_sid,
                    auth_token=settings.twilio_auth_token,
                    base_url=settings.twilio_base_url,
                    slots=settings.slots,
                    connect_timeout=settings.connect_timeout,
                    read_timeout=settings.read_timeout,
                )
            case unknown:
                hint = "LUMIERE_SMS_PROVIDER is twilio or console, or several of them with commas between"
                raise ConfigurationError(f'there is no provider "{unknown}"', hint=hint)

    def close(self) -> None:
        """Close the connections that were opened."""
        if "server" in self.__dict__:
            self.server.close()
