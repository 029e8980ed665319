"""What stands in the cells of a customer list, read into the text that PostgreSQL takes for each column.

Japanese lists mix full-width and half-width characters, write dates as 2026年3月15日 or 昭和60年4月1日,
money as ¥12,000 and yes as ○. A reader takes a cell that is not empty and returns PostgreSQL's text for
it, None where it says nothing, or raises ValueError with a sentence about the cell.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from lumiere_sms.audience.fields import EARLIEST_YEAR, LATEST_YEAR, shown
from lumiere_sms.audience.phones import read_phone
from lumiere_sms.audience.words import meanings, plain

Reader = Callable[[str], str | None]

LONGEST_KEY = 200  # characters of what an index holds
LONGEST_WORDING = 2_000

_WIDE = re.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff61-\uff9f\u3000]+")  # digits, letters, kana, the space
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE = re.compile(r"(\d{4})[-/.年 ]{1,2}(\d{1,2})[-/.月 ]{1,2}(\d{1,2})日?", re.ASCII)
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_ERA_DATE = re.compile(r"(令和|平成|昭和|大正)(元|\d{1,2})年(\d{1,2})月(\d{1,2})日", re.ASCII)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911}
_TIME = re.compile(r"(\d{1,2})[:時](\d{1,2})分?(?::(\d{1,2})(?:\.(\d{1,6})\d*)?)?", re.ASCII)
_WEEKDAY = re.compile(r" *\([^()\d]*\)")
_DECIMALS = 6  # of a second, in what PostgreSQL keeps
_OFFSET = re.compile(r"(.*?) *(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_MONEY = re.compile(r"-?\d{1,12}(\.\d{1,2})?", re.ASCII)
_RANGE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_ARRAY_SPECIAL = re.compile(r'(["\\])')


def read_text(text: str) -> str:
    """Return a text in one width: narrow letters and digits, wide kana, single plain spaces, NFC.

    >>> read_text("ﾀﾅｶ　ハナコ１")
    'タナカ ハナコ1'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text))
    return " ".join(text.split())


def read_key(text: str) -> str:
    """Return a customer number as `read_text` does. Raises: ValueError for one too long for an index."""
    key = read_text(text)
    if len(key) > LONGEST_KEY:
        raise ValueError(f"{len(key):,} characters are too many; {LONGEST_KEY} is the most")
    return key


def read_date(text: str) -> str:
    """Return an ISO date; the time of day, where there is one, is left out. Raises: ValueError."""
    if _ISO_DATE.fullmatch(text):
        try:
            return _in_calendar(date.fromisoformat(text)).isoformat()
        except ValueError as error:
            raise ValueError(f"{shown(text)} is not a day of the calendar") from error
    return _split_date(_narrow(text))[0].isoformat()


def read_instant(text: str, *, zone: ZoneInfo) -> str:
    """Return an ISO time; one without an offset is in `zone`. Raises: ValueError, also for a date without a time."""
    day, rest = _split_date(_narrow(text))
    if not rest:
        raise ValueError(f"{shown(text)} has no time of day; write 2026-03-15 10:00")
    return _instant(text, day, rest, zone).replace(microsecond=0).isoformat()


def read_opt_out(text: str, *, zone: ZoneInfo, now: datetime) -> str | None:
    """Return when a person refused: a date, a time, or `now` for a yes; None for a no. Raises: ValueError."""
    answer = meanings("answers").get(plain(text))
    if answer:
        return now.isoformat() if answer == "yes" else None
    return read_past(text, zone=zone, now=now)


def read_past(text: str, *, zone: ZoneInfo, now: datetime) -> str:
    """Return when something was said: a time, or a date, which is its first minute. Raises: ValueError, if ahead."""
    day, rest = _split_date(_narrow(text))
    instant = _instant(text, day, rest or "0:00", zone)
    if instant > now:
        raise ValueError(f"{shown(text)} is in the future")
    return instant.isoformat()


@lru_cache(maxsize=100)
def read_source(text: str) -> str:
    """Return how a person said something, as `consents` calls it. Raises: ValueError."""
    source = meanings("sources").get(plain(text))
    if not source:
        known = ", ".join(dict.fromkeys(meanings("sources").values()))
        raise ValueError(f"{shown(text)} is not a way to say so; write one of {known}")
    return source


@lru_cache(maxsize=1_000)
def read_wording(text: str) -> str:
    """Return the words that a person agreed to. Raises: ValueError for more than anybody reads or can read."""
    wording = " ".join(text.split())
    if any(unicodedata.category(character) == "Cc" for character in wording):
        raise ValueError("it has characters that nobody reads, such as those that steer a terminal")
    if len(wording) > LONGEST_WORDING:
        raise ValueError(f"{len(wording):,} characters are too many; {LONGEST_WORDING:,} is the most")
    return wording


def refuse_names(wording: str | None, *names: str | None) -> None:
    """Refuse words that name the person who agreed to them: they stay when the person is erased. Raises: ValueError."""
    if wording and any(name and name.casefold() in wording.casefold() for name in names):
        raise ValueError("the wording names the person; give the words of the paper or the form alone")


def read_count(text: str) -> str:
    """Return a whole number that is not negative, also from `12回`. Raises: ValueError."""
    digits = text if _COUNT.fullmatch(text) else re.sub(r",|回$|[.]0$", "", _narrow(text)).strip()
    if not _COUNT.fullmatch(digits):
        raise ValueError(f"{shown(text)} is not a whole number from 0 to 999,999,999")
    return digits


def read_money(text: str) -> str:
    """Return an amount, also from `¥12,000` or `12,000円`. Raises: ValueError."""
    if _MONEY.fullmatch(text):
        return text
    amount = re.sub(r"[¥\\$, ]|円|JPY", "", _narrow(text))
    if not _MONEY.fullmatch(amount):
        raise ValueError(f"{shown(text)} is not an amount of money")
    return amount


@lru_cache(maxsize=100)
def read_yes_no(text: str) -> str:
    """Return `true` or `false` for the words and signs that lists use. Raises: ValueError."""
    answer = meanings("answers").get(plain(text))
    if not answer:
        raise ValueError(f"{shown(text)} is neither yes nor no")
    return "true" if answer == "yes" else "false"


@lru_cache(maxsize=1_000)
def read_tags(text: str) -> str | None:
    """Return the tags of a cell, parted by comma, semicolon, `、` or `|`, each once, as an array's text."""
    tags = dict.fromkeys(tag for part in re.split(r"[,;|\u3001\uff0c\uff1b]", text) if (tag := read_key(part)))
    quoted = (f'"{_ARRAY_SPECIAL.sub(_BACKSLASHED, tag)}"' for tag in tags)
    return "{" + ",".join(quoted) + "}" if tags else None


def read_zone(text: str) -> str:
    """Return an IANA time zone. Raises: ValueError."""
    if not _is_zone(text.strip()):
        raise ValueError(f"{shown(text)} is not an IANA time zone such as Asia/Tokyo")
    return text.strip()


def read_hours(text: str) -> str:
    """Return hours of a day as `10:00-18:00`. Raises: ValueError."""
    narrow = re.sub(r"\s*(?:[\u301c~\u2013\u2014\u2212]|から)\s*", "-", _narrow(text))
    if not (found := _RANGE.fullmatch(narrow)):
        raise ValueError(f"{shown(text)} is not a span of hours such as 10:00-18:00")
    return f"{int(found[1]):02}:{found[2]}-{int(found[3]):02}:{found[4]}"


def split_name(text: str) -> tuple[str | None, str | None]:
    """Part a whole name into (last, first): Japanese names begin with the last name, Latin ones with the first.

    >>> split_name("田中　花子"), split_name("Hanako Tanaka"), split_name("Tanaka, Hanako"), split_name("田中様")
    (('田中', '花子'), ('Tanaka', 'Hanako'), ('Tanaka', 'Hanako'), ('田中', None))
    """
    name = read_text(text).removesuffix("様").strip()
    last, comma, first = name.partition(",")
    if comma:
        return last.strip() or None, first.strip() or None
    if not name.isascii() and not any("LATIN" in unicodedata.name(letter, "") for letter in name[:1]):
        last, _, first = name.partition(" ")
        return last or None, first or None
    first, _, last = name.rpartition(" ")
    return (last, first) if first else (None, last or None)


def attributes_text(attributes: dict[str, str]) -> str | None:
    """Return the cells of columns that are not ours as JSON; None where none is filled."""
    return json.dumps(attributes, ensure_ascii=False) if attributes else None


def readers(*, country: str, zone: ZoneInfo, now: datetime) -> dict[str, Reader]:
    """Return the reader of each column; numbers without `+` are of `country`, local times of `zone`."""
    return {
        "external_id": read_key,
        "phone_number": partial(read_phone, country=country),
        "first_name": read_text,
        "last_name": read_text,
        "total_sales": read_money,
        "visit_count": read_count,
        "last_visit_date": read_date,
        "next_appointment_at": partial(read_instant, zone=zone),
        "birthday": read_date,
        "tags": read_tags,
        "allow_promotional": read_yes_no,
        "allow_reminders": read_yes_no,
        "preferred_time": read_hours,
        "timezone": read_zone,
        "opt_out_date": partial(read_opt_out, zone=zone, now=now),
        "consent_date": partial(read_past, zone=zone, now=now),
        "consent_source": read_source,
        "consent_wording": read_wording,
    }


_BACKSLASHED = r"\\\1"


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _split_date(text: str) -> tuple[date, str]:
    """Return the date that a narrow text begins with, and what follows it and the day of the week."""
    for pattern in (_DATE, _COMPACT_DATE, _ERA_DATE):
        if (found := pattern.match(text)) and (rest := text[found.end() :])[:1] in _AFTER_DATE:
            day = _day(text, *found.groups()[-3:], era=found[1] if pattern is _ERA_DATE else "")
            return day, _WEEKDAY.sub("", rest, count=1).lstrip("T ")
    raise ValueError(f"{shown(text)} is not a date; write 2026-03-15, 2026/3/15 or 2026年3月15日")


_AFTER_DATE = ("", " ", "T", "(")


def _day(text: str, year: str, month: str, day: str, *, era: str) -> date:
    first = _ERAS.get(era, 0)
    try:
        return _in_calendar(date(first + (1 if year == "元" else int(year)), int(month), int(day)))
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not a day of the calendar") from error


def _in_calendar(day: date) -> date:
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(day.year)
    return day


def _instant(text: str, day: date, rest: str, zone: ZoneInfo) -> datetime:
    offset = _OFFSET.fullmatch(rest)
    found = _TIME.fullmatch(offset[1] if offset else rest)
    try:
        hour, minute, second = (int(part or 0) for part in found.groups()[:3]) if found else (99, 0, 0)
        fraction = int((found[4] or "").ljust(_DECIMALS, "0")) if found else 0
        local = datetime(day.year, day.month, day.day, hour, minute, second, fraction, tzinfo=zone)
        return datetime.fromisoformat(local.replace(tzinfo=None).isoformat() + offset[2].upper()) if offset else local
    except ValueError as error:
        raise ValueError(f"{shown(text)} has no time of day; write 2026-03-15 10:00") from error


@lru_cache(maxsize=1_000)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    except KeyError:
        return False
    return True
