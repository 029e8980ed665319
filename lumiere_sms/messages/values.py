"""What a template may say of a customer: the names, and the values one row gives them.

A name is written in snake_case or camelCase; both mean the same. What a CSV brought besides the
columns we know stands in `attributes` and is offered under its own name too. Where two sources
share a name, a campaign's variable beats a customer's column, and a column beats an attribute.
"""

import re
import unicodedata
from collections.abc import Mapping
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
#: Names that every recipient's text may use.
FIELDS = frozenset({*COLUMNS, "name", "next_appointment_at", "sender_name"})
#: Of these, the ones that every customer has.
ALWAYS_PRESENT = frozenset({"phone_number", "total_sales", "visit_count", "tags", "sender_name"})

#: What stands for a value where a text is estimated without a customer: Latin, so that it is the
#: template's own characters that decide the encoding.
SAMPLE_VALUES: Mapping[str, Any] = {
    "external_id": "C-1024",
    "phone_number": "+819012345678",
    "first_name": "Hanako",
    "last_name": "Yamada",
    "name": "Hanako Yamada",
    "total_sales": 12000,
    "visit_count": 12,
    "last_visit_date": date(2026, 3, 15),
    "next_appointment_at": datetime(2026, 3, 22, 14, 30, tzinfo=ZoneInfo("Asia/Tokyo")),
    "birthday": date(1990, 4, 1),
    "tags": ["regular"],
    "sender_name": "Salon",
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


def values_of(row: Mapping[str, Any], *, variables: Mapping[str, Any], tenant_name: str, zone: str) -> dict[str, Any]:
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
    values["next_appointment_at"] = appointment and appointment.astimezone(ZoneInfo(zone))
    values["sender_name"] = tenant_name
    for name, value in variables.items():
        values[name] = values[snake_case(name)] = value
    return values
