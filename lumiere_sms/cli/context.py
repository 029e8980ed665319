"""What every command finds in `context.obj`: the runtime, made when first asked for."""

from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from lumiere_sms.clock import Clock
    from lumiere_sms.database.connection import Database
    from lumiere_sms.database.tenants import Tenant
    from lumiere_sms.runtime import Runtime
    from lumiere_sms.settings import Settings


class Context:
    """Short names for what commands use most."""

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raises: DefinitionError, ConfigurationError."""
        from lumiere_sms.settings import Settings

        return Settings.read()

    @cached_property
    def runtime(self) -> "Runtime":
        """The composition root."""
        from lumiere_sms.runtime import Runtime

        return Runtime(self.settings)

    @property
    def database(self) -> "Database":
        """The database, its schema checked."""
        return self.runtime.database

    @property
    def tenant(self) -> "Tenant":
        """The tenant in use."""
        return self.runtime.tenant

    @property
    def user_id(self) -> UUID:
        """The key of the tenant in use."""
        return self.tenant.id

    @property
    def clock(self) -> "Clock":
        """The clock."""
        return self.runtime.clock

    def close(self) -> None:
        """Let go of what was opened."""
        if "runtime" in self.__dict__:
            self.runtime.close()
