"""The whole job on example data: a database of its own, the Twilio stand-in, a clock that says it is morning.

Nothing of the operator's is touched: the demo makes a database on the embedded server, whatever
DATABASE_URL says, and drops it when it has ended. No text leaves the machine.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from lumiere_sms.analytics.report import Report, campaign_report
from lumiere_sms.audience.imports import Imported, ImportOptions, import_customers
from lumiere_sms.campaigns.apply import apply
from lumiere_sms.clock import Clock, VirtualClock
from lumiere_sms.daemon import Runner
from lumiere_sms.database import schema
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_faults import Faults, Refusal
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer

ZONE = ZoneInfo("Asia/Tokyo")
MORNING = time(10)
PARTS_PER_SECOND = 100.0
#: What goes wrong in the demo, as it does in life: some texts are not delivered, a landline, a person who replied STOP.
FAULTS = Faults(
    deliver_after=timedelta(seconds=0.3),
    fail_delivery=0.03,
    by_phone={"+819012345531": Refusal(21614), "+818012341397": Refusal(21610)},
)

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What happened: the import, and a report per campaign that was launched."""

    imported: Imported
    campaigns: tuple[Report, ...]


def run_demo(settings: Settings, *, today: datetime, say: Say, progress: Progress) -> Demo:
    """Import, plan, apply, send until done; `today` is a day whose morning the demo's clock says."""
    clock = VirtualClock(datetime.combine(today.astimezone(ZONE).date(), MORNING, ZONE))
    say(f"The demo's clock says {MORNING:%H:%M} in Tokyo; its sandbox takes {PARTS_PER_SECOND:.0f} parts a second.")
    with _database(settings) as url, TwilioServer(FAULTS, clock=clock) as server:
        runtime = Runtime(_sandboxed(settings, url, server), clock=clock)
        schema.upgrade(runtime.server)
        imported = _prepare(runtime, clock)
        say(f"{imported.created} customers imported, {imported.skipped} rows left out for what is wrong in them.")
        names = _apply(runtime)
        say(f"{len(names)} campaigns applied; sending those that are due now…")
        asyncio.run(_send(runtime, progress))
        reports = tuple(campaign_report(runtime.database, runtime.tenant.id, name) for name in names)
        runtime.server.close()
    return Demo(imported, tuple(report for report in reports if report.started_at))


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """Make a database on the embedded server and drop it at the end; what a killed demo left goes too."""
    cluster = Cluster(settings.data_dir, pg_bin=settings.pg_bin, account=settings.postgres_user)
    url = cluster.ensure()
    name = f"demo_{new_id().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        left = connection.execute(_LEFT_BEHIND).fetchall()
        for (old,) in left:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(old)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield psycopg.conninfo.make_conninfo(url, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _sandboxed(settings: Settings, url: str, server: TwilioServer) -> Settings:
    return replace(
        settings,
        database_url=url,
        tenant="",
        provider="twilio",
        twilio_account_sid=server.account_sid,
        twilio_auth_token=server.auth_token,
        twilio_base_url=server.url,
        twilio_from=SANDBOX_SENDER,
        twilio_messaging_service_sid="",
        parts_per_second=PARTS_PER_SECOND,
    )


def _prepare(runtime: Runtime, clock: Clock) -> Imported:
    with runtime.server.transaction() as connection:
        connection.execute("UPDATE users SET name = 'Salon Lumière'")
    customers = Path(str(files("lumiere_sms") / "examples" / "customers.csv"))
    options = ImportOptions(skip_bad=True)
    return import_customers(
        runtime.database, runtime.tenant, customers, options=options, now=clock.now(), progress=lambda *_: None
    )


def _apply(runtime: Runtime) -> list[str]:
    definitions = read_definitions([example_definitions()])
    apply(runtime.database, runtime.tenant, definitions, clock=runtime.clock)
    return list(definitions.campaigns)


def example_definitions() -> Path:
    """Return campaigns.example.yaml: inside the installed package, or at the top of a checkout."""
    package = Path(str(files("lumiere_sms")))
    shipped = package / "examples" / "campaigns.example.yaml"
    return shipped if shipped.is_file() else package.parent / "campaigns.example.yaml"


async def _send(runtime: Runtime, progress: Progress) -> None:
    """Send what is due, then wait for the receipts. Raises: SystemExit, once what is on the wire is settled."""
    runner = Runner(runtime, seconds_between_polls=0)
    sending = asyncio.create_task(runner.run(once=True))
    while not sending.done():
        progress(runner.submitted, runner.recipients)
        await asyncio.wait([sending], timeout=0.1)
    await sending
    progress(runner.submitted, runner.recipients)
    _heed_signals(runner)
    await asyncio.sleep(FAULTS.deliver_after.total_seconds() * 2)
    _heed_signals(runner)  # it still hears them
    later = Runner(runtime, seconds_between_polls=0)
    await later.run(once=True)
    _heed_signals(runner, later)


def _heed_signals(*runners: Runner) -> None:
    for runner in runners:
        if runner.stopping.signals:
            raise SystemExit(runner.stopping.exit_code)


_LEFT_BEHIND = """
    SELECT datname FROM pg_database
    WHERE datname ~ '^demo_[0-9a-f]{32}$'
      AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pg_stat_activity.datname = pg_database.datname)
"""
