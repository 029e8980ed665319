"""What `lumiere-sms campaign` and `send` read from their options, and how they show what they found."""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli import sequence_views as sequences
from lumiere_sms.cli import trial_views as trials

if TYPE_CHECKING:
    from lumiere_sms.analytics.report import Answers, Report
    from lumiere_sms.campaigns.launch import Launched
    from lumiere_sms.campaigns.lifecycle import Moved
    from lumiere_sms.cli.context import Context
    from lumiere_sms.definitions.models import Definitions
    from lumiere_sms.planning.preview import Previewed

Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A variable's value; may be given again.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Send it now, as `run --once` does.")]

ROWS = 50  # recipients that a table shows
COLUMNS = ("name", "type", "status", "starts", ">texts", ">sent", ">delivered", ">failed", ">cost at most")
TYPES = ("blast", "promotional", "drip", "reminder")
STATUSES = ("draft", "scheduled", "running", "paused", "completed", "cancelled")
RECIPIENT_STATUSES = (
    "pending", "claimed", "submitting", "sent", "delivered", "bounced", "failed", "unknown", "suppressed", "expired",
    "cancelled",
)  # fmt: skip
_WIDEST_TEXT = 40  # columns, in a table
_ACCEPTED = ("sent", "delivered", "bounced")
_RECIPIENT_COLUMNS = ("phone", "status", "reason", "send after", ">parts", ">attempts", "provider", "code", "text")
_CSV_COLUMNS = (
    "phone_number", "status", "reason", "timezone", "send_after", "expires_at", "encoding", "parts", "attempt",
    "provider", "provider_message_id", "error_code", "error_message", "cost", "currency", "sent_at", "delivered_at",
    "text", "finding", "step", "variant",
)  # fmt: skip


def read_variables(given: Sequence[str] | None) -> dict[str, str] | None:
    """Read NAME=VALUE options; None where there are none."""
    pairs = [each.partition("=") for each in given or ()]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise typer.BadParameter("write NAME=VALUE", param_hint="--var")
    return {name: value for name, _, value in pairs} or None


def definitions_of(
    context: "Context", file: Path | None, name: str | None, *, given: Mapping[str, Any]
) -> "Definitions":
    """Return what `campaign create` makes: one campaign of a file, or one of options."""
    from lumiere_sms.campaigns import sources
    from lumiere_sms.definitions.options import define_campaign

    if file is not None:
        if any(value is not None for value in given.values()):
            raise typer.BadParameter("a file and options exclude each other; only --name may stand beside a file")
        return sources.pick_campaign(sources.read_files(context.database, context.tenant, [file]), name)
    if name is None:
        raise typer.BadParameter("give a file, or --name and what to send to whom")
    return sources.of_options(define_campaign(name, given, defaults_zone=context.tenant.timezone))


def require_status(status: str | None) -> str | None:
    """Check a campaign's state."""
    return _require(status, STATUSES, "--status")


def require_type(type_: str | None) -> str | None:
    """Check a campaign's type."""
    return _require(type_, TYPES, "--type")


def require_recipient_statuses(statuses: Sequence[str] | None) -> list[str]:
    """Check the states of recipients."""
    return [status for each in statuses or () if (status := _require(each, RECIPIENT_STATUSES, "--status"))]


def require_table(name: str | None) -> str | None:
    """Check which table of a report is meant."""
    return _require(name, ("hour", "provider", "variant"), "--by")


def require_time(at: str | None, *, now: bool, kept: bool = False) -> str | None:
    """Return the one time that was given; none where that which it has may be kept."""
    if at is None and not now and kept:
        return None
    if (at is None) != now:
        raise typer.BadParameter("give either --at or --now")
    return at or "now"


def row(campaign: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a campaign's line of the list."""
    counts = campaign["recipients"]
    return (
        campaign["name"],
        campaign["type"],
        campaign["status"],
        output.local(campaign["next_at"] or campaign["started_at"] or campaign["scheduled_at"], campaign["timezone"]),
        sum(counts.values()) or "",
        sum(counts.get(status, 0) for status in _ACCEPTED) or "",
        counts.get("delivered", ""),
        counts.get("failed", ""),
        _money(campaign["cost_estimate"], campaign["currency"]) or "",
    )


def page_json(found: Sequence[Mapping[str, Any]], *, page: int, limit: int) -> dict[str, Any]:
    """Return a page of campaigns as plain data."""
    total = found[0]["total"] if found else 0
    campaigns = [{name: value for name, value in each.items() if name != "total"} for each in found]
    return {"campaigns": campaigns, "page": page, "limit": limit, "total": total}


def facts(campaign: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what there is to say of a campaign."""
    zone, definition = campaign["timezone"], campaign["definition"]
    why = f" ({campaign['status_reason']}, by {campaign['status_by']})" if campaign["status_reason"] else ""
    target = campaign["target_criteria"]
    to_addressees = campaign["source"] == "send"
    return [
        ("name", campaign["name"]),
        ("description", campaign["description"]),
        ("type", campaign["type"]),
        ("status", campaign["status"] + why),
        ("starts", output.local(campaign["scheduled_at"], zone) or None),
        ("started", output.local(campaign["started_at"], zone) or None),
        ("completed", output.local(campaign["completed_at"], zone) or None),
        ("template", definition.get("template")),
        ("audience", "the numbers given" if to_addressees else target["segment"] or "all"),
        ("criteria", target["criteria"]),
        ("priority", campaign["priority"]),
        ("pace", f"{campaign['send_rate_per_minute']:,} parts a minute, {campaign['batch_size']:,} at once"),
        ("revision", f"{campaign['revision']} ({campaign['source']})"),
        ("overridden", "; ".join(_overrides(campaign["overrides"])) or None),
        ("launched", f"revision {campaign['launched_revision']}" if campaign["launched_revision"] else None),
        ("matched", campaign["audience_size"]),
        ("left out", listed(campaign["exclusions"]) or None),
        ("recipients", listed(campaign["recipients"]) or None),
        ("cost at most", _money(campaign["cost_estimate"], campaign["currency"])),
    ]


def _overrides(kept: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was let pass that the lint would have stopped."""
    for rule, one in sorted(kept.items()):
        yield f"{rule} by {one['by']} on {one['at'][:10]}: {one['reason']}"


def moved(change: "Moved") -> str:
    """Say what a command did to a campaign's state."""
    return f'campaign "{change.name}": {change.before} → {change.after}'


def preview_json(text: "Previewed", *, show_phones: bool) -> dict[str, Any]:
    """Return one recipient's text as plain data."""
    return {**asdict(text), "phone": output.phone(text.phone, show_phones=show_phones)}


def preview_text(text: "Previewed", *, show_phones: bool) -> str:
    """Return one recipient's text with what it takes."""
    parts = output.counted(text.parts, "part")
    phone, at = output.phone(text.phone, show_phones=show_phones), output.local(text.send_after, text.timezone)
    return f"{phone}  {at}  {parts}\n{text.text}\n"


def show_sent(context: "Context", launched: "Launched | None", *, wait: bool, as_json: bool, key: str = "") -> None:
    """Say what a direct send froze; with `wait`, send it and end as `run --once` does."""
    if as_json:
        output.print_json({"campaign": key, "sent_before": True} if launched is None else _sent_json(launched))
    if launched is None:
        output.say(f'"{key}" was sent before; nothing is sent')
        return
    left_out = f"; left out: {listed(launched.exclusions)}" if launched.exclusions else ""
    texts, parts = output.counted(launched.kept, "text"), output.counted(launched.parts, "part")
    output.say(f'campaign "{launched.campaign}": {texts}, {parts}{left_out}')
    if launched.kept and wait:
        from lumiere_sms.daemon import run_until_done

        summary = run_until_done(context.runtime, once=True)
        output.say(str(summary))
        raise typer.Exit(summary.exit_code)
    if launched.kept:
        output.say("a running daemon sends it, or: lumiere-sms run --once")


def show_recipients(found: Iterable[Mapping[str, Any]], *, as_csv: bool, as_json: bool, show_phones: bool) -> None:
    """Show recipients as a table, as CSV or as JSON."""
    shown = ({**each, "phone_number": output.phone(each["phone_number"], show_phones=show_phones)} for each in found)
    if as_json:
        output.print_json(list(shown))
    elif as_csv:
        print_csv(_CSV_COLUMNS, ([each[column] for column in _CSV_COLUMNS] for each in shown))
    else:
        rows = list(shown)
        columns, cells = sequences.with_steps(_RECIPIENT_COLUMNS, map(_recipient_row, rows), rows)
        output.print_table(columns, cells, empty="no recipients")
        for each in (each for each in rows if each["finding"]):
            output.print_text(f"{each['phone_number']} {each['id']}: {each['finding']}")


def show_report(report: "Report", *, table: str | None, as_csv: bool) -> None:
    """Show a report: its figures and its tables, or one table."""
    if as_csv:
        kind, entries = _table_of(report, table)
        print_csv([each.name for each in fields(kind)], (asdict(entry).values() for entry in entries))
        return
    if table is None:
        output.print_facts([*_report_facts(report), *sequences.sequence_facts(report.sequence, report.timezone)])
        sequences.show_steps(report.sequence)
    if table in {None, "variant"}:
        trials.show_trial(report.trial, report.timezone, is_asked_for=table is not None)
    if table in {None, "hour"} and report.timeline:
        output.print_text("")
        output.print_table(_HOURS, (_hour_row(hour, report.timezone) for hour in report.timeline))
    if table in {None, "provider"} and report.providers:
        output.print_text("")
        output.print_table(_PROVIDERS, map(_provider_row, report.providers))


def print_csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print rows as CSV in which no spreadsheet runs a cell."""
    from lumiere_sms.audience.people import guarded

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for cells in rows:
        writer.writerow([guarded(_cell(cell)) for cell in cells])


def listed(counts: Mapping[str, int] | None) -> str:
    """Write counts on one line.

    >>> listed({"sent": 1200, "failed": 3})
    'sent 1,200 · failed 3'
    """
    return " · ".join(f"{name} {count:,}" for name, count in (counts or {}).items())


_HOURS = ("hour", ">sent", ">delivered", ">bounced", ">failed", ">parts", ">cost")
_PROVIDERS = (
    "provider",
    ">sent",
    ">delivered",
    ">bounced",
    ">failed",
    ">awaiting",
    ">rate",
    "?>after",
    ">parts",
    ">cost",
)


def _report_facts(report: "Report") -> list[tuple[str, Any]]:
    zone = report.timezone
    why = f" ({report.status_reason})" if report.status_reason else ""
    return [
        ("campaign", f"{report.name} ({report.type})"),
        ("status", report.status + why),
        ("started", output.local(report.started_at, zone) or None),
        ("completed", output.local(report.completed_at, zone) or None),
        ("matched", f"{report.matched:,}"),
        ("left out", listed(report.exclusions) or None),
        ("recipients", f"{report.total:,}: {listed(report.recipients)}" if report.total else "none"),
        ("sent", f"{report.sent:,} (delivered {report.delivered:,}, awaiting a receipt {report.awaiting:,})"),
        ("delivery rate", None if report.delivery_rate is None else f"{report.delivery_rate:.1%}"),
        ("answers", _answers(report.answers)),
        ("parts", f"{report.parts:,}"),
        ("cost", _money(report.cost, report.currency)),
        ("cost per text", _money(report.cost_per_message, report.currency)),
    ]


def _answers(found: "Answers | None") -> str | None:
    if found is None:
        return None
    told = ((f"{found.others:,} replied", found.reply_rate), (f"{found.stopped:,} refused", found.stop_rate))
    return ", ".join(text if rate is None else f"{text} ({rate:.1%})" for text, rate in told)


def _hour_row(hour: Any, zone: str) -> tuple[Any, ...]:
    return output.local(hour.hour, zone), hour.sent, hour.delivered, hour.bounced, hour.failed, hour.parts, hour.cost


def _provider_row(one: Any) -> tuple[Any, ...]:
    rate = "" if one.delivery_rate is None else f"{one.delivery_rate:.1%}"
    after = "" if one.average_delivery_time is None else f"{one.average_delivery_time.total_seconds():.1f} s"
    counts = (one.sent, one.delivered, one.bounced, one.failed, one.awaiting)
    return one.provider, *counts, rate, after, one.parts, one.cost


def _recipient_row(recipient: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        recipient["phone_number"],
        recipient["status"],
        recipient["reason"],
        output.local(recipient["send_after"], recipient["timezone"]),
        recipient["parts"],
        recipient["attempt"],
        recipient["provider"],
        recipient["error_code"],
        output.cut(" ".join(recipient["text"].split()), _WIDEST_TEXT),
    )


def _sent_json(launched: "Launched") -> dict[str, Any]:
    hidden = {"user_id", "occurrence_id", "problem"}
    return {name: value for name, value in asdict(launched).items() if name not in hidden}


def _table_of(report: "Report", table: str | None) -> tuple[type, Iterable[Any]]:
    from lumiere_sms.analytics.report import Hour, ProviderShare
    from lumiere_sms.analytics.trials import VariantShare

    match table:
        case "provider":
            return ProviderShare, report.providers
        case "variant":
            return VariantShare, report.trial.shares if report.trial else ()
        case _:
            return Hour, report.timeline


def _require(value: str | None, choices: Sequence[str], option: str) -> str | None:
    if value is not None and value not in choices:
        raise typer.BadParameter(f'"{value}" is none of {", ".join(choices)}', param_hint=option)
    return value


def _money(amount: Any, currency: str) -> str | None:
    return None if amount is None else f"{amount:,.2f} {currency}"


def _cell(value: Any) -> str:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
