"""What `campaign pause` and `campaign cancel` show: what was on the wire just then, and what became of it."""

from collections.abc import Mapping
from dataclasses import asdict
from time import sleep
from typing import TYPE_CHECKING, Any

from lumiere_sms.campaigns.in_flight import counted, landed
from lumiere_sms.cli import output
from lumiere_sms.cli.campaign_views import listed, moved
from lumiere_sms.logs import mask_phone

if TYPE_CHECKING:
    from lumiere_sms.campaigns.lifecycle import Moved
    from lumiere_sms.cli.context import Context

_COLUMNS = ("in flight", "became", "provider", "since")


def show_stopped(context: "Context", change: "Moved", *, show_phones: bool, as_json: bool) -> None:
    """Wait until nothing of a stopped campaign is in flight any more; say what was, and what became of it."""
    if change.in_flight:
        output.say(f"{moved(change)}; waiting for {len(change.in_flight)} in flight")
    ended = landed(context.database, context.user_id, change.in_flight, clock=context.clock, sleep=sleep)
    shown = [asdict(each) | ({} if show_phones else {"phone_number": mask_phone(each.phone_number)}) for each in ended]
    if as_json:
        output.print_json({**asdict(change), "in_flight": shown})
        return
    no_text = f"; {change.stopped:,} get no text" if change.after == "cancelled" else ""
    output.say(f"{moved(change)}{no_text}; in flight: {listed(counted(ended)) or 'none'}")
    if shown:
        output.print_table(_COLUMNS, [_row(each, context.tenant.timezone) for each in shown])


def _row(each: Mapping[str, Any], zone: str) -> tuple[Any, ...]:
    return each["phone_number"], each["status"], each["provider"], output.local(each["since"], zone)
