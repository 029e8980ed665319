"""Simulate: copy the state, apply the files to the copy, live through the time, read the calendar, drop the copy."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from lumiere_sms.campaigns.apply import apply
from lumiere_sms.campaigns.sources import read_files
from lumiere_sms.database.connection import Database
from lumiere_sms.database.scratch import scratch_database
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.runtime import Runtime
from lumiere_sms.simulation.calendar import Calendar, read_calendar
from lumiere_sms.simulation.copying import copy_tenant, fleeting_url, make_fleeting, snapshot
from lumiere_sms.simulation.running import Told, live_through
from lumiere_sms.simulation.spans import Span
from lumiere_sms.simulation.wiring import Wiring
from lumiere_sms.testing.clocks import FrozenClock

#: Told how many days have passed, of all that there are to live through.
Progress = Callable[[int, int], None]

_ONLY_LOOKED_AT = "a simulation sends nothing"  # so that texts that the lint would stop can be looked at


def simulate(
    runtime: Runtime, span: Span, *, worlds: Sequence[Sequence[Path]], overwrite: bool = False, progress: Progress
) -> list[Calendar]:
    """Return a calendar for each set of definition files, all from the same moment of the real state.

    A set without files is the state as it is. Raises: what `apply` raises for the files; ConfigurationError.
    """
    wanted = [read_files(runtime.database, runtime.tenant, files) if files else None for files in worlds]
    with copies_of(runtime, len(worlds)) as copies:
        now, days = runtime.clock.now(), (span.until - runtime.clock.now()).days + 1
        calendars: list[Calendar] = []
        for definitions, scratch in zip(wanted, copies, strict=True):
            clock, before = FrozenClock(now), len(calendars) * days
            if definitions:
                options: dict[str, Any] = {"overwrite": overwrite, "override": _ONLY_LOOKED_AT}
                apply(scratch, runtime.tenant, definitions, clock=clock, prices=runtime.way_prices, **options)
            told = partial(_tell, progress, now, before=before, total=days * len(copies))
            calendars.append(_calendar(runtime, span, scratch, clock=clock, told=told))
    return calendars


@contextmanager
def copies_of(runtime: Runtime, count: int) -> Iterator[list[Database]]:
    """Give so many copies of the same moment of the tenant's state; they are dropped at the end, whatever happens."""
    with ExitStack() as stack:
        copies = [stack.enter_context(_empty_copy(runtime)) for _ in range(count)]
        with snapshot(runtime.database) as source:
            for scratch in copies:
                copy_tenant(source, scratch, runtime.tenant.id)
        yield copies


def _calendar(runtime: Runtime, span: Span, scratch: Database, *, clock: FrozenClock, told: Told) -> Calendar:
    tenant = find_tenant(scratch, runtime.tenant.slug)
    live_through(scratch, tenant, clock=clock, until=span.until, wiring=Wiring.of(runtime), told=told)
    return read_calendar(scratch, tenant, begins=span.begins, until=span.until)


def _tell(progress: Progress, since: datetime, at: datetime, *, before: int, total: int) -> None:
    progress(before + (at - since).days, total)


@contextmanager
def _empty_copy(runtime: Runtime) -> Iterator[Database]:
    with scratch_database(runtime.settings, purpose="simulate") as url:
        scratch = Database(fleeting_url(url), secret=runtime.settings.secret)
        try:
            make_fleeting(scratch)
            yield scratch
        finally:
            scratch.close()
