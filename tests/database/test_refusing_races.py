"""Whoever changes what people want, of one or of many, at once: all get by, and what is proved is what holds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress as ignoring
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from support.salon import add_customer, tenant_of

from lumiere_sms.audience.consent_lists import import_consents
from lumiere_sms.audience.consent_rows import check as check_consents
from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.audience.customers import Wish, set_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppression_lists import import_suppressions
from lumiere_sms.audience.suppressions import lift, suppress, suppress_all
from lumiere_sms.database.audit import check
from lumiere_sms.database.connection import Database
from lumiere_sms.database.secrets import key_of
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import DefinitionError, RefusedError, StateError
from lumiere_sms.messages.links import token_of
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.link_refusals import refuse_by_token
from lumiere_sms.tracking.replies import apply_replies

TURNS, PEOPLE = 15, 4
NUMBERS = [f"+81901234567{last}" for last in range(PEOPLE)]
PROVIDERS = {"reason": "opted_out", "source": "provider"}


@dataclass(frozen=True)
class Salon:
    """Everybody who changes what people want."""

    database: Database
    tenant: Tenant
    folder: Path
    now: datetime

    def take_list(self, draw: Random) -> None:
        refused = "2026-03-01" if draw.random() < 0.3 else ""
        people = {NUMBERS.index(each): each for each in _some(draw)}
        cells = [f"C{place},{each},N{place},{draw.randrange(99)},はい,{refused}\n" for place, each in people.items()]
        path = self._listed(draw, "顧客番号,電話番号,姓,来店回数,販促可,配信停止日\n" + "".join(cells))
        about = {"options": ImportOptions(), "now": self.now}
        import_customers(self.database, self.tenant, path, **about, progress=lambda *_: None)

    def take_consents(self, draw: Random) -> None:
        cells = [f"{each},all,2026-03-0{draw.randint(1, 9)}\n" for each in _some(draw)]
        with ignoring(DefinitionError, StateError):
            path = self._listed(draw, "phone,purpose,date\n" + "".join(cells))
            import_consents(self.database, self.tenant, path, now=self.now)

    def take_refusals(self, draw: Random) -> None:
        path = self._listed(draw, "phone\n" + "\n".join(_some(draw)) + "\n")
        import_suppressions(self.database, self.tenant, path, now=self.now)

    def list_refusals(self, draw: Random) -> None:
        with self.database.transaction() as connection:
            suppress_all(connection, self.tenant.id, _some(draw), **PROVIDERS, now=self.now)

    def answer(self, draw: Random) -> None:
        words = ("STOP", "STOP", "START")
        said = [Reply(f"SM{draw.random()}", each, "", draw.choice(words), self.now) for each in _some(draw)]
        with self.database.transaction() as connection:
            apply_replies(connection, self.tenant.id, said, provider="twilio", now=self.now)

    def come_by_link(self, draw: Random) -> None:
        with self.database.transaction() as connection:
            key = key_of(connection, self.tenant.id, "link")
        with ignoring(StateError, RefusedError):
            refuse_by_token(self.database, self.tenant.id, token_of(draw.choice(NUMBERS), key=key), now=self.now)

    def settle(self, draw: Random) -> None:
        with self.database.transaction() as connection:
            suppress(connection, self.tenant.id, draw.choice(NUMBERS), **PROVIDERS, now=self.now)

    def want(self, draw: Random) -> None:
        with self.database.transaction() as connection:
            lift(connection, self.tenant.id, draw.choice(NUMBERS), now=self.now)

    def note(self, draw: Random) -> None:
        number = draw.choice(NUMBERS)
        with ignoring(StateError, RefusedError), self.database.transaction() as connection:
            about = (connection, self.tenant, number)
            match draw.randrange(4):
                case 0:
                    grant(*about, Said(), reason="asked", lifts_refusal=True, now=self.now)
                case 1:
                    revoke(*about, Said(("promotional",)), now=self.now)
                case 2:
                    revoke(*about, Said(), now=self.now)
                case _:
                    changes = ["allow_promotional=no", f"phone_number={number}"]
                    set_customers(*about, assignments=changes, wish=Wish.NONE, now=self.now)

    def erase(self, draw: Random) -> None:
        if draw.random() < 1 / TURNS:
            with ignoring(StateError):
                erase_person(self.database, self.tenant, draw.choice(NUMBERS), now=self.now)

    def _listed(self, draw: Random, text: str) -> Path:
        path = self.folder / f"{draw.random()}.csv"
        path.write_text(text, encoding="utf-8")
        return path


def test_no_two_who_change_what_people_want_wait_for_each_other(database, user_id, clock, tmp_path):
    for place, number in enumerate(NUMBERS):
        add_customer(database, user_id, number, external_id=f"C{place}", last_name=f"N{place}")
    salon = Salon(database, tenant_of(database), tmp_path, clock.now())
    lists = (salon.take_list, salon.take_consents, salon.take_refusals, salon.list_refusals, salon.answer)
    acts = (*lists, salon.come_by_link, salon.settle, salon.want, salon.note, salon.erase)

    with ThreadPoolExecutor(len(acts)) as pool:
        done = [pool.submit(partial(_turns, act), seed) for seed, act in enumerate(acts)]
        for each in done:
            each.result()  # a deadlock is an error of the database, which comes through here

    found = check_consents(database, user_id)
    assert (check(database, user_id).breaks, found.faults, found.differing) == ((), (), 0)


def _turns(act: Callable[[Random], None], seed: int) -> None:
    draw = Random(seed)
    for _ in range(TURNS):
        act(draw)


def _some(draw: Random) -> list[str]:
    return draw.sample(NUMBERS, draw.randint(1, PEOPLE))
