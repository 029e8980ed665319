"""People who refuse in every way that there is, while daemons text them; and which of the two came first.

No clock judges that. Beside each submission the database keeps the snapshot that the arm's own statement saw, and
beside each suppression the transaction that wrote it. PostgreSQL shows a transaction in a snapshot exactly if it had
committed when the snapshot was taken: a text was armed after its refusal's commit if and only if its snapshot shows
that commit, whatever queues, networks and clocks did. Where it does not, both went at once or the text went first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import UUID

from support.processes import environment, other_side_of_the_clock, running, stop, wait_until
from support.salon import tenant_of
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.audience.consents import Said, revoke
from lumiere_sms.audience.suppressions import suppress_number
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.clock import SystemClock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.secrets import key_of
from lumiere_sms.messages.links import token_of
from lumiere_sms.providers.base import Reply
from lumiere_sms.sending.opt_outs import OptOuts
from lumiere_sms.testing.scripted import ScriptedProvider
from lumiere_sms.testing.twilio_messages import AcceptedText
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer
from lumiere_sms.tracking.link_refusals import refuse_by_token
from lumiere_sms.tracking.replies import apply_replies

PATIENCE = 100.0  # seconds
PACE = {"LUMIERE_SMS_PARTS_PER_SECOND": "250", "LUMIERE_SMS_SLOTS": "16"}
ONE_IN = 3  # people who refuse
AT_ONCE = 4  # of a provider's list, or among answers
CONFIRMATION = "stopped"
FIRST = 10_000_000  # the first number that Japan gives out
EARLIEST = 100  # texts before one's own


@dataclass(frozen=True, slots=True)
class Race:
    """What became of everybody: `late` counts texts whose arm had the refusal before it, which may not be."""

    late: int
    refused: int  # people who refused,
    in_time: int  # of them those who were not texted
    twice: int
    lost: int
    unconfirmed: int  # refusals by reply that were not answered by just one text, and others that were answered
    statuses: dict[str, int]
    ways: dict[str, int]  # refusals in time, by how they came
    codes: list[int]


def race(database: Database, folder: Path, *, user_id: UUID, texts: int, daemons: int) -> Race:
    """Let daemons text everybody while one in three refuses, at about the moment of their own text."""
    ids = _prepare(database, user_id, texts)
    with TwilioServer() as server, ExitStack() as alive:
        env = environment(folder, database_url=database.url, server=server, **PACE)
        fleet = [alive.enter_context(running("run", env=env)) for _ in range(daemons)]
        _refuse_all(database, user_id, ids)
        settled = {"sent", "delivered", "suppressed"}
        wait_until(lambda: statuses(database, user_id).keys() <= settled, patience=PATIENCE)
        ended = [stop(each) for each in fleet]
        accepted = server.accepted
    assert not any("Traceback" in err for _, _, err in ended), ended
    return _judged(database, user_id, accepted, texts=texts, codes=[code for code, _, _ in ended])


def _prepare(database: Database, user_id: UUID, texts: int) -> list[UUID]:
    """Write everybody and their text, and have the order of things kept; return the recipients in turn."""
    quiet_hours = other_side_of_the_clock()
    rules = {"answers": {"stop": CONFIRMATION}, "quiet_hours": quiet_hours}
    change_rules(database, "default", rules, by="mika", now=None)
    seeded = seed_campaign(database, user_id, now=datetime.now(UTC), texts=texts, first=FIRST, quiet_hours=quiet_hours)
    with database.transaction() as connection:
        key = key_of(connection, user_id, "link")
        for each in _ORDER, _CUSTOMERS:
            connection.execute(each)
        with connection.cursor() as cursor:
            rows = [(user_id, new_id(), token_of(_phone(each), key=key), _phone(each)) for each in range(texts)]
            cursor.executemany(_LINKS, rows)
    return seeded.recipient_ids


def _refuse_all(database: Database, user_id: UUID, ids: Sequence[UUID]) -> None:
    ways = (_by_reply, _by_link, _by_operator, _by_provider)
    everybody = range(0, len(ids), ONE_IN)
    with ThreadPoolExecutor(len(ways)) as threads:
        doing = [
            threads.submit(way, database, user_id, _when_due(database, user_id, ids, everybody[place :: len(ways)]))
            for place, way in enumerate(ways)
        ]
    for each in doing:
        each.result()


def _when_due(
    database: Database, user_id: UUID, ids: Sequence[UUID], numbers: Sequence[int]
) -> Iterator[Sequence[int]]:
    """Give out people, a few at a time: the last ones at once, others some texts before their own or while it goes."""
    *earlier, last = (numbers[first : first + AT_ONCE] for first in range(0, len(numbers), AT_ONCE))
    yield last
    chance = Random(numbers[0])
    for some in earlier:
        before = ids[max(0, some[0] - chance.randint(0, EARLIEST))]
        wait_until(lambda before=before: _has_begun(database, user_id, before), patience=PATIENCE)
        yield some


def _has_begun(database: Database, user_id: UUID, recipient_id: UUID) -> bool:
    with database.transaction(read_only=True) as connection:
        row = connection.execute(_STATUS, [user_id, recipient_id]).fetchone()
        return row["status"] != "pending"


def _by_reply(database: Database, user_id: UUID, due: Iterator[Sequence[int]]) -> None:
    for some in due:
        replies = [Reply(f"SM{each}", _phone(each), SANDBOX_SENDER, "STOP", None) for each in some]
        with database.transaction() as connection:
            apply_replies(connection, user_id, replies, provider="twilio", now=None)


def _by_link(database: Database, user_id: UUID, due: Iterator[Sequence[int]]) -> None:
    with database.transaction() as connection:
        key = key_of(connection, user_id, "link")
    for some in due:
        for each in some:
            refuse_by_token(database, user_id, token_of(_phone(each), key=key), now=None)


def _by_operator(database: Database, _: UUID, due: Iterator[Sequence[int]]) -> None:
    tenant = tenant_of(database)
    for some in due:
        for each in some:
            with database.transaction() as connection:
                if each % 8:
                    suppress_number(connection, tenant, _phone(each), reason="opted_out", now=None)
                else:
                    revoke(connection, tenant, _phone(each), Said(), now=SystemClock().now())


def _by_provider(database: Database, _: UUID, due: Iterator[Sequence[int]]) -> None:
    class Lists(ScriptedProvider):
        has_opt_outs = True

        async def list_opt_outs(self) -> AsyncIterator[Sequence[str]]:
            while some := await asyncio.to_thread(next, due, None):
                yield [_phone(each) for each in some]

    asyncio.run(OptOuts(database, Lists(), clock=SystemClock(), seconds_between=0).sync())


def _phone(number: int) -> str:
    return phone(FIRST + number)


def _judged(
    database: Database, user_id: UUID, accepted: Sequence[AcceptedText], *, texts: int, codes: list[int]
) -> Race:
    texted = Counter(each.phone for each in accepted if each.body != CONFIRMATION)
    confirmed = Counter(each.phone for each in accepted if each.body == CONFIRMATION)
    with database.transaction() as connection:
        late = connection.execute(_LATE).fetchone()["late"]
        refusals = {row["phone_number"]: row["source"] for row in connection.execute(_REFUSALS)}
    in_time = {number: source for number, source in refusals.items() if number not in texted}
    replied = Counter(number for number, source in refusals.items() if source == "reply")
    found = statuses(database, user_id, name="spring")
    lost = texts - len(texted) - len(in_time) + abs(found.get("suppressed", 0) - len(in_time))
    return Race(
        late=late,
        refused=len(refusals),
        in_time=len(in_time),
        twice=texted.total() - len(texted),
        lost=lost,
        unconfirmed=((replied - confirmed) + (confirmed - replied)).total(),
        statuses=found,
        ways=dict(Counter(in_time.values())),
        codes=codes,
    )


_ORDER = """
    ALTER TABLE submissions ADD COLUMN armed_in pg_snapshot DEFAULT pg_current_snapshot();
    ALTER TABLE suppressions ADD COLUMN written_by xid8 DEFAULT pg_current_xact_id();
"""
#: Whom only the provider's list knows to refuse are no customers: their suppression alone stands in the way.
_CUSTOMERS = """
    INSERT INTO customers (user_id, id, phone_number, allow_promotional)
    SELECT user_id, gen_random_uuid(), phone_number, true
    FROM campaign_recipients WHERE mod(right(phone_number, 7)::integer, 12) <> 9
"""
_LINKS = "INSERT INTO opt_out_links (user_id, id, token, phone_number) VALUES (%s, %s, %s, %s)"
#: What confirms a refusal is the one text that comes after it.
_LATE = """
    SELECT count(*) AS late
    FROM submissions JOIN suppressions USING (user_id, phone_number)
    JOIN campaign_recipients AS recipient ON recipient.id = submissions.recipient_id
    WHERE recipient.confirms IS NULL AND pg_visible_in_snapshot(suppressions.written_by, submissions.armed_in)
"""
_STATUS = "SELECT status FROM campaign_recipients WHERE user_id = %s AND id = %s"
_REFUSALS = "SELECT phone_number, source FROM suppressions"
