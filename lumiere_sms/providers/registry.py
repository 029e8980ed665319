"""The providers by name: ours, and those that other packages add.

A package adds one by an entry point of the group `lumiere_sms.providers`, whose name is what
LUMIERE_SMS_PROVIDER says and whose value is a class that keeps the contract of base.py:

    [project.entry-points."lumiere_sms.providers"]
    pigeon = "pigeon_post.provider:PigeonProvider"

A class is imported when it is used: each brings an SDK along. So what is asked of ours more often than
that (how fast, from which sender) stands here beside the place of the class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers.base import Provider
from lumiere_sms.settings import Settings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "lumiere_sms.providers"
OWN_POOL = "default"  # a sender that AWS is not told: the account's own pool sends


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """Where a class of ours is, and the same of it that a class of others says by itself (base.py)."""

    target: str
    parts_per_second: float
    plain_sender: str = ""
    sender_hint: str = ""


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "twilio": BuiltIn(
            "lumiere_sms.providers.twilio:TwilioProvider",
            parts_per_second=1.0,  # a long code
            sender_hint="export LUMIERE_SMS_TWILIO_FROM=+1… or LUMIERE_SMS_TWILIO_MESSAGING_SERVICE_SID=MG…",
        ),
        "sns": BuiltIn("lumiere_sms.providers.sns:SnsProvider", parts_per_second=10.0, plain_sender=OWN_POOL),
        "aws": BuiltIn("lumiere_sms.providers.aws:AwsProvider", parts_per_second=10.0, plain_sender=OWN_POOL),
        "console": BuiltIn(
            "lumiere_sms.providers.console:ConsoleProvider", parts_per_second=100.0, plain_sender="console"
        ),
    }
)


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers that can be used here: ours first, then those of other packages."""
    return (*BUILT_IN, *sorted(_others().keys() - BUILT_IN.keys()))


def provider_class(name: str) -> type[Provider]:
    """Import the class of a provider. Raises: ConfigurationError for one that does not exist or is none."""
    try:
        if name in BUILT_IN:
            module, _, attribute = BUILT_IN[name].target.partition(":")
            return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
        found = _other(name).load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f'the provider "{name}" cannot be imported: {error}', hint="install its package anew"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ConfigurationError(f'the provider "{name}" is not a class that keeps the contract of a provider')
    return found


def make_provider(name: str, settings: Settings) -> Provider:
    """Make a provider as the settings say. Raises: ConfigurationError where it does not exist or lacks something."""
    provider = provider_class(name).from_settings(settings)
    if provider.name != name:
        raise ConfigurationError(f'the provider "{name}" calls itself "{provider.name}"', hint="its `name` is at fault")
    return provider


def default_sender(name: str, settings: Settings) -> str:
    """Return what texts through a provider come from where a tenant says nothing else, or an empty text."""
    if name in BUILT_IN:
        return settings.sender_of(name) or BUILT_IN[name].plain_sender
    return provider_class(name).sender_from(settings)


def sender_hint(name: str) -> str:
    """Say how a sender is set for a provider that needs one."""
    return BUILT_IN[name].sender_hint if name in BUILT_IN else f"name its sender at {name} with each tenant"


def plain_pace(name: str) -> float:
    """Return the parts per second that a provider grants a plain sender."""
    return BUILT_IN[name].parts_per_second if name in BUILT_IN else provider_class(name).parts_per_second


def _others() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 15 ms that whoever uses one of ours saves

    return {each.name: each for each in entry_points(group=GROUP)}


def _other(name: str) -> "EntryPoint":
    others = _others()
    if name not in others:
        names = provider_names()
        guess = get_close_matches(name, names, n=1)
        hint = f"LUMIERE_SMS_PROVIDER is one or several of {', '.join(names)}"
        hint = f'did you mean "{guess[0]}"?' if guess else hint
        raise ConfigurationError(f'there is no provider "{name}"', hint=hint)
    return others[name]
