"""The audit log: a million entries written and verified, each against the same rows without a chain.

Entries are written as the product writes them, a thousand in each of a thousand transactions; the floor inserts the
same rows in one statement a transaction and chains nothing. Verified is the whole chain by one process; the floor
reads the same rows and takes one SHA-256 over each, as it came. Memory must not grow with the log: the peak is told
beside that of a tenth. At last some rows are tampered with, from one byte on: all of them must be named, and no other.
"""

from collections.abc import Iterator
from hashlib import sha256
from time import monotonic
from typing import Any, LiteralString

from measuring import Figure, Goal, resident_mib, run_side, turns
from people import vacuum
from server import Server, default_tenant

ROWS = 1_000_000
AT_ONCE = 1_000  # entries in a transaction
SECONDS = Goal("≤ 15 s a million", at_most=15)
EVERY, NONE = Goal("all", at_least=1), Goal("none", at_most=0)
FLAT = Goal("≤ 1.25 × that of a tenth", at_most=1.25)
_BARE: LiteralString = """
    INSERT INTO audit_log (user_id, id, seq, hash, at, actor, action, subject, reason, before, after)
    SELECT %(user_id)s, gen_random_uuid(), %(first)s + number, sha256(number::text::bytea), now(), 'operator',
        'campaign.pause', 'spring ' || number, 'paused by hand', '{"status": "running"}',
        jsonb_build_object('status', 'paused', 'left', number)
    FROM generate_series(1, %(rows)s) AS number
"""
#: One byte, a whole row, one that is gone, and two that changed places; after these the next one does not fit either.
_TAMPERED: tuple[LiteralString, ...] = (
    "UPDATE audit_log SET reason = 'paused by hans' WHERE seq = %(byte)s",
    "UPDATE audit_log SET actor = 'nobody', action = 'none', before = NULL, after = '{}' WHERE seq = %(row)s",
    "DELETE FROM audit_log WHERE seq = %(gone)s",
    "UPDATE audit_log SET seq = -%(one)s WHERE seq = %(one)s",
    "UPDATE audit_log SET seq = %(one)s WHERE seq = %(other)s",
    "UPDATE audit_log SET seq = %(other)s WHERE seq = -%(one)s",
)
_ALL: LiteralString = "SELECT audit_log::text AS entry FROM audit_log WHERE user_id = %(user_id)s ORDER BY seq"


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Write and verify `rows` entries (a million unless told) in turns with the floors."""
    count = rows or ROWS
    written = turns(min(runs, 2), lambda: _write(server, "written", count), lambda: _write(server, "inserted", count))
    rates, bare = zip(*written, strict=True)
    yield Figure("audit", f"{count:,} entries written", "entries/s", rates, bare, "the same INSERTs, not chained")
    whole, tenth = (_filled(server, some) for some in (count, count // 10))
    found = turns(
        runs,
        lambda: run_side("audit", "verified", whole.url),
        lambda: run_side("audit", "read", whole.url),
        lambda: run_side("audit", "verified", tenth.url),
    )
    verified, read, small = zip(*found, strict=True)
    seconds, floors = (tuple(each["seconds"] for each in some) for some in (verified, read))
    about = {"floor_is": "read, one SHA-256 each", "goal": SECONDS, "goal_is_of_value": True}
    yield Figure("audit", f"{count:,} entries verified", "s", seconds, floors, **about)
    peaks, tenths = (tuple(each["peak_mib"] for each in some) for some in (verified, small))
    yield Figure("audit", "peak memory", "MiB", peaks, tenths, "a tenth of the log", FLAT)
    named = run_side("audit", "named", whole.url, str(count))
    yield Figure("audit", "named of what was tampered with", "entries", (named["right"],), (named["all"],), goal=EVERY)
    yield Figure("audit", "named wrongly", "entries", (named["wrong"],), goal=NONE)


def _write(server: Server, side: str, count: int) -> float:
    database = server.new_database()
    said = run_side("audit", side, database.url, str(count))
    server.drop(database)
    return count / float(said["seconds"])


def _filled(server: Server, count: int) -> Any:
    database = server.new_database()
    run_side("audit", "written", database.url, str(count))
    vacuum(database)
    database.close()
    return database


def written(url: str, rows: str) -> dict[str, Any]:
    """Write entries as the product does."""
    from lumiere_sms.database.audit import record  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.database.connection import Database  # noqa: PLC0415

    database = Database(url)
    user_id, begun = default_tenant(database), monotonic()
    about: dict[str, Any] = {"actor": "operator", "action": "campaign.pause", "reason": "paused by hand", "now": None}
    for first in range(0, int(rows), AT_ONCE):
        with database.transaction() as connection:
            for number in range(AT_ONCE):
                states = {"before": {"status": "running"}, "after": {"status": "paused", "left": number}}
                record(connection, user_id, subject=f"spring {first + number}", **about, **states)
    return {"seconds": monotonic() - begun}


def inserted(url: str, rows: str) -> dict[str, Any]:
    """Insert as many rows, in as many transactions."""
    from lumiere_sms.database.connection import Database  # noqa: PLC0415

    database = Database(url)
    user_id, begun = default_tenant(database), monotonic()
    for first in range(0, int(rows), AT_ONCE):
        with database.transaction() as connection:
            connection.execute(_BARE, {"user_id": user_id, "first": first, "rows": AT_ONCE})
    return {"seconds": monotonic() - begun}


def verified(url: str) -> dict[str, Any]:
    """Verify the whole chain."""
    from lumiere_sms.database.audit import check  # noqa: PLC0415
    from lumiere_sms.database.connection import Database  # noqa: PLC0415

    database = Database(url)
    user_id, begun = default_tenant(database), monotonic()
    if found := check(database, user_id).breaks:
        raise SystemExit(f"the chain is broken: {found[0]}")
    return {"seconds": monotonic() - begun, "peak_mib": resident_mib("VmHWM")}


def read(url: str) -> dict[str, Any]:
    """Read the rows, and hash each as it came."""
    from lumiere_sms.database.connection import Database  # noqa: PLC0415

    database = Database(url)
    user_id, begun = default_tenant(database), monotonic()
    with database.transaction() as connection, connection.cursor(name="entries") as cursor:
        cursor.execute(_ALL, {"user_id": user_id})
        while found := cursor.fetchmany(5_000):
            for row in found:
                sha256(row["entry"].encode()).digest()
    return {"seconds": monotonic() - begun}


def named(url: str, rows: str) -> dict[str, Any]:
    """Tamper with some entries, and compare what is named with these."""
    from lumiere_sms.database.audit import check  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.database.connection import Database  # noqa: PLC0415

    database, tenth = Database(url), int(rows) // 10
    places = {"byte": tenth, "row": tenth * 5, "gone": tenth * 6, "one": tenth * 7, "other": tenth * 9}
    with database.transaction() as connection:
        for statement in _TAMPERED:
            connection.execute(statement, places)
    told = {each.seq for each in check(database, default_tenant(database)).breaks}
    wanted = {*places.values(), places["one"] + 1, places["other"] + 1}
    return {"right": len(told & wanted), "all": len(wanted), "wrong": len(told - wanted)}
