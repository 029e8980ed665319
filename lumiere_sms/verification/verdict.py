"""What became of everybody: the provider's own log beside our rows, text by text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from lumiere_sms.database.connection import Database
from lumiere_sms.testing.twilio_messages import AcceptedText

TAKEN = frozenset({"sent", "delivered", "bounced"})
LIVE = frozenset({"pending", "claimed", "submitting"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who got what.

    `duplicates` counts texts beyond the first of each number and body. `lost` counts recipients who neither have
    their text nor stand there as a doubt, and those whose row names another text than theirs. `unknown` doubts are
    left; `found` and `absent` ones were resolved by the provider's records.
    """

    texts: int
    accepted: int
    duplicates: int
    lost: int
    unknown: int
    found: int
    absent: int
    by_status: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Say whether nobody got two and nobody was lost."""
        return not self.duplicates and not self.lost


def judge(database: Database, accepted: Sequence[AcceptedText], *, texts: int) -> Verdict:
    """Compare what a provider accepted with what the rows say of `texts` recipients."""
    counted = Counter((each.phone, each.body) for each in accepted)
    ids = {(each.phone, each.body, each.sid) for each in accepted}
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(_ROWS).fetchall()
        doubts = connection.execute(_DOUBTS).fetchone() or {}
    well = sum(_is_well(row, ids) for row in rows)
    return Verdict(
        texts=texts,
        accepted=len(accepted),
        duplicates=sum(count - 1 for count in counted.values()),
        lost=texts - well,
        unknown=sum(row["status"] == "unknown" for row in rows),
        found=doubts["found"],
        absent=doubts["absent"],
        by_status=dict(Counter(row["status"] for row in rows)),
    )


def count_by_status(database: Database) -> dict[str, int]:
    """Count everybody by status."""
    with database.transaction(read_only=True) as connection:
        return {row["status"]: row["count"] for row in connection.execute(_BY_STATUS)}


def _is_well(row: Mapping[str, Any], accepted: AbstractSet[tuple[str, str, str]]) -> bool:
    if row["status"] == "unknown":
        return True
    return row["status"] in TAKEN and (row["phone"], row["body"], row["message_id"]) in accepted


_ROWS = """
    -- cross-tenant: everybody of a scratch database
    SELECT phone_number AS phone, personalized_content AS body, status, provider_message_id AS message_id
    FROM campaign_recipients
"""
_DOUBTS = """
    -- cross-tenant: how doubts of a scratch database were resolved
    SELECT count(*) FILTER (WHERE outcome = 'accepted' AND starts_with(finding, 'found by')) AS found,
        count(*) FILTER (WHERE outcome = 'absent') AS absent
    FROM submissions
"""
_BY_STATUS = """
    -- cross-tenant: everybody of a scratch database
    SELECT status, count(*) FROM campaign_recipients GROUP BY 1
"""
