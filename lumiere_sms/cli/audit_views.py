"""What `lumiere-sms audit` shows."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from lumiere_sms.cli import output
from lumiere_sms.database.audit import MOST_BREAKS, Checked, Wanted, end_of, entries
from lumiere_sms.database.chain import Link

if TYPE_CHECKING:
    from lumiere_sms.audience.consent_rows import CheckedConsents
    from lumiere_sms.database.connection import Database
    from lumiere_sms.database.tenants import Tenant

_WIDEST = 60  # columns of a change in a table; JSON has it whole
_NARROWEST = 16  # with less room it is left out
_COLUMNS = (">entry", "at", "who", "did", "to", "?why", "?change")


def tail(database: "Database", tenant: "Tenant", wanted: Wanted, *, every: float | None, as_json: bool) -> None:
    """Print entries; with `every`, look for more each so many seconds, until a person ends it."""
    from time import sleep

    is_first = True
    while True:
        with database.transaction(read_only=True) as connection:
            end = end_of(connection, tenant.id)
            found = entries(connection, tenant.id, wanted)
        if found or is_first:
            _show(found, zone=tenant.timezone, as_json=as_json, is_first=is_first)
        if every is None:
            return
        is_first = False
        wanted = replace(wanted, newest=None, after=max(end.seq, found[-1]["seq"] if found else 0))
        sleep(every)


def show_checked(found: Checked, consents: "CheckedConsents", *, as_json: bool) -> None:
    """Print what a look at the whole chain, and at all consents, found."""
    end = f"{found.head.seq}:{found.head.hash.hex()}"
    if as_json:
        breaks = [{"seq": each.seq, "problem": each.problem} for each in found.breaks]
        told = {"consents": [asdict(each) for each in consents.faults], "differing": consents.differing}
        output.print_json(
            {"entries": found.entries, "end": end, "unchained": found.unchained, "breaks": breaks, **told}
        )
        return
    for each in found.breaks:
        output.print_text(f"entry {each.seq:,}: {each.problem}")
    if len(found.breaks) == MOST_BREAKS:
        output.say("there are more")
    if not found.breaks:
        count = output.counted(found.entries, "entry", "entries")
        output.print_text(f"{count}, each as it was written; the end is\n{end}")
    _show_consents(consents)
    if found.unchained:
        output.say(f"{found.unchained:,} older entries are from before the log was a chain; they prove nothing")


def _show_consents(consents: "CheckedConsents") -> None:
    for each in consents.faults:
        which = f"consent {each.consent_id}" if each.consent_id else "its consents"
        output.print_text(f"{f'entry {each.seq:,}' if each.seq else 'no entry'}, {which}: {each.problem}")
    if consents.differing:
        output.print_text(f"{consents.differing:,} times the newest consent is not what holds for the customer")


def read_anchor(text: str) -> Link:
    """Read an end of the chain as `verify` prints it. Raises: typer.BadParameter."""
    number, _, digest = text.partition(":")
    try:
        return Link(int(number), bytes.fromhex(digest)) if len(digest) == 2 * len(bytes(32)) else _wrong()
    except ValueError:
        return _wrong()


def read_since(text: str, *, now: datetime, zone: str) -> datetime:
    """Read a duration until now, a day, or a time at a zone. Raises: typer.BadParameter.

    >>> noon = datetime(2026, 3, 15, 12, tzinfo=UTC)
    >>> [read_since(each, now=noon, zone="Asia/Tokyo").isoformat() for each in ("36h", "2026-03-15")]
    ['2026-03-14T00:00:00+00:00', '2026-03-14T15:00:00+00:00']
    """
    from lumiere_sms.schedule.instants import instant_of, parse_duration

    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else instant_of(found, ZoneInfo(zone))
    except (ValueError, OverflowError) as error:
        said = f'"{text}" is no duration and no time; write 24h, 2026-03-15 or "2026-03-15 10:00"'
        raise typer.BadParameter(said, param_hint="--since") from error


def _wrong() -> Link:
    said = "give a number, a colon and 64 hexadecimal digits, as `audit verify` prints them"
    raise typer.BadParameter(said, param_hint="--anchor")


def _show(found: Sequence[Mapping[str, Any]], *, zone: str, as_json: bool, is_first: bool) -> None:
    if as_json:
        for each in found:
            sys.stdout.write(json.dumps(_document(each), ensure_ascii=False, default=str) + "\n")
    elif is_first:
        output.print_table(_COLUMNS, _fitted([_row(each, zone) for each in found]), empty="no entries")
    else:
        output.print_text("\n".join("  ".join(cell for cell in _row(each, zone) if cell) for each in found))
    sys.stdout.flush()


def _row(entry: Mapping[str, Any], zone: str) -> tuple[str, ...]:
    at, why = output.local(entry["at"], zone), entry["reason"] or ""
    return f"{entry['seq']:,}", at, entry["actor"], entry["action"], entry["subject"], why, _change(entry)


def _change(entry: Mapping[str, Any]) -> str:
    """Return the values that differ, or the beginning of that."""
    before, after = (json.loads(entry[name] or "{}") for name in ("before", "after"))
    differing = (name for name in {**before, **after} if before.get(name, ...) != after.get(name, ...))
    told = (f"{name}: {_side(before, name, ' → ')}{_side(after, name)}" for name in differing)
    return " ".join("; ".join(told).split())


def _side(values: Mapping[str, Any], name: str, mark: str = "") -> str:
    return f"{_plain(values[name])}{mark}" if name in values else ""


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Mapping() if value:
            return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
        case list() if value:
            return ", ".join(map(_plain, value))
    return "-" if value in (None, [], {}) else str(value)


def _fitted(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Cut what changed to the room that the other columns leave."""
    from rich.cells import cell_len

    from lumiere_sms.cli.columns import ROOMY

    taken = sum(max(map(cell_len, cells), default=0) + ROOMY for cells in zip(*(row[:-1] for row in rows), strict=True))
    room = min(_WIDEST, max(_NARROWEST, output.console().width - taken))
    return [(*row[:-1], output.cut(row[-1], room)) for row in rows]


def _document(entry: Mapping[str, Any]) -> dict[str, Any]:
    parsed = {name: json.loads(entry[name]) if entry[name] else None for name in ("before", "after")}
    return {**entry, **parsed, "hash": bytes(entry["hash"]).hex(), "at": entry["at"].isoformat()}
