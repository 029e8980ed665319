"""What is set from outside: `LUMIERE_SMS_*` variables, or a settings file of the same `NAME=value` lines.

The file is `$LUMIERE_SMS_SETTINGS`, else `lumiere-sms.env` in the working directory where there is one;
systemd's `EnvironmentFile=` reads the same format. A variable beats the file. Secrets come from the
environment only: one that stands in the file is refused.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from lumiere_sms.errors import ConfigurationError, DefinitionError, Problem

DEFAULT_FILE = "lumiere-sms.env"
SECRETS = frozenset({"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "LUMIERE_SMS_SECRET"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by the name of its variable in lower case without `LUMIERE_SMS_`."""

    data_dir: Path
    database_url: str = field(default="", repr=False)  # it may hold a password
    tenant: str = ""
    provider: str = "twilio"  # or several, the first of them the primary: twilio,aws
    routing: str = "primary"
    twilio_from: str = ""
    twilio_messaging_service_sid: str = ""
    twilio_base_url: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    sns_sender_id: str = ""  # or a number; without one the account's own pool sends
    sns_type: str = ""  # promotional or transactional; without one the account's own
    sns_max_price: float = 0.0  # US dollars a text; 0: none
    aws_sender: str = ""  # a number, sender id, pool or ARN; without one AWS chooses
    aws_type: str = ""  # promotional or transactional
    aws_configuration_set: str = ""
    aws_events_queue_url: str = ""
    aws_max_price: float = 0.0  # US dollars a text; 0: none
    parts_per_second: float = 0.0  # 0: what the provider grants a plain number
    slots: int = 64
    connect_timeout: float = 3.0
    read_timeout: float = 31.0
    reconcile_after: str = "5,30,120,180"  # seconds after its arm at which a text in doubt is looked for
    provider_lists_within: float = 120.0  # seconds within which a provider lists what it has accepted
    seconds_between_lists: float = 1.0  # of the whole fleet, while it looks for texts in doubt
    stop_when_role: str = ""  # the database role that campaigns' stop_when is asked as
    provider_keywords: str = "twilio,aws"  # who answers STOP, START and HELP by itself; none: nobody does
    secret: str = field(default="", repr=False)  # mixed into the keys of hashes and links; never changed
    prices: str = ""
    pg_bin: str = ""
    postgres_user: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the environment and the settings file.

        Raises: DefinitionError for a line of the file that is not understood, ConfigurationError
        for a value that is not of its type.
        """
        values = {**_file_values(environment), **_known(environment)}
        given = {name: _typed(name, value, cls.__annotations__[name]) for name, value in values.items() if value}
        given.setdefault("data_dir", _default_data_dir())
        return cls(**given)  # type: ignore[arg-type]  # each value was made to the field's type above

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers, in the order they are tried; the first is the primary."""
        names = [each.partition(":")[0].strip() for each in self.provider.split(",")]  # twilio:70 has a weight
        return tuple(dict.fromkeys(filter(None, names))) or ("twilio",)

    def answers_keywords(self, provider: str) -> bool:
        """Say whether a provider answers STOP and the like by itself, so that nobody is answered twice."""
        return provider in {name.strip() for name in self.provider_keywords.split(",")}

    def sender_of(self, provider: str) -> str:
        """Return what texts through a provider come from where a tenant says nothing else, or an empty text."""
        match provider:
            case "twilio":
                return self.twilio_messaging_service_sid or self.twilio_from
            case "sns":
                return self.sns_sender_id
            case "aws":
                return self.aws_sender
            case _:
                return ""


def variable_of(name: str) -> str:
    """Return the environment variable that holds the setting `name`."""
    upper = name.upper()
    return upper if upper in SECRETS or upper == "DATABASE_URL" else f"LUMIERE_SMS_{upper}"


def _known(environment: Mapping[str, str]) -> dict[str, str]:
    names = (field.name for field in fields(Settings))
    return {name: environment[variable_of(name)] for name in names if variable_of(name) in environment}


def _file_values(environment: Mapping[str, str]) -> dict[str, str]:
    named = environment.get("LUMIERE_SMS_SETTINGS", "")
    path = Path(named or DEFAULT_FILE)
    if not path.is_file():
        if named:
            raise ConfigurationError(f"the settings file {path} does not exist", hint="mend LUMIERE_SMS_SETTINGS")
        return {}
    values, problems = {}, []
    by_variable = {variable_of(field.name): field.name for field in fields(Settings)}
    for number, line in enumerate(_text_of(path).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        variable, equals, value = text.partition("=")
        if wrong := _complaint(variable, equals, by_variable):
            shown = f"{variable}=…" if equals else line  # whatever the value is, it may be a secret
            problems.append(Problem(str(path), number, 1, wrong, source=shown, width=len(variable)))
            continue
        values[by_variable[variable]] = value.strip().strip("\"'")
    if problems:
        raise DefinitionError(problems)
    return values


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the settings file {path} is not UTF-8", hint="save it as UTF-8") from error


def _complaint(variable: str, equals: str, known: Mapping[str, str]) -> str:
    if not equals:
        return "expected NAME=value"
    if variable in SECRETS:
        return f"{variable} is a secret and does not belong in a file; set it in the environment"
    if variable in known:
        return ""
    guess = get_close_matches(variable, known, n=1)
    return f'unknown setting "{variable}"' + (f'; did you mean "{guess[0]}"?' if guess else "")


def _typed(name: str, value: str, wanted: object) -> object:
    if wanted is Path:
        return Path(value).expanduser().absolute()
    if wanted not in {int, float}:
        return value
    try:
        number = int(value) if wanted is int else float(value)
    except ValueError as error:
        raise ConfigurationError(f'{variable_of(name)} is "{value}"; it must be a number') from error
    if not 0 < number < 1_000_000:  # noqa: PLR2004 - no setting of ours is larger, and none may be 0
        raise ConfigurationError(f"{variable_of(name)} is {value}; it must be greater than 0 and below 1,000,000")
    return number


def _default_data_dir() -> Path:
    """Return where the tool keeps what it keeps: /var/lib for root, the user's data folder otherwise."""
    from platformdirs import user_data_dir  # noqa: PLC0415 - only where no folder is named

    if os.geteuid() == 0:
        return Path("/var/lib/lumiere-sms")
    return Path(user_data_dir("lumiere-sms") or tempfile.gettempdir())
