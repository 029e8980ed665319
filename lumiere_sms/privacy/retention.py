"""What is too old goes by itself, where a tenant's rules say how long it is kept (definitions/retaining.py).

A daemon's job: in parts of some thousand rows, each a transaction of its own, safe on any number of hosts at once.
Nothing goes that is live, nothing within the month for which consent must be provable, and nothing where no rule is.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import hold_tenant
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.retaining import Data, RetentionRules
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.privacy.erasing import erase_noted
from lumiere_sms.privacy.subjects import subject_of

AT_ONCE = 1_000
_PEOPLE_AT_ONCE = 50
_ACTOR = "retention"

Binds = Mapping[str, Any]
#: Lets some rows go; returns how many, and the binds that the next step begins with, None when it was the last.
Step = Callable[[Connection, Binds], tuple[int, Binds | None]]


def apply_retention(database: Database, *, clock: Clock) -> Counter[str]:
    """Let go of what is older than the rules of each tenant allow; return how many rows, by kind."""
    with database.transaction(read_only=True) as connection:
        now = database_time(connection, clock.database_now())
        tenants = connection.execute(_TENANTS).fetchall()
    gone: Counter[str] = Counter()
    for each in tenants:
        rules = TenantRules.from_payload(each["rules"]).retention
        gone += _apply(database, each["id"], rules, now=now) if rules else Counter()
    return gone


def _apply(database: Database, user_id: UUID, rules: RetentionRules, *, now: datetime) -> Counter[str]:
    gone: Counter[str] = Counter()
    for data, kept in rules.told():
        gone[data] += _LET_GO_OF[data](database, {"user_id": user_id, "before": now - kept, "now": now})
    gone = +gone
    if gone:
        with database.transaction() as connection:
            about: dict[str, Any] = {"actor": _ACTOR, "action": "retention.apply", "subject": ", ".join(sorted(gone))}
            audit.record(connection, user_id, **about, after=dict(gone), now=now)
    return gone


def _repeat(database: Database, binds: Binds, step: Step, *, limit: int = AT_ONCE, **first: Any) -> int:
    """Take a step from where the one before ended until there is nothing left for it."""
    total = 0
    after: Binds | None = first
    while after is not None:
        with database.transaction(limits=LET_GO) as connection:
            rows, after = step(connection, {**binds, "limit": limit, **after})
            total += rows
    return total


def _empty_texts(database: Database, binds: Binds) -> int:
    """Empty the texts of runs that are over; their rows stay."""
    with database.transaction(read_only=True) as connection:
        runs = connection.execute(_OLD_RUNS, binds).fetchall()
    return sum(
        _repeat(database, {**binds, "occurrence_id": run["id"]}, _empty_some, after_phone="", after_step="")
        for run in runs
    )


def _empty_some(connection: Connection, binds: Binds) -> tuple[int, Binds | None]:
    """Empty the next texts of a run. One with a text in doubt is not over: it is looked at again the next time."""
    if connection.execute(_HOLD_RUN, binds).fetchone() is None:
        return 0, None  # another host is at it
    if not binds["after_phone"] and connection.execute(_IS_LIVE, binds).fetchone():
        return 0, None
    found = connection.execute(statement(__package__, "empty_texts"), binds).fetchone()
    if found is None:
        connection.execute(statement(__package__, "finish_emptying"), binds)
        return 0, None
    return found["emptied"], {"after_phone": found["phone_number"], "after_step": found["step"]}


def _empty_answers(connection: Connection, binds: Binds) -> tuple[int, Binds | None]:
    emptied = connection.execute(statement(__package__, "empty_answers"), binds).rowcount
    return emptied, None if emptied < binds["limit"] else {}


def _drop_events(connection: Connection, binds: Binds) -> tuple[int, Binds | None]:
    """Delete receipts from the oldest on: their keys are in the order of time, so the first young one ends it."""
    dropped = connection.execute(_DROP_EVENTS, binds).rowcount
    return dropped, None if dropped < binds["limit"] else {}


def _erase_people(connection: Connection, binds: Binds) -> tuple[int, Binds | None]:
    """Erase customers of whom nothing was seen or heard, and whom nothing was sent, for so long."""
    ids = [row["id"] for row in connection.execute(_UNSEEN, binds)]
    hold_tenant(connection, binds["user_id"])  # as an erasure does, before it holds the customer
    found = connection.execute(statement(__package__, "silent_customers"), {**binds, "ids": ids}).fetchall()
    for row in found:
        subject = subject_of(connection, binds["user_id"], row["id"], number=row["phone_number"])
        erase_noted(connection, binds["user_id"], subject, by=_ACTOR, reason="retention", now=binds["now"])
    return len(found), None if len(ids) < binds["limit"] else {"after_id": ids[-1]}


_LET_GO_OF: Mapping[Data, Callable[[Database, Binds], int]] = {
    "texts": _empty_texts,
    "answers": partial(_repeat, step=_empty_answers),
    "events": partial(_repeat, step=_drop_events),
    "people": partial(_repeat, step=_erase_people, limit=_PEOPLE_AT_ONCE, after_id=UUID(int=0)),
}
_TENANTS: LiteralString = "SELECT id, rules FROM users WHERE rules -> 'retention' IS NOT NULL ORDER BY id"
_OLD_RUNS: LiteralString = """
    SELECT id FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND status NOT IN ('scheduled', 'running') AND texts_emptied_at IS NULL
      AND coalesce(completed_at, occurs_at) < %(before)s
    ORDER BY occurs_at, id
"""
_HOLD_RUN: LiteralString = """
    SELECT id FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND texts_emptied_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
"""
_IS_LIVE: LiteralString = """
    SELECT id FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s
      AND (status IN ('pending', 'claimed', 'submitting', 'unknown') OR updated_at >= %(before)s)
    LIMIT 1
"""
_DROP_EVENTS: LiteralString = """
    DELETE FROM delivery_events
    WHERE user_id = %(user_id)s AND received_at < %(before)s AND id = ANY (ARRAY(
        SELECT id FROM delivery_events WHERE user_id = %(user_id)s ORDER BY id LIMIT %(limit)s))
"""
# A page of customers of whom nothing was seen; which of them get nothing is looked at then.
_UNSEEN: LiteralString = """
    SELECT id FROM customers
    WHERE user_id = %(user_id)s AND id > %(after_id)s AND created_at < %(before)s
      AND greatest(updated_at, last_visit_date::timestamptz, next_appointment_at, last_sms_response) < %(before)s
    ORDER BY id
    LIMIT %(limit)s
"""
