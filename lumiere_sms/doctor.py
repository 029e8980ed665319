"""First-day failures, found before the first campaign: each check says what it saw and how to mend it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from lumiere_sms.database import schema
from lumiere_sms.errors import LumiereError
from lumiere_sms.runtime import Runtime

OLDEST_SERVER = 150000  # PostgreSQL 15
LARGEST_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `hint` says how to mend what is not well."""

    name: str
    is_well: bool
    said: str
    hint: str = ""


def examine(runtime: Runtime) -> Iterator[Check]:
    """Yield what each check saw. What needs the database is left out where there is none."""
    database = _look("database", lambda: _database(runtime))
    yield database
    if database.is_well:
        yield _look("schema", lambda: _schema(runtime))
        yield _look("writes", lambda: _writes(runtime))
        yield _look("durability", lambda: _durability(runtime))
        yield _look("clock", lambda: _clock(runtime))
    several = len(runtime.providers) > 1
    for name in runtime.providers:
        yield _look("credentials", partial(_credentials, runtime, name), about=f"{name}: " if several else "")
    if database.is_well:
        for name in runtime.providers:
            yield _look("sender", partial(_sender, runtime, name), about=f"{name}: " if several else "")
    if several or runtime.settings.routing != "primary":
        yield _look("routing", partial(_routing, runtime))


def _look(name: str, look: Callable[[], str], *, about: str = "") -> Check:
    try:
        return Check(name, is_well=True, said=about + look())
    except LumiereError as error:
        return Check(name, is_well=False, said=about + str(error), hint=error.hint)


def _database(runtime: Runtime) -> str:
    with runtime.server.transaction(read_only=True) as connection:
        number = connection.info.server_version
    if number < OLDEST_SERVER:
        raise LumiereError(f"PostgreSQL {number // 10000} is too old", hint="use PostgreSQL 15 or newer")
    kind = "the server of DATABASE_URL" if runtime.settings.database_url else "the embedded server"
    return f"PostgreSQL {number // 10000}, {kind}"


def _schema(runtime: Runtime) -> str:
    schema.require_current(runtime.server)
    return schema.head()


def _writes(runtime: Runtime) -> str:
    with runtime.server.transaction() as connection:
        found = connection.execute(_RIGHTS).fetchone() or {}
    if found["read_only"] == "on":
        raise LumiereError("the database takes no writes", hint="is it a replica? name the primary in DATABASE_URL")
    if found["refused"]:
        raise LumiereError(
            f'the role "{found["role"]}" may not write to {", ".join(found["refused"])}',
            hint="GRANT it, or name another role in DATABASE_URL",
        )
    return "the database takes them"


def _durability(runtime: Runtime) -> str:
    with runtime.server.transaction(read_only=True) as connection:
        found = connection.execute("SHOW synchronous_commit").fetchone() or {}
    if found["synchronous_commit"] == "off":
        hint = "ALTER ROLE … SET synchronous_commit = on"
        raise LumiereError("synchronous_commit is off: a crash could text people twice", hint=hint)
    return f"synchronous_commit is {found['synchronous_commit']}"


def _clock(runtime: Runtime) -> str:
    with runtime.server.transaction(read_only=True) as connection:
        found = connection.execute("SELECT clock_timestamp() AS now").fetchone() or {}
    skew: timedelta = abs(found["now"] - runtime.clock.now())
    said = f"{skew.total_seconds():.1f} s apart from the database's"
    if skew > LARGEST_SKEW:
        raise LumiereError(said, hint="set this machine's clock by NTP; texts go by the database's clock")
    return said


def _sender(runtime: Runtime, provider: str) -> str:
    sender = runtime.tenant.sender_at(provider, primary=runtime.primary) or runtime.default_sender_of(provider)
    with runtime.database.transaction(read_only=True) as connection:
        owner = connection.execute(_OWNER, {"sender": sender, "user_id": runtime.tenant.id}).fetchone()
    if owner:
        hint = "set another one in LUMIERE_SMS_TWILIO_FROM; a sender belongs to one business"
        raise LumiereError(f'{sender} sends for the tenant "{owner["slug"]}"', hint=hint)
    return f"texts come from {sender}"


def _routing(runtime: Runtime) -> str:
    route = runtime.route
    return f"{route.strategy}: {', then '.join(route.providers)}"


def _credentials(runtime: Runtime, name: str) -> str:
    async def ask() -> str:
        provider = runtime.provider(name)
        try:
            said = await provider.check()
            return said if len(runtime.providers) > 1 else f"{name}: {said}"
        finally:
            await provider.close()

    return asyncio.run(ask())


_RIGHTS = """
    SELECT current_user AS role, current_setting('transaction_read_only') AS read_only, array(
        SELECT relname::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
          AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                   AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
        ORDER BY relname
    ) AS refused
"""
_OWNER = """
    SELECT users.slug FROM pace_limits JOIN users ON users.id = pace_limits.owner
    WHERE pace_limits.sender = %(sender)s AND pace_limits.owner <> %(user_id)s
"""
