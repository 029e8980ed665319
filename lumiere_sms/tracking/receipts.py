"""Applies what a provider reports of accepted texts, wherever it came from.

Every report is kept as it came (append-only). A recipient only moves up in rank: a receipt that comes
late, twice or out of order changes nothing that a later one has settled.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.base import Action, Meaning, Receipt, ReceiptStatus
from lumiere_sms.tracking import aftermath
from lumiere_sms.tracking.doubts import bind_named

RANKS = {status.value: rank for rank, status in enumerate(ReceiptStatus)}
_SUPPRESSED_FOR = {
    Action.OPT_OUT: "opted_out",
    Action.INVALID_NUMBER: "invalid_number",
    Action.LANDLINE: "landline",
    Action.BLOCKED: "blocked",
}


def apply_receipts(
    connection: Connection,
    user_id: UUID,
    receipts: Sequence[Receipt],
    *,
    provider: str,
    source: str,
    meaning_of: Callable[[str], Meaning],
    now: datetime | None,
) -> Counter[str]:
    """Keep receipts and move their recipients; return how many recipients took which status.

    `source` is poll, callback or event; `meaning_of` reads the provider's codes. A receipt that names its attempt
    settles one whose answer was lost. A receipt of a text that is not ours moves nobody.
    """
    if not receipts:
        return Counter()
    latest = _latest(receipts)
    asked = aftermath.prepare(connection, user_id, latest, provider=provider, meaning_of=meaning_of, now=now)
    bind_named(connection, user_id, receipts, provider=provider, now=now)
    columns = _columns(latest, meaning_of, asked.again)
    binds = {"user_id": user_id, "provider": provider, "source": source, "now": now, **columns}
    connection.execute(statement(__package__, "keep_events"), binds)
    moved = connection.execute(statement(__package__, "apply_receipts"), binds).fetchall()
    conclude = partial(aftermath.conclude, provider=provider, meaning_of=meaning_of, now=now)
    conclude(connection, user_id, asked, moved=moved)
    for row in sorted(moved, key=lambda row: row["phone_number"]):
        if row["error_code"] and (reason := _SUPPRESSED_FOR.get(meaning_of(row["error_code"]).action)):
            suppress(connection, user_id, row["phone_number"], reason=reason, source="provider", now=now)
    return Counter(row["status"] for row in moved)


def _latest(receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return the receipt of highest rank of each text, in the order in which two pollers lock."""
    latest = {each.provider_message_id: each for each in sorted(receipts, key=lambda each: RANKS[each.status])}
    return sorted(latest.values(), key=lambda each: each.provider_message_id)


def _columns(
    rows: Sequence[Receipt], meaning_of: Callable[[str], Meaning], again: Mapping[str, datetime]
) -> dict[str, list[object]]:
    return {
        "order": list(RANKS),
        "ids": [new_id() for _ in rows],
        "message_ids": [each.provider_message_id for each in rows],
        "statuses": [each.status.value for each in rows],
        "ranks": [RANKS[each.status] for each in rows],
        "fates": [_fate(each, meaning_of) for each in rows],
        "codes": [each.code or None for each in rows],
        "parts": [each.parts for each in rows],
        "prices": [each.price for each in rows],
        "currencies": [each.currency or None for each in rows],
        "at": [each.updated_at for each in rows],
        "final": [each.status.is_final for each in rows],
        "again": [again.get(each.provider_message_id) for each in rows],
    }


def _fate(receipt: Receipt, meaning_of: Callable[[str], Meaning]) -> str:
    """Return the recipient's status that a receipt stands for."""
    match receipt.status:
        case ReceiptStatus.DELIVERED:
            return "delivered"
        case ReceiptStatus.UNDELIVERED | ReceiptStatus.FAILED:
            return meaning_of(receipt.code).receipt if receipt.code else "bounced"
        case _:
            return "sent"
