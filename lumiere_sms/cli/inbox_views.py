"""How answers look: phones masked, and nothing in a message steers a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from lumiere_sms.cli import output

LONGEST = 40  # columns of a message in a table
_WIDEST_NAME = 16  # columns
_COLUMNS = ("id", "received", "from", "means", "message", "?answers", "?decided by")


def show_list(
    messages: Sequence[Mapping[str, Any]],
    *,
    zone: str,
    more: int | None,
    show_phones: bool,
    as_json: bool,
    empty: str,
) -> None:
    """Print messages as a table, and how to go on when the page is full."""
    if as_json:
        output.print_json([_plain(each, show_phones=show_phones) for each in messages])
        return
    rows = [_row(each, zone, show_phones=show_phones) for each in messages]
    output.print_table(_COLUMNS, rows, empty=empty)
    if more:
        output.say(f"there may be more: --page {more}")


def show_message(message: Mapping[str, Any], *, zone: str, show_phones: bool, as_json: bool) -> None:
    """Print one message whole."""
    if as_json:
        output.print_json(_plain(message, show_phones=show_phones))
        return
    decided = message["decided_at"] and f"{message['decided_by']}, {output.local(message['decided_at'], zone)}"
    output.print_facts(
        [
            ("id", message["id"]),
            ("received", output.local(message["received_at"], zone)),
            ("from", _phone(message, show_phones=show_phones)),
            ("who", _inline(message["customer"]) or "nobody whom you know"),
            ("to", f"{_inline(message['sender'])} ({message['provider']})"),
            ("means", message["meaning"]),
            ("decided by", decided),
            ("answers", _inline(message["campaign"]) or "no text of ours: a stray message"),
            ("the text", _inline(message["text"])),
            ("answered", message["answer"] and f"{_inline(message['answer'])} ({message['answer_status']})"),
        ]
    )
    output.print_text(f"\n{message['body']}")


def say_decided(meaning: str, suppression: Mapping[str, Any] | None) -> None:
    """Say what a message means now, and whether its number is texted."""
    if suppression is None:
        output.say(f'noted: it means "{meaning}"')
        return
    output.say(f'noted: it means "{meaning}"; the number is not texted ({suppression["reason"]})')
    if meaning == "start":
        output.say("they asked for texts again? then: lumiere-sms suppression lift PHONE --reason TEXT")


def _plain(message: Mapping[str, Any], *, show_phones: bool) -> dict[str, Any]:
    return {**message, "phone_number": _phone(message, show_phones=show_phones)}


def _phone(message: Mapping[str, Any], *, show_phones: bool) -> str | None:
    number = message["phone_number"].partition(":")[0]  # of whom was erased, "erased:" and the row's id
    return output.phone(number, show_phones=show_phones)


def _sender(message: Mapping[str, Any], *, show_phones: bool) -> str | None:
    """Name who wrote: a number that is masked tells less than a name."""
    name = _inline(message["customer"])
    if show_phones or not name:
        return _phone(message, show_phones=show_phones)
    return output.cut(name, _WIDEST_NAME)


def _inline(text: str | None) -> str | None:
    return text and " ".join(text.split())


def _row(message: Mapping[str, Any], zone: str, *, show_phones: bool) -> tuple[Any, ...]:
    body = _inline(message["body"]) or "(empty)"
    return (
        message["key"],
        output.local(message["received_at"], zone),
        _sender(message, show_phones=show_phones),
        message["meaning"],
        output.cut(body, LONGEST),
        _inline(message["campaign"]) or "stray",
        message["decided_by"],
    )
