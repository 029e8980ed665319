"""What a lane may take of each campaign, by how all providers are just now: the route applied."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lumiere_sms.campaigns.recipients import Share
from lumiere_sms.providers.choices import Choice, Strategy
from lumiere_sms.providers.prices import Rates
from lumiere_sms.sending.routing import Route, resolve, share_of
from lumiere_sms.sending.standings import Standing

_WELL = Standing()


@dataclass(frozen=True, slots=True)
class Way:
    """What a lane takes of one campaign.

    `share` is None for nothing; `why` then says so where nobody else does it either. `trial` is what it would take
    to try a provider that is coming back; `has_other` says that somebody else can take a text that it refuses.
    """

    share: Share | None
    trial: Share | None = None
    has_other: bool = False
    why: str = ""


class Router:
    """Finds the way for one provider of a daemon. `senders` are those of tenants that have none of their own."""

    def __init__(
        self,
        provider: str,
        route: Route,
        *,
        senders: Mapping[str, str] | None = None,
        rates: Mapping[str, Rates] | None = None,
    ) -> None:
        self._provider = provider
        self._route = route
        self._senders = senders or {}
        self._rates = rates or {}
        self._share = lru_cache(maxsize=512)(self._find_share)
        self._read = lru_cache(maxsize=512)(self._read_route)

    @classmethod
    def alone(cls, provider: str) -> "Router":
        """Make the router of the only provider in use."""
        return cls(provider, Route(Strategy.PRIMARY, (Choice(provider),)))

    @property
    def primary(self) -> str:
        """The provider in use that is tried first where nobody says otherwise."""
        return self._route.providers[0]

    @property
    def default_sender(self) -> str:
        """What the provider's texts come from where a tenant says nothing, or an empty text."""
        return self._senders.get(self._provider, "")

    @property
    def binds(self) -> dict[str, Any]:
        """What runnable.sql wants to know of it."""
        alone = len(self._route.choices) == 1
        return {"provider": self._provider, "primary": self.primary, "alone": alone}

    def way(self, row: Mapping[str, Any], standings: Mapping[str, Standing], spent: Collection[Any]) -> Way:
        """Return what this lane takes of an occurrence, a row of runnable.sql; `spent` senders are out for now."""
        route = self._route_of(row)
        if not route.choices:
            return Way(None, why="none of its providers is in use here: LUMIERE_SMS_PROVIDER")
        senders = {name: sender for name in route.providers if (sender := self._sender(row, name))}
        fit = [name for name, sender in senders.items() if (name, sender) not in spent] or list(senders)
        if self._provider not in fit:
            return Way(None)
        weights = tuple((name, standings.get(name, _WELL).weight) for name in route.providers)
        available = frozenset(name for name in fit if standings.get(name, _WELL).takes_texts)
        own = standings.get(self._provider, _WELL)
        return Way(
            self._share(route, available, weights),
            self._share(route, available | {self._provider}, weights) if own.may_be_tried else None,
            has_other=bool(available - {self._provider}),
            why="" if available else own.why,
        )

    def _route_of(self, row: Mapping[str, Any]) -> Route:
        """Return the campaign's route, else the tenant's, else the setting's; through what is in use only."""
        definition = row["definition"]
        named = definition.get("providers") or row["providers"]
        strategy = definition.get("routing") or row["routing"]
        return self._read(tuple(named or ()), strategy or "")

    def _read_route(self, named: tuple[str, ...], strategy: str) -> Route:
        return resolve(self._route, named=named, strategy=strategy)

    def _sender(self, row: Mapping[str, Any], provider: str) -> str | None:
        """Return what a tenant's texts come from at a provider, as runnable.sql has it."""
        if provider == self._provider:
            return str(row["sender"])
        plain = row["plain_sender"] if row["first_provider"] == provider else None
        return row["senders"].get(provider) or plain or self._senders.get(provider)

    def _find_share(
        self, route: Route, available: frozenset[str], weights: tuple[tuple[str, int], ...]
    ) -> Share | None:
        return share_of(self._provider, route, available=available, weights=dict(weights), rates=self._rates)
