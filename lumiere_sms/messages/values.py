"""What a template may say of a customer: the names, and the values one row gives them.

A name is written in snake_case or camelCase; both mean the same. What a CSV brought besides the
columns we know stands in `attributes` and is offered under its own name too. Where two sources
share a name, a campaign's variable beats a customer's column, and a column beats an attribute.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

COLUMNS = (
    "external_id",
    "phone_number",
    "first_name",
    "last_name",
    "total_sales",
    "visit_count",
    "last_visit_date",
    "birthday",
    "tags",
)
#: The link by which a recipient refuses further texts, where the tenant has an address for it.
LINK = "opt_out_url"
#: Names that every recipient's text may use.
FIELDS = frozenset({*COLUMNS, "name", "names", "next_appointment_at", "sender_name", LINK})
#: Of these, the ones that every customer has.
ALWAYS_PRESENT = frozenset({"phone_number", "total_sales", "visit_count", "tags", "sender_name", LINK})

#: What stands for a value where a text is estimated without a customer: Latin, so that it is the
#: template's own characters that decide the encoding.
SAMPLE_VALUES: Mapping[str, Any] = {
    "external_id": "C-1024",
    "phone_number": "+819012345678",
    "first_name": "Hanako",
    "last_name": "Yamada",
    "name": "Hanako Yamada",
    "names": "Hanako and Misaki Yamada",
    "total_sales": 12000,
    "visit_count": 12,
    "last_visit_date": date(2026, 3, 15),
    "next_appointment_at": datetime(2026, 3, 22, 14, 30, tzinfo=ZoneInfo("Asia/Tokyo")),
    "birthday": date(1990, 4, 1),
    "tags": ["regular"],
    "sender_name": "Salon",
    LINK: "https://s.example/0AzZ09aaBBcc",
}
SAMPLE_VALUE = "sample"

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"\W+")
_JAPANESE = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f]")


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """Return the one spelling of a name, however it is written.

    >>> snake_case("firstName"), snake_case("Favourite colour"), snake_case("好きな色")
    ('first_name', 'favourite_colour', '好きな色')
    """
    words = _HUMPS.sub("_", unicodedata.normalize("NFKC", name).strip())
    return unicodedata.normalize("NFKC", _NO_WORD.sub("_", words).strip("_").lower())


def is_japanese(text: str) -> bool:
    """Say whether kana or kanji stand in a text."""
    return _JAPANESE.search(text) is not None


def full_name(first: str | None, last: str | None) -> str | None:
    """Join a name as its script does: 田中花子, Hanako Tanaka; None where there is none."""
    if not first or not last:
        return first or last or None
    return f"{last}{first}" if _JAPANESE.search(last) or _JAPANESE.search(first) else f"{first} {last}"


def joined_names(people: Iterable[Sequence[str | None]]) -> str | None:
    """Join the names of several people as their script does, a family's name once; None where there is none.

    >>> joined_names([("花子", "田中"), ("美咲", "田中")])
    '田中花子様・美咲様'
    >>> joined_names([("Hanako", "Tanaka"), ("Misaki", "Tanaka")])
    'Hanako and Misaki Tanaka'
    """
    named = [(first, last) for first, last in dict.fromkeys(map(tuple, people)) if first or last]
    whole = [full_name(first, last) or "" for first, last in named]
    if len(named) < 2:  # noqa: PLR2004 - several
        return whole[0] if whole else None
    if is_japanese("".join(whole)):
        before = [None, *(last for _, last in named[:-1])]
        shown = zip(named, before, whole, strict=True)
        called = [first if first and last == family else one for (first, last), family, one in shown]
        return "・".join(f"{one.removesuffix('様')}様" for one in called)
    (first, family), *others = named
    if family and first and all(last == family and each for each, last in others):
        return f"{_listed([one or '' for one, _ in named])} {family}"
    return _listed(whole)


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"


def values_of(
    row: Mapping[str, Any], *, variables: Mapping[str, Any], tenant_name: str, zone: str, opt_out_url: str | None = None
) -> dict[str, Any]:
    """Return what a template may say to the customer of `row`; a blank text is no value.

    `row` has every column of `customers`; `zone` is the recipient's, and its wall time is what
    `next_appointment_at` shows.
    """
    values: dict[str, Any] = {}
    for name, value in row["attributes"].items():
        values[name] = values[snake_case(name)] = value if value != "" else None
    for column in COLUMNS:
        values[column] = row[column] or None if isinstance(row[column], str) else row[column]
    appointment = row["next_appointment_at"]
    values["name"] = full_name(values["first_name"], values["last_name"])
    values["names"] = joined_names(json.loads(row["names"])) if row.get("names") else values["name"]
    values["next_appointment_at"] = appointment and appointment.astimezone(ZoneInfo(zone))
    values["sender_name"] = tenant_name
    values[LINK] = opt_out_url
    for name, value in variables.items():
        values[name] = values[snake_case(name)] = value
    return values
