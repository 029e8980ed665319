"""How one person's data look: as JSON, in a terminal, and as a page that can be handed to them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output
from lumiere_sms.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from lumiere_sms.privacy.erasing import Erased
    from lumiere_sms.privacy.exports import Kept

TITLES = {
    "customers": "What is known of you",
    "consents": "What you agreed to, and took back",
    "consent_evidence": "What proves that",
    "person_keys": "The key that what proves that is sealed with",
    "suppressions": "Why your number is not texted",
    "segment_members": "Lists that you are on",
    "segment_revisions": "Lists that you are or were on",
    "campaign_recipients": "Texts to you",
    "inbound_messages": "What you wrote to us",
    "responses": "When you answered, or followed a link",
    "enrolments": "Sequences of texts that you are or were in",
    "submissions": "Each time a text was handed to a provider",
    "delivery_events": "What providers reported of these",
    "opt_out_links": "Your link to refuse texts",
    "phone_turns": "When a text to you was last counted",
    "audit_log": "What was done that is about you",
}
LIST_ENDINGS = (".csv", ".txt")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "h2{margin-top:2em;border-bottom:1px solid #ccc}table{border-collapse:collapse;margin:0 0 1em;width:100%}"
    "th{text-align:left;font-weight:normal;color:#666;width:14em;vertical-align:top;padding:.1em 1em .1em 0}"
    "td{padding:.1em 0;white-space:pre-wrap;overflow-wrap:anywhere}table+table{border-top:1px solid #eee}"
)


def is_person(target: str, *, page: Path | None, as_json: bool, bom: bool) -> bool:
    """Say whether an export is of a person, not of the list: a file ends in .csv or .txt, or has a / in its name.

    Raises: UsageError for options of the one with the other.
    """
    is_file = not target or "/" in target or target.lower().endswith(LIST_ENDINGS)
    if is_file and (page or as_json):
        hint = "name the person: lumiere-sms customer export 090-1234-5678 --json"
        raise UsageError("--json and --page are for one person's data", hint=hint)
    if not is_file and bom:
        raise UsageError("--bom is for the list of all customers", hint="leave it out")
    return not is_file


def show_kept(kept: "Kept", *, page: Path | None, zone: str, as_json: bool) -> None:
    """Print all that is kept of a person, or write it as a page. Raises: ConfigurationError."""
    if page is not None:
        try:
            page.touch(mode=0o600)
            page.write_text(page_of(kept, zone=zone), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{page} cannot be written: {error.strerror}") from error
        output.say(f"{_counted(kept)} written to {page}")
    if as_json:
        output.print_json(asdict(kept))
    elif page is None:
        _print(kept, zone=zone)


def page_of(kept: "Kept", *, zone: str) -> str:
    """Return a page with everything on it, which needs nothing from anywhere."""
    title = f"What {kept.business} keeps of {kept.number or kept.id}"
    body = "".join(_section(table, rows, zone=zone) for table, rows in kept.rows.items())
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    told = f"<h1>{escape(title)}</h1><p>As of {escape(output.local(kept.at, zone))}.</p>"
    return f"<!doctype html>\n<html><head>{head}</head><body>{told}{body}</body></html>\n"


def show_erased(erased: "Erased", *, zone: str, as_json: bool) -> None:
    """Say what an erasure did, or would do, by table."""
    if as_json:
        output.print_json(asdict(erased))
    else:
        tables = sorted(erased.removed.keys() | erased.emptied.keys())
        rows = [(table, erased.removed.get(table), erased.emptied.get(table)) for table in tables]
        output.print_table(("table", ">rows that go", ">rows that stay, without the person"), rows)
    for line in _told(erased, zone=zone):
        output.say(line)


def _told(erased: "Erased", *, zone: str) -> Iterator[str]:
    if erased.cancelled:
        yield f"texts that waited, cancelled: {erased.cancelled:,}"
    if erased.on_the_wire:
        what = "text is on the wire; its" if erased.on_the_wire == 1 else "texts are on the wire; their"
        yield f"{erased.on_the_wire:,} {what} number is kept until that is settled; `lumiere-sms run` finishes it"
    yield f"consent can be proved until {output.local(erased.keep_until, zone)}"
    if erased.dry_run:
        yield "a dry run: nothing was changed"
    else:
        yield "not reached from here: your files and lists, backups, and the providers' own records"


def _print(kept: "Kept", *, zone: str) -> None:
    for table, rows in kept.rows.items():
        output.print_text(f"{TITLES.get(table, table)} ({len(rows):,})")
        for row in rows:
            output.print_facts((f"  {name}", value) for name, value in _facts(row, zone=zone))
            output.print_text("")
    output.say(_counted(kept))


def _counted(kept: "Kept") -> str:
    count = sum(map(len, kept.rows.values()))
    return f"{count:,} rows of {len(kept.rows):,} tables" if count != 1 else "1 row"


def _section(table: str, rows: list[dict[str, Any]], *, zone: str) -> str:
    tables = "".join(f"<table>{_lines(row, zone=zone)}</table>" for row in rows)
    return f"<h2>{escape(TITLES.get(table, table))}</h2>{tables}"


def _lines(row: Mapping[str, Any], *, zone: str) -> str:
    return "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(row, zone=zone)
    )


def _facts(row: Mapping[str, Any], *, zone: str) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if value not in (None, "", [], {}):
            yield name.replace("_", " "), _text(value, zone=zone)


def _text(value: Any, *, zone: str) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return output.local(value, zone)
        case date():
            return value.isoformat()
        case list():
            return ", ".join(_text(each, zone=zone) for each in value)
        case dict():
            return "\n".join(f"{name}: {_text(each, zone=zone)}" for name, each in value.items())
        case _:
            return str(value)
