"""First-day failures, found before the first campaign: each check says what it saw and how to mend it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from lumiere_sms.database import schema
from lumiere_sms.database.grants import APPEND_ONLY, UNCHANGED
from lumiere_sms.database.secrets import PURPOSES, has_key, key_of
from lumiere_sms.errors import ConfigurationError, LumiereError
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
    is_current = False
    yield database
    if database.is_well:
        current = _look("schema", lambda: _schema(runtime))
        is_current = current.is_well
        yield current
        yield _look("writes", lambda: _writes(runtime))
        yield _look("durability", lambda: _durability(runtime))
        yield _look("clock", lambda: _clock(runtime))
    several = len(runtime.providers) > 1
    for name in runtime.providers:
        yield _look("credentials", partial(_credentials, runtime, name), about=f"{name}: " if several else "")
    if database.is_well:
        for name in runtime.providers:
            yield _look("sender", partial(_sender, runtime, name), about=f"{name}: " if several else "")
    if is_current:
        yield from _ways_out(runtime)
        yield from _secret(runtime)
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
        kept = {"append_only": sorted(APPEND_ONLY), "unchanged": sorted(UNCHANGED)}
        found = connection.execute(_RIGHTS, kept).fetchone() or {}
    if found["read_only"] == "on":
        raise LumiereError("the database takes no writes", hint="is it a replica? name the primary in DATABASE_URL")
    if found["refused"]:
        raise LumiereError(
            f'the role "{found["role"]}" may not write to {", ".join(found["refused"])}',
            hint=f"as the tables' owner: lumiere-sms db grants {found['role']}, and run what it prints",
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


def _ways_out(runtime: Runtime) -> Iterator[Check]:
    """Yield whether people at home can refuse texts, by an answer or by a link; nothing where nothing is sent yet."""
    from lumiere_sms.planning.ways_out import takes_any  # noqa: PLC0415 - only what is used

    tenant = runtime.tenant
    try:
        senders = {name: sender for name, sender in runtime.senders_of(tenant, runtime.providers).items() if sender}
    except ConfigurationError:
        return  # the credentials' check says it
    link, is_answered = tenant.rules.get("opt_out_url"), takes_any(senders, tenant.country)
    if link:
        yield Check("refusals", is_well=True, said=f"links lead to {link}")
    elif senders and not is_answered:
        said = f"nobody in {tenant.country} can: answers do not come back, and there is no link"
        yield Check("refusals", is_well=True, said=said, hint="lumiere-sms tenant set --opt-out-url https://…/")


def _secret(runtime: Runtime) -> Iterator[Check]:
    """Yield what is to be said of the secret that links and hashes are made with, where there are any."""

    def look() -> str:
        with runtime.database.transaction(read_only=True) as connection:
            for purpose in made:
                key_of(connection, runtime.tenant.id, purpose)
        if runtime.settings.secret:
            return "LUMIERE_SMS_SECRET is the one that links and hashes are made with"
        return "links and hashes are made without LUMIERE_SMS_SECRET: a copy of the database is enough to make them"

    with runtime.database.transaction(read_only=True) as connection:
        made = [each for each in PURPOSES if has_key(connection, runtime.tenant.id, each)]
    if made:
        yield _look("secret", look)
    elif runtime.tenant.rules.get("opt_out_url") and not runtime.settings.secret:
        said = "LUMIERE_SMS_SECRET is not set: a copy of the database will be enough to make links"
        yield Check("secret", is_well=True, said=said, hint="set it before the first launch; it cannot be set later")


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
                   AND (relname = ANY (%(unchanged)s::text[]) OR has_table_privilege(oid, 'UPDATE'))
                   AND (relname = ANY (%(append_only)s::text[]) OR has_table_privilege(oid, 'DELETE')))
        ORDER BY relname
    ) AS refused
"""
_OWNER = """
    SELECT users.slug FROM pace_limits JOIN users ON users.id = pace_limits.owner
    WHERE pace_limits.sender = %(sender)s AND pace_limits.owner <> %(user_id)s
"""
