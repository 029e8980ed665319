"""A campaign's own reason to stop: `stop_when`, a SQL query on the business's own tables that says true or false.

It is asked before each launch and every minute while the campaign runs. True pauses the campaign with the reason;
so does a query that says nothing, since nobody knows then what it would have said. It is executed on a connection
of its own, in a read-only transaction that lasts seconds at most, as one statement that gives one row. It can read
whatever its role can: where several tenants share the database, an administrator has to name a role for it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.rules import BY_RULE, note_pause
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ConfigurationError, RefusedError

LONGEST = 2  # seconds
_SUCH_AS = "write SELECT count(*) > 40 FROM bookings …"
#: What leaves the role that a query is given: the one function that changes a setting, those that execute a text in
#: which it could be put together from pieces, and names that are written in escapes.
_LEAVES_ITS_BOUNDS = re.compile(r'set_config|(?:query|cursor)_to_xml|ts_stat|ts_rewrite|dblink|u&"', re.IGNORECASE)
SAYS_TRUE = "its stop_when says true"


def stop_where_asked(
    database: Database, *, clock: Clock, role: str = "", only_due_by: datetime | None = None
) -> list[str]:
    """Pause the campaigns whose query says true, or nothing; return their names.

    Asked are those that run and those to be launched now; with `only_due_by`, those to be launched by then, alone.
    """
    now = clock.database_now()
    with database.transaction(read_only=True) as connection:
        binds = {"now": only_due_by or now, "only_due": only_due_by is not None}
        wanted = connection.execute(statement(__package__, "stop_queries"), binds).fetchall()
    reasons = [(each, reason) for each in wanted if (reason := _reason(database, each["query"], role=role))]
    return [each["name"] for each, reason in reasons if _pause(database, each, reason=reason, now=now)]


def refuse_unanswered(database: Database, queries: Iterable[tuple[str, str]], *, role: str = "") -> None:
    """Ask queries once, each with whose it is, for their answer to be one. Raises: RefusedError, naming the rest."""
    problems = []
    for whose, query in queries:
        try:
            ask(database, query, role=role)
        except RefusedError as error:
            problems.append((f"{whose}: stop_when {error}", error.hint))
    if problems:
        hints = dict.fromkeys(hint for _, hint in problems if hint)
        raise RefusedError("; ".join(said for said, _ in problems) + "; nothing was changed", hint="; ".join(hints))


def ask(database: Database, query: str, *, role: str = "") -> bool:
    """Return what a query says. Raises: RefusedError with what is wrong with it; ConfigurationError."""
    if found := _LEAVES_ITS_BOUNDS.search(query):
        raise RefusedError(f"says {found[0]}, and may only read", hint=_SUCH_AS)
    if not role:
        _refuse_several_tenants(database)
    connection = database.connect()
    try:
        with connection.transaction():
            for limit in (*_LIMITS, *([_ROLE.format(sql.Identifier(role))] if role else ())):
                connection.execute(limit)
            # In brackets it can only be a SELECT; `binary` takes the protocol that knows one statement at a time.
            asked = _TWO_ROWS.format(sql.SQL(query.strip().rstrip(";")))
            rows = connection.cursor(row_factory=tuple_row).execute(asked, binary=True).fetchall()
    except psycopg.Error as error:
        if connection.closed:
            raise ConfigurationError(f"the database was lost while stop_when was asked: {_line(error)}") from error
        raise _refusal(error) from error
    finally:
        connection.close()
    return _truth(rows)


def _refusal(error: psycopg.Error) -> RefusedError:
    match error:
        case psycopg.errors.QueryCanceled():
            return RefusedError(f"takes longer than {LONGEST} seconds", hint="ask for less, or make an index")
        case psycopg.errors.ReadOnlySqlTransaction():
            return RefusedError("writes, and may only read", hint=_SUCH_AS)
    return RefusedError(f"cannot be asked: {_line(error)}", hint=_SUCH_AS)


def _truth(rows: Sequence[tuple[Any, ...]]) -> bool:
    if len(rows) != 1 or len(rows[0]) != 1:
        found = f"{len(rows)} rows" if len(rows) < 2 else "several rows"  # noqa: PLR2004 - the second is not counted
        found = found if len(rows) != 1 else f"{len(rows[0])} columns"
        raise RefusedError(f"gives {found}, and must give one value", hint=_SUCH_AS)
    (said,) = rows[0]
    if not isinstance(said, bool):
        raise RefusedError(
            f"says {'nothing (NULL)' if said is None else repr(said)}, and must say true or false",
            hint="compare: SELECT count(*) > 40 …",
        )
    return said


def _refuse_several_tenants(database: Database) -> None:
    with database.transaction(read_only=True) as connection:
        found = connection.execute("SELECT count(*) AS tenants FROM users").fetchone()
    if found and found["tenants"] > 1:
        raise RefusedError(
            "would read other tenants' rows too: several share this database",
            hint="an administrator names a database role for it in LUMIERE_SMS_STOP_WHEN_ROLE",
        )


def _reason(database: Database, query: str, *, role: str) -> str:
    try:
        return SAYS_TRUE if ask(database, query, role=role) else ""
    except RefusedError as error:
        return f"its stop_when {error}"


def _pause(database: Database, campaign: Mapping[str, Any], *, reason: str, now: datetime | None) -> bool:
    """Pause a campaign, launched or not: scheduled | running -> paused; say whether it was one of these."""
    user_id = campaign["user_id"]
    binds = {"user_id": user_id, "id": campaign["id"], "reason": reason, "by": BY_RULE, "now": now}
    with database.transaction() as connection:
        paused = connection.execute(_PAUSE, binds).fetchone()
        if paused is None:
            return False
        name = paused["name"]
        raise_alert(connection, user_id, kind="campaign_paused", subject=name, message=reason, now=now)
        note_pause(connection, user_id, name, reason=reason, now=now)
    return True


def _line(error: psycopg.Error) -> str:
    return str(error.diag.message_primary or error).splitlines()[0]


_LIMITS = (
    sql.SQL("SET TRANSACTION READ ONLY"),
    sql.SQL("SET LOCAL statement_timeout = '2s'"),  # LONGEST
    sql.SQL("SET LOCAL lock_timeout = '1s'"),
)
_ROLE = sql.SQL("SET LOCAL ROLE {}")
_TWO_ROWS = sql.SQL("-- an operator's own\nSELECT * FROM (\n{}\n) AS stop_when LIMIT 2")
_PAUSE: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'paused', status_reason = %(reason)s, status_by = %(by)s,
        updated_at = coalesce(%(now)s::timestamptz, now())
    WHERE user_id = %(user_id)s AND id = %(id)s AND status IN ('scheduled', 'running')
    RETURNING name
"""
