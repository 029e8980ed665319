"""The head of the chain is the last thing that anybody locks: whoever changes what, at once, all get by."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress as ignoring
from functools import partial
from random import Random

from support.salon import add_customer, apply_text, rows
from support.seeds import phone, seed_campaign

from lumiere_sms.audience.suppressions import lift, suppress
from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.database.audit import check
from lumiere_sms.database.connection import Database
from lumiere_sms.errors import StateError

THREADS, TURNS, NUMBERS = 6, 12, 4
NAMES = ("a", "b", "c")


def texts_of(turn: int) -> str:
    """Definitions that differ each time, of campaigns that were seeded running, in either order."""
    names = NAMES if turn % 2 else NAMES[::-1]
    return "campaigns:\n" + "".join(f"  {each}: {{message: hello {turn}, segment: all}}\n" for each in names)


def test_no_two_who_change_something_wait_for_each_other(database, user_id, clock, tmp_path):
    seeded = [seed_campaign(database, user_id, now=clock.now(), texts=2, name=each) for each in NAMES]
    for number in range(NUMBERS):
        add_customer(database, user_id, phone(number))

    def apply(draw: Random) -> None:
        folder = tmp_path / str(draw.random())
        folder.mkdir()
        apply_text(database, folder, texts_of(draw.randrange(100)), clock=clock, overwrite=True)

    def refuse(draw: Random) -> None:
        with database.transaction() as connection:
            for number in sorted(draw.sample(range(NUMBERS), 2)):
                about = {"reason": "opted_out", "source": "provider", "now": clock.now()}
                suppress(connection, user_id, phone(number), **about)

    def want(draw: Random) -> None:
        with database.transaction() as connection:
            lift(connection, user_id, phone(draw.randrange(NUMBERS)))

    def settle(draw: Random) -> None:
        """As the settling does, with refusals and a rule that stops: campaigns, recipients, numbers."""
        picked = draw.choice(seeded)
        with database.transaction() as connection:
            connection.execute("SELECT id FROM sms_campaigns WHERE id = %s FOR NO KEY UPDATE", [picked.campaign_id])
            connection.execute(
                "UPDATE campaign_recipients SET updated_at = now() WHERE id = %s", [picked.recipient_ids[0]]
            )
            number = phone(draw.randrange(NUMBERS))
            suppress(connection, user_id, number, reason="opted_out", source="provider", now=clock.now())
            pause_by_rule(connection, user_id, picked.campaign_id, reason="spam", now=clock.now())

    def move(draw: Random) -> None:
        for act in (lifecycle.pause, lifecycle.resume):
            with ignoring(StateError):
                act(database, user_id, name=draw.choice(NAMES), clock=clock)

    acts = (apply, refuse, want, settle, move, partial(complete, database, clock))
    with ThreadPoolExecutor(THREADS) as pool:
        done = [pool.submit(turns, act, seed) for seed, act in enumerate(acts)]
        for each in done:
            each.result()  # a deadlock is an error of the database, which comes through here

    found = check(database, user_id)
    assert (found.breaks, found.entries) == ((), len(rows(database, "audit_log")))
    assert found.entries > TURNS


def turns(act: Callable[[Random], None], seed: int) -> None:
    draw = Random(seed)
    for _ in range(TURNS):
        act(draw)


def complete(database: Database, clock, _: Random) -> None:
    complete_finished(database, now=clock.now())
