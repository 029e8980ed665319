"""What an entry of the audit log keeps of a change: the values that differ, and nothing that names a person.

A long text is told by its beginning and its SHA-256, which is enough to prove later which one it was; and of criteria
that look for somebody by name or number, what is looked for is left out. Pure.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from lumiere_sms.logs import mask_phone

LONGEST, BEGINNING = 200, 60  # characters of a text
LARGEST = 2_000  # characters of a list or an object, as JSON
LEFT_OUT = "(a person's)"
_PERSONAL = frozenset({"first_name", "last_name", "phone_number", "external_id"})
# Numbers as people write them: with the country, from 0 on, in North America's groups, or ten digits and more at once.
_GAP = r"[ ()\-\u2010-\u2015\u2212\u30fc\uff0d]{0,2}"
_NUMBER = re.compile(
    rf"(?<![\w+])(?:[+\uff0b]\d(?:{_GAP}\d){{6,14}}|\(?[0\uff10]\d(?:{_GAP}\d){{7,9}}"
    r"|\(?\d{3}\)?[ -]\d{3}[ -]\d{4}|\d{10,15})(?!\w)"
)


def told(fields: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return `before` and `after` of an entry, from the values before and after; what was nothing is not in `before`.

    >>> told({"rate": (10, 20), "note": (None, "slow")})
    ({'rate': 10}, {'rate': 20, 'note': 'slow'})
    >>> told({"rate": (None, 20)})
    (None, {'rate': 20})
    """
    before = {name: brief(value) for name, (value, _) in fields.items() if value is not None}
    return before or None, {name: brief(value) for name, (_, value) in fields.items()}


def without_numbers(text: str) -> str:
    """Return a sentence that somebody wrote, with the phone numbers in it masked: an entry stays for ever.

    >>> without_numbers("090-1234-5678 (+81 90 1234 5678) asked on 2026-03-15 10:00, order 4711")
    '090······78 (+81········78) asked on 2026-03-15 10:00, order 4711'
    """
    return _NUMBER.sub(lambda found: mask_phone(re.sub(r"[^\d+]", "", found[0])), text)


def brief(value: Any) -> Any:
    """Return a value as an entry keeps it.

    >>> brief("x" * 1_000)[56:85]
    'xxxx… (1,000 characters, SHA-'
    >>> brief({"field": "last_name", "operator": "eq", "value": "田中"})
    {'field': 'last_name', 'operator': 'eq', 'value': "(a person's)"}
    """
    kept = _brief(json.loads(json.dumps(value, default=str)))
    text = json.dumps(kept, ensure_ascii=False)
    return f"({_size(text)})" if isinstance(kept, dict | list) and len(text) > LARGEST else kept


def _brief(value: Any) -> Any:
    match value:
        case str() if len(value) > LONGEST:
            return f"{value[:BEGINNING]}… ({_size(value)})"
        case {"field": str() as field, "value": _} if field in _PERSONAL:
            return {**value, "value": LEFT_OUT}
        case dict():
            return {name: _brief(each) for name, each in value.items()}
        case list():
            return [_brief(each) for each in value]
        case _:
            return value


def _size(text: str) -> str:
    return f"{len(text):,} characters, SHA-256 {sha256(text.encode()).hexdigest()}"
