"""How a tenant's texts go: through which providers, how shared out, from which senders, in whose name. Audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lumiere_sms.audience.fields import guess
from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant, find_tenant, write_ways
from lumiere_sms.database.told import told
from lumiere_sms.errors import UsageError, quoted
from lumiere_sms.providers.choices import read_choices, read_strategy
from lumiere_sms.providers.registry import provider_names

AS_SET = "default"  # takes back what a tenant says of its own


@dataclass(frozen=True, slots=True)
class Ways:
    """What a tenant says of its own; None is not given. A sender or a formal name of "" is taken back."""

    providers: tuple[str, ...] | None = None
    routing: str | None = None
    sender: str | None = None
    senders: Mapping[str, str] = field(default_factory=dict)
    legal_name: str | None = None


def read_ways(
    *,
    providers: str | None = None,
    routing: str | None = None,
    senders: Sequence[str] = (),
    legal_name: str | None = None,
) -> Ways:
    """Read options: `providers` with commas between, senders plain or as provider=sender. Raises: UsageError.

    >>> read_ways(providers="twilio,aws", senders=["+15005550006", "aws=SALON"]).senders
    {'aws': 'SALON'}
    """
    plain, named = read_senders(senders)
    try:
        if routing is not None and routing != AS_SET:
            read_strategy(routing)
        chosen = _chosen(providers) if providers is not None else None
    except ValueError as error:
        raise UsageError(str(error)) from error
    return Ways(chosen, routing, plain, named, legal_name)


def read_senders(senders: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """Read senders as an operator writes them: one plain, others as provider=sender. Raises: UsageError."""
    plain = [each for each in senders if "=" not in each]
    if len(plain) > 1:
        raise UsageError(f"there is one plain sender, not {len(plain)}", hint="name the others: aws=SALON")
    named = dict(each.split("=", 1) for each in senders if "=" in each)
    _require_known(list(named))
    return plain[0] if plain else None, named


def change_ways(database: Database, slug: str, ways: Ways, *, by: str, now: datetime | None) -> Tenant:
    """Change how a tenant's texts go; it holds from the next claim on. Raises: StateError."""
    before = find_tenant(database, slug)
    after = _changed(before, ways)
    with database.transaction() as connection:
        write_ways(connection, after)
        gone, new = told(_differing(before, after))
        about: dict[str, Any] = {"actor": by, "action": "tenant.set", "subject": slug}
        record(connection, before.id, before=gone, after=new, now=now, **about)
    return after


def _chosen(providers: str) -> tuple[str, ...]:
    if providers == AS_SET:
        return ()
    names = tuple(each.strip() for each in providers.split(","))
    _require_known([choice.name for choice in read_choices(names)])
    return names


def _require_known(names: Sequence[str]) -> None:
    known = provider_names()
    if unknown := next((name for name in names if name not in known), None):
        hint = guess(unknown, known) or f"known are {', '.join(known)}"
        raise UsageError(f"there is no provider {quoted(unknown)}", hint=hint)


def _changed(tenant: Tenant, ways: Ways) -> Tenant:
    senders = {**tenant.senders, **ways.senders}
    return replace(
        tenant,
        providers=tenant.providers if ways.providers is None else list(ways.providers) or None,
        routing=tenant.routing if ways.routing is None else ways.routing.replace(AS_SET, "") or None,
        sender=tenant.sender if ways.sender is None else ways.sender or None,
        senders={provider: sender for provider, sender in senders.items() if sender},
        legal_name=tenant.legal_name if ways.legal_name is None else _name(ways.legal_name),
    )


def _name(text: str) -> str | None:
    plain = " ".join(text.split())
    return None if plain == AS_SET else plain or None


def _differing(before: Tenant, after: Tenant) -> dict[str, tuple[Any, Any]]:
    return {
        name: (was, now)
        for name in ("providers", "routing", "sender", "senders", "legal_name")
        if (was := getattr(before, name)) != (now := getattr(after, name))
    }
