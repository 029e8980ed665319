"""On which days no text of a campaign leaves."""

from datetime import date

from pydantic import Field

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.repeating import Days, Weekdays
from lumiere_sms.definitions.tenant_rules import NO_HOLIDAYS, Country, TenantRules
from lumiere_sms.schedule.days import OpenDays


class ClosingDefinition(Definition):
    """Days without business; one that is empty (`closed: {}`) lets texts leave on every day."""

    weekdays: Weekdays | None = Field(default=None, description="1 is Monday, 7 Sunday (ISO 8601); or mon to sun.")
    days: Days = Field(default=(), description="Single days.")
    holidays: Country | None = Field(default=None, description="Whose public holidays are kept, ISO 3166.")

    @classmethod
    def of(cls, rules: TenantRules) -> "ClosingDefinition":
        """Return the closing days that a tenant has named. Public holidays are among them only where it says so."""
        return cls(weekdays=rules.closed_weekdays, days=rules.closed_days, holidays=rules.holidays)

    def open_days(self) -> OpenDays:
        """Return the days that are left."""
        holidays = None if self.holidays == NO_HOLIDAYS else self.holidays
        days = frozenset(map(date.fromisoformat, self.days))
        return OpenDays(frozenset(self.weekdays or ()), days, holidays)
