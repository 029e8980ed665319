"""GET Messages as Twilio answers it: filters, pages of up to 1,000, the address of the next one."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from lumiere_sms.testing.twilio_messages import StoredText, TextStore, as_twilio_says
from lumiere_sms.testing.twilio_replies import API, StoredReply

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000
TOKEN_PREFIX = "PA"  # noqa: S105 - marks a page, guards nothing


def message_list(
    store: TextStore, query: Mapping[str, str], now: datetime, *, account_sid: str, lag: Callable[[str], timedelta]
) -> dict[str, Any]:
    """Return one page of what the query asks for, the newest first; a text is missing for as long as its `lag`.

    Raises: ValueError for a day that is none.
    """
    size = min(max(_number(query.get("PageSize", ""), DEFAULT_PAGE), 1), LARGEST_PAGE)
    page = _number(query.get("Page", ""), 0)
    start = query.get("PageToken", "").removeprefix(TOKEN_PREFIX)
    is_asked_for = _filter(query, now)
    stored = store.newest_first(start=start, to=query.get("To"))
    texts = (text for text in stored if is_asked_for(text) and now - text.at >= lag(text.sid))
    found = list(islice(texts, size + 1))
    address = f"{API}/{account_sid}/Messages.json"
    return {
        "messages": [as_twilio_says(text, now, account_sid=account_sid) for text in found[:size]],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + len(found[:size]) - 1,
        "first_page_uri": _page_uri(address, query, size),
        "next_page_uri": _page_uri(address, query, size, page + 1, found[size].sid) if len(found) > size else None,
        "previous_page_uri": None,
        "uri": _page_uri(address, query, size, page, start),
    }


def _page_uri(address: str, query: Mapping[str, str], size: int, page: int = 0, sid: str = "") -> str:
    kept = {name: value for name, value in query.items() if name not in {"PageSize", "Page", "PageToken"}}
    token = {"PageToken": TOKEN_PREFIX + sid} if sid else {}
    return f"{address}?{urlencode({**kept, 'PageSize': size, 'Page': page, **token})}"


def _filter(query: Mapping[str, str], now: datetime) -> Callable[[StoredText | StoredReply], bool]:
    """Make the test that the query asks for. Raises: ValueError for a day that is none."""
    to, sender = query.get("To"), query.get("From")
    exact, until, since = (_day(query.get(name, "")) for name in ("DateSent", "DateSent<", "DateSent>"))

    def is_asked_for(text: StoredText | StoredReply) -> bool:
        sent_on = text.sent_on(now) or date.max  # what waits is on no day that anybody asks for
        return (
            to in {None, text.to}
            and sender in {None, text.sender}
            and exact in {None, sent_on}
            and (not until or sent_on <= until)
            and (not since or since <= sent_on < date.max)
        )

    return is_asked_for


def _day(value: str) -> date | None:
    """Read a date, or the date of a time as the SDK writes it; Twilio's filters know days only."""
    return date.fromisoformat(value[:10]) if value else None


def _number(value: str, otherwise: int) -> int:
    return int(value) if value.isdecimal() else otherwise
