"""What an operator sees of the providers and does to them: list, check, drain, enable."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import ConfigurationError, ProviderError, StateError, quoted
from lumiere_sms.providers.base import Provider
from lumiere_sms.sending import standings
from lumiere_sms.sending.standings import CLOSED, Known


@dataclass(frozen=True, slots=True)
class Shown:
    """A provider as an operator sees it. `place` is its turn in LUMIERE_SMS_PROVIDER, 0 where it is not in use.

    `price` is what a part to the tenant's own country costs, by its price list.
    """

    name: str
    place: int
    state: str
    is_drained: bool
    why_not: str
    weight: int
    checked_at: datetime | None
    said: str
    sender: str
    price: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a provider answered just now."""

    name: str
    is_well: bool
    said: str
    hint: str = ""


def list_providers(
    database: Database,
    tenant: Tenant,
    in_use: Sequence[str],
    *,
    sender_of: Callable[[str], str],
    price_of: Callable[[str], tuple[Decimal | None, str]],
) -> list[Shown]:
    """Return the providers in use in their order, then those that once were."""
    with database.transaction(read_only=True) as connection:
        known = {each.provider: each for each in standings.known_providers(connection)}
    names = [*in_use, *(name for name in known if name not in in_use)]
    return [
        _shown(
            known.get(name) or _unknown(name),
            place=in_use.index(name) + 1 if name in in_use else 0,
            sender=tenant.sender_at(name, primary=in_use[0]) or (sender_of(name) if name in in_use else ""),
            price=price_of(name),
        )
        for name in names
    ]


def check_providers(
    database: Database, make: Callable[[str], Provider], names: Iterable[str], *, now: datetime | None
) -> list[Checked]:
    """Ask each provider whether it is there, and note what it says.

    Raises: ConfigurationError where the only one cannot be made; of several, such a one is not well.
    """
    asked = tuple(names)
    if len(asked) == 1:
        return [asyncio.run(_check(database, make(asked[0]), now=now))]
    return [_check_one_of_several(database, make, name, now=now) for name in asked]


def set_drained(
    database: Database,
    tenant: Tenant,
    provider: str,
    in_use: Sequence[str],
    *,
    is_drained: bool,
    by: str,
    now: datetime | None,
) -> None:
    """Let nothing new go through a provider, or texts again, at once on every host.

    Raises: StateError for one that neither is in use nor ever was.
    """
    if provider in in_use:
        standings.register(database, provider)
    with database.transaction() as connection:
        if not standings.set_drained(connection, provider, is_drained=is_drained):
            once = [each.provider for each in standings.known_providers(connection)]
            known = ", ".join(dict.fromkeys([*in_use, *once]))
            raise StateError(f"no provider {quoted(provider)} is or was in use here", hint=f"known are {known}")
        action = "provider.drain" if is_drained else "provider.enable"
        record(connection, tenant.id, actor=by, action=action, subject=provider, now=now)


def _shown(row: Known, *, place: int, sender: str, price: tuple[Decimal | None, str]) -> Shown:
    return Shown(
        name=row.provider,
        place=place,
        state=row.state,
        is_drained=row.is_drained,
        why_not=row.why_not,
        weight=row.weight,
        checked_at=row.checked_at,
        said=row.said or "",
        sender=sender,
        price=price[0],
        currency=price[1],
    )


def _unknown(name: str) -> Known:
    return Known(name, CLOSED, None, None, is_drained=False, weight=100, checked_at=None, said=None)


def _check_one_of_several(
    database: Database, make: Callable[[str], Provider], name: str, *, now: datetime | None
) -> Checked:
    try:
        provider = make(name)
    except ConfigurationError as error:
        return Checked(name, is_well=False, said=str(error), hint=error.hint)
    return asyncio.run(_check(database, provider, now=now))


async def _check(database: Database, provider: Provider, *, now: datetime | None) -> Checked:
    try:
        checked = Checked(provider.name, is_well=True, said=await provider.check())
    except ProviderError as error:
        checked = Checked(provider.name, is_well=False, said=str(error), hint=error.hint)
    finally:
        await provider.close()
    await asyncio.to_thread(partial(_keep, database, checked, now=now))
    return checked


def _keep(database: Database, checked: Checked, *, now: datetime | None) -> None:
    standings.register(database, checked.name)
    with database.transaction() as connection:
        standings.keep_check(connection, checked.name, said=checked.said, now=now)
