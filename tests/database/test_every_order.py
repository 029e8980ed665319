"""Every order in which one text is claimed, armed, answered, reaped, looked up and put back.

A walk through all that may happen next, each step undone by a savepoint; where it comes to what it has seen, it turns
back. A text in doubt may be held to be absent and yet turn out to be sent, so two can go: but never once it is known.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from support.budgets import ask_for
from support.seeds import Seeded, arm, seed_campaign

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import LEASE, Asked, Outcome, Result
from lumiere_sms.campaigns.retrying import DOUBTFUL, Wish, retry
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.tracking.doubts import Found, bind_found, prove_absent

STEPS, ATTEMPTS = 7, 3
ANSWERS = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.UNAVAILABLE)
WITHOUT_A_TEXT = ("pending", "claimed", "failed", "expired", "cancelled", "suppressed")


class Nested(Database):
    """A database whose transactions are savepoints of one that is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self, **_: Any) -> Iterator[Connection]:
        with self._connection.transaction():
            yield self._connection
            self._connection.take_last_steps()


@dataclass(frozen=True)
class Work:
    """A text that a daemon has claimed, whether it armed it, and what came of that."""

    daemon: UUID
    asked: Asked
    is_armed: bool = False
    answer: Outcome | None = None


@dataclass(frozen=True)
class Rows:
    recipient: dict[str, Any]
    attempts: list[dict[str, Any]]
    alerts: int

    @property
    def accepted(self):
        return sum(each["outcome"] == "accepted" for each in self.attempts)

    def key(self, works):
        """Return what tells one state from another, whatever its ids."""
        known, fence = {each["id"]: each["attempt"] for each in self.attempts}, self.recipient["fence"]
        daemons = [(known.get(each.asked.attempt_id), each.answer, each.asked.fence == fence) for each in works]
        outcomes = tuple(each["outcome"] for each in self.attempts)
        return self.recipient["status"], outcomes, bool(self.alerts), tuple(sorted(daemons, key=str))


class Walk:
    def __init__(self, connection: Connection, seeded: Seeded, clock) -> None:
        self.connection, self.seeded, self.clock = connection, seeded, clock
        self.seen: dict[Any, int] = {}
        self.wrong: list[str] = []

    def go_on(self, works, *, steps, path=()):
        rows = self.look()
        for name, arguments in self.possible(works, rows):
            with self.connection.transaction(force_rollback=True):
                after = getattr(self, name)(works, *arguments)
                here = (*path, name, *(each.value for each in arguments if isinstance(each, Outcome)))
                found = self.look()
                self.judge(rows, found, here)
                key = found.key(after)
                if self.seen.get(key, 0) < steps:
                    self.seen[key] = steps
                    self.go_on(after, steps=steps - 1, path=here)

    def look(self):
        recipient = self.connection.execute("SELECT * FROM campaign_recipients").fetchone()
        attempts = self.connection.execute("SELECT * FROM submissions ORDER BY attempt").fetchall()
        return Rows(recipient, attempts, self.connection.execute("SELECT id FROM alerts").rowcount)

    def possible(self, works, rows):
        status = rows.recipient["status"]
        if status == "pending" and len(rows.attempts) < ATTEMPTS:
            yield "claim", ()
        if status == "unknown":
            yield "put_back", ()
        if status in {"claimed", "submitting"}:
            yield "reap", ()
        for work in works:
            if not work.is_armed:
                yield "arm", (work,)
            elif work.answer is None:
                yield from (("answer", (work, outcome)) for outcome in ANSWERS)
        refused = {each.asked.attempt_id for each in works if each.answer is Outcome.UNAVAILABLE}
        for each in rows.attempts:
            if each["outcome"] == "unknown" and each["id"] not in refused:
                yield from ((name, (each["id"],)) for name in ("find", "hold_to_be_absent"))

    def judge(self, before, after, path):
        status, on_the_wire = after.recipient["status"], [each["outcome"] for each in after.attempts].count(None)
        rules = {
            "it was armed though it was known to be sent": len(after.attempts) > len(before.attempts)
            and before.accepted,
            "two texts went and nobody is told": after.accepted > 1 and not after.alerts,
            f"it is {status} though it was sent": status in WITHOUT_A_TEXT and after.accepted and not after.alerts,
            "it is sent by no attempt": status == "sent" and not after.accepted,
            f"it is {status} with {on_the_wire} on the wire": on_the_wire != (status == "submitting"),
            "it is unknown without a doubt": status == "unknown" and after.attempts[-1]["outcome"] != "unknown",
        }
        self.wrong += [f"{rule}: {' '.join(path)}" for rule, is_broken in rules.items() if is_broken]

    def claim(self, works):
        daemon = new_id()
        asked = ask_for(self.connection, self.seeded, daemon=daemon, limit=1, now=self.clock.now())
        return (*works, *(Work(daemon, each) for each in asked))

    def arm(self, works, work):
        about = {"daemon": work.daemon, "now": self.clock.now()}
        others = tuple(each for each in works if each is not work)
        if arm(self.connection, self.seeded.user_id, [work.asked], **about).passed:
            return (*others, replace(work, is_armed=True))
        recipients.turn_away(self.connection, self.seeded.user_id, [work.asked], **about)
        return others

    def answer(self, works, work, outcome):
        asked, message_id = work.asked, f"SM{work.asked.attempt_id}" if outcome is Outcome.ACCEPTED else None
        result = Result(asked.attempt_id, asked.id, asked.fence, asked.campaign_id, outcome, message_id=message_id)
        recipients.settle(self.connection, self.seeded.user_id, [result], now=self.clock.now())
        return (*(each for each in works if each is not work), replace(work, answer=outcome))

    def reap(self, works):
        recipients.reap(self.connection, self.seeded.user_id, now=self.clock.now() + 2 * LEASE)
        return works

    def put_back(self, works):
        wish = Wish(DOUBTFUL, reason="in a hurry")
        retry(Nested(self.connection), self.seeded.user_id, name="spring", wish=wish, clock=self.clock)
        return works

    def find(self, works, attempt_id):
        found = Found(attempt_id, f"SM{attempt_id}", "found")
        bind_found(self.connection, self.seeded.user_id, [found], provider="scripted", now=self.clock.now())
        return works

    def hold_to_be_absent(self, works, attempt_id):
        prove_absent(self.connection, self.seeded.user_id, attempt_id, finding="not found", now=self.clock.now())
        return works


def test_no_order_texts_somebody_who_is_known_to_have_the_text_or_loses_anybody(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    with database.transaction() as connection:
        walk = Walk(connection, seeded, clock)
        (work,) = walk.claim(())
        in_doubt = walk.reap(walk.arm((work,), work))

        walk.go_on(in_doubt, steps=STEPS)

    assert walk.wrong == []
    assert len(walk.seen) > 100
