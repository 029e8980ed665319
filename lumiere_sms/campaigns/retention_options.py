"""Retention as an operator writes it: `texts=400d`."""

from collections.abc import Sequence

from lumiere_sms.audience.fields import guess
from lumiere_sms.campaigns.tenant_ways import AS_SET
from lumiere_sms.definitions.retaining import DATA, kept_text, read_kept
from lumiere_sms.errors import UsageError, quoted

_TAKEN_BACK = frozenset({AS_SET, "none", "forever"})


def read_retention(options: Sequence[str]) -> dict[str, str | None]:
    """Read how long what is kept, as `change_rules` takes it; `default` takes a rule back. Raises: UsageError.

    >>> read_retention(["texts=400d,answers=2y", "events=default"])
    {'texts': '400d', 'answers': '730d', 'events': None}
    """
    return dict(_read(each.strip()) for option in options for each in option.split(","))


def _read(option: str) -> tuple[str, str | None]:
    data, equals, text = (part.strip() for part in option.partition("="))
    if data not in DATA:
        hint = guess(data, DATA) or f"write one of {', '.join(DATA)}, such as texts=400d"
        raise UsageError(f"{quoted(data)} is nothing that is kept for a time", hint=hint)
    if not equals or not text:
        raise UsageError(f"{quoted(option)} does not say how long", hint=f"write {data}=400d, or {data}={AS_SET}")
    if text in _TAKEN_BACK:
        return data, None
    try:
        return data, kept_text(read_kept(text))
    except ValueError as error:
        raise UsageError(str(error), hint=f"{data}={AS_SET} keeps them as ever") from error
