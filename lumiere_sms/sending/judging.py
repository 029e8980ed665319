"""What a look at a provider's records settles: found, proved absent, or open with a finding for a person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from psycopg.errors import UniqueViolation

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider, Receipt
from lumiere_sms.providers.prices import PriceOf
from lumiere_sms.sending.looks import GIVE_UP, Looks
from lumiere_sms.tracking import doubts
from lumiere_sms.tracking.doubts import Found, Known, Look
from lumiere_sms.tracking.matching import Sighting, Verdict, match
from lumiere_sms.tracking.receipts import apply_receipts

FOUND, ABSENT, OPEN = "found", "absent", "open"


@dataclass(frozen=True, slots=True)
class Judge:
    """Settles by the records of one provider. `price_of` gives a part's list price until the provider says its own."""

    database: Database
    clock: Clock
    provider: Provider
    price_of: PriceOf
    looks: Looks

    def judge(self, phone: str, records: Sequence[Receipt], *, at: datetime) -> Counter[str]:
        """Settle what was submitted to a number and is in doubt; `at` is the database's instant before the request.

        Returns how many texts were found, are absent, and are still open.
        """
        known = self._known(phone)
        sightings = match([each.attempt for each in known], records)
        looked_at = {each.attempt.id: each for each in known}
        seen: Counter[str] = Counter()
        for sighting in sightings:
            if looked_at[sighting.attempt.id].closed_at is None or sighting.verdict is Verdict.FOUND:
                seen[self._settle(phone, looked_at[sighting.attempt.id], sighting, at=at)] += 1
        return seen

    def put_off(self, phone: str, said: str, *, at: datetime) -> Counter[str]:
        """Note that the records could not be read: that proves nothing, and is no look."""
        seen: Counter[str] = Counter()
        for known in self._known(phone):
            if known.attempt.outcome == doubts.UNKNOWN and known.closed_at is None:
                pause = max(self.looks.gap, (at - known.attempt.started_at) / 4)
                finding = f"the provider's records cannot be read: {said}"
                self._note(known, Look(known.attempt.id, finding, at + pause, known.absent_at, counted=False))
                seen[OPEN] += 1
        return seen

    def _known(self, phone: str) -> list[Known]:
        """Read what was submitted to the number. After the records: whatever they hold had been armed before."""
        with self.database.transaction(read_only=True) as connection:
            now = self.clock.database_now()
            return doubts.attempts_to(connection, phone=phone, provider=self.provider.name, now=now)

    def _settle(self, phone: str, known: Known, sighting: Sighting, *, at: datetime) -> str:
        look, age = known.looks + 1, round((at - known.attempt.started_at).total_seconds())
        match sighting.verdict:
            case Verdict.FOUND:
                assert sighting.record is not None
                return self._bind(phone, known, sighting.record, finding=f"found by look {look}, {age:,} s on")
            case Verdict.NOT_LISTED if not self.looks.counts(known.attempt.started_at, at=at):
                absent_at = None
            case Verdict.NOT_LISTED if self.looks.proves(known.absent_at, at=at):
                return self._let_go_again(known, finding=f"not found by {look} looks, the last {age:,} s on")
            case Verdict.NOT_LISTED:
                absent_at = known.absent_at or at
            case Verdict.DOUBTFUL:
                absent_at = None
            case never:
                assert_never(never)
        finding = f"look {look}, {age:,} s on: {sighting.words}"
        look_at = self.looks.next_at(known.attempt.started_at, absent_at=absent_at, now=at)
        return self._note(known, Look(known.attempt.id, finding, look_at, absent_at))

    def _bind(self, phone: str, known: Known, record: Receipt, *, finding: str) -> str:
        user_id, now = known.attempt.user_id, self.clock.database_now()
        found = self._found(phone, known, record, finding=finding)
        try:
            with self.database.transaction(limits=LET_GO) as connection:
                bound = doubts.bind_found(connection, user_id, [found], provider=self.provider.name, now=now)
        except UniqueViolation:  # the late answer to another attempt has just taken it
            return OPEN
        if not bound:
            return OPEN
        with self.database.transaction(limits=LET_GO) as connection:  # anew: it may hold campaigns, which come first
            apply_receipts(
                connection,
                user_id,
                [record],
                provider=self.provider.name,
                source="poll",
                meaning_of=self.provider.meaning_of,
                now=now,
            )
        return FOUND

    def _found(self, phone: str, known: Known, record: Receipt, *, finding: str) -> Found:
        parts, sid = record.parts or known.parts, record.provider_message_id
        words = f"{finding}: {sid}"
        try:
            price = self.price_of(phone)
        except ConfigurationError:  # no price list: what it costs is known when the provider says so, if ever
            return Found(known.attempt.id, sid, words, parts)
        return Found(known.attempt.id, sid, words, parts, price.amount * parts, price.currency)

    def _let_go_again(self, known: Known, *, finding: str) -> str:
        user_id, now = known.attempt.user_id, self.clock.database_now()
        with self.database.transaction(limits=LET_GO) as connection:
            moved = doubts.prove_absent(connection, user_id, known.attempt.id, finding=finding, now=now)
        event("absent", provider=self.provider.name, attempt=known.attempt.id, **moved)
        return ABSENT

    def _note(self, known: Known, look: Look) -> str:
        user_id, now = known.attempt.user_id, self.clock.database_now()
        with self.database.transaction(limits=LET_GO) as connection:
            doubts.note_look(connection, user_id, look, give_up=GIVE_UP, now=now)
        return OPEN
