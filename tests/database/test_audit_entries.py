"""Which act leaves which entries: one story, told through the functions that the commands and the daemon call."""

import json
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from support.doubts import put_in_doubt
from support.salon import apply_text, define, only, prices, rows, tenant_of
from support.seeds import arm, phone, seed_campaign

from lumiere_sms.audience import customers
from lumiere_sms.audience.customers import Wish
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.segments import create_segment, delete_segment
from lumiere_sms.audience.suppressions import lift, suppress, suppress_all
from lumiere_sms.campaigns import apply, lifecycle, scheduling
from lumiere_sms.campaigns.alerts import acknowledge, raise_alert
from lumiere_sms.campaigns.completion import complete_finished, reopen
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.recipients import Cursor, Outcome, Result, Rooms, ask, claim, settle
from lumiere_sms.campaigns.resolving import Word, resolve
from lumiere_sms.campaigns.retrying import FAILED, retry
from lumiere_sms.campaigns.retrying import Wish as Again
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.campaigns.stop_queries import stop_where_asked
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.campaigns.tenant_ways import Ways, change_ways
from lumiere_sms.database.audit import check
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.messages.templates import create_template, delete_template
from lumiere_sms.sending.consequences import pause_short
from lumiere_sms.sending.limits import read_wish, set_campaign_limit, set_tenant_limits

BY = {"by": "hanako"}
LIST = (
    "顧客番号,姓,名,電話番号,来店回数,配信停止日\n"
    "C1,田中,花子,090-1234-5678,5,\nC2,佐藤,太郎,090-1234-5679,1,2026-01-02\nC3,鈴木,健,090-1234-5680,2,\n"
)
PERSONAL = ("田中", "花子", "佐藤", "太郎", "鈴木", "健", "1234567", "1234568", "8190", "2345-56")
FILES = """
templates:
  hello: {content: "Hello", category: promotional}
segments:
  tanakas: {criteria: {field: last_name, operator: eq, value: 田中}}
campaigns:
  summer: {template: hello, segment: tanakas, budget: 100 USD}
"""
CANARY = 'campaigns: {canary: {message: "Hi", segment: all, schedule: now, canary: {size: 1, wait: 30m}}}'


class Story:
    """Does something and says which entries that left: their actors and actions."""

    def __init__(self, database: Database, clock, folder: Path) -> None:
        self.database, self.clock, self.folder = database, clock, folder
        self.tenant = tenant_of(database)
        self.user_id = self.tenant.id
        self._seen = 0

    def now(self) -> dict:
        return {"now": self.clock.now()}

    def did(self, *_: object) -> list[str]:
        entries = [each for each in rows(self.database, "audit_log", order="seq") if each["user_id"] == self.user_id]
        new, self._seen = entries[self._seen :], len(entries)
        return [f"{each['actor']} {each['action']}" for each in new]

    def within(self, act, *arguments, **given) -> list[str]:
        with self.database.transaction() as connection:
            act(connection, *arguments, **given)
        return self.did()

    def move(self, act, name: str, **given) -> list[str]:
        return self.did(act(self.database, self.user_id, name=name, **given, **BY, clock=self.clock))

    def due(self) -> list[str]:
        return self.did(do_what_is_due(self.database, clock=self.clock, prices=prices))

    def import_list(self, **options: bool) -> list[str]:
        (self.folder / "list.csv").write_text(LIST, encoding="utf-8")
        about = {"options": ImportOptions(**options), "progress": lambda *_: None, **BY}
        return self.did(
            import_customers(self.database, self.tenant, self.folder / "list.csv", **about, now=self.clock.now())
        )

    def set(self, key: str, *assignments: str, wish: Wish = Wish.NONE) -> list[str]:
        about = {"assignments": assignments, "wish": wish, **BY, **self.now()}
        return self.within(customers.set_customers, self.tenant, key, **about)

    def seed(self, name: str, **given):
        return seed_campaign(self.database, self.user_id, now=self.clock.now(), name=name, **given)


@pytest.fixture
def story(database, clock, tmp_path):
    return Story(database, clock, tmp_path)


@pytest.fixture
def no_personal_data(database):
    yield
    told = json.dumps([[each[name] for name in TOLD] for each in rows(database, "audit_log")], ensure_ascii=False)
    assert [each for each in PERSONAL if each in told] == []


TOLD = ("actor", "action", "subject", "reason", "before", "after")
pytestmark = pytest.mark.usefixtures("no_personal_data")


def test_what_is_done_to_people_is_noted_without_their_numbers_and_names(story, database, user_id):
    assert story.import_list(dry_run=True) == []
    assert story.import_list() == ["hanako customer.import"]
    assert only(database, "audit_log")["after"]["created"] == 3
    assert story.set("C1", "visits=9", "last_name=高橋", "tags+=vip") == ["hanako customer.set"]
    assert rows(database, "audit_log", order="seq")[-1]["after"] == {"changed": ["visit_count", "last_name", "tags"]}
    assert story.set("C1", "visits=9") == []
    assert story.set("C1", wish=Wish.OPT_OUT) == ["hanako suppression.add"]
    assert story.set("C1", wish=Wish.OPT_OUT) == []
    assert story.set("C1", wish=Wish.OPT_IN) == ["hanako suppression.lift"]
    about = {"reason": "opted_out", "source": "provider", **story.now()}
    assert story.within(suppress, user_id, "+819012345680", **about) == ["provider suppression.add"]
    assert rows(database, "audit_log", order="seq")[-1]["subject"] == str(rows(database, "suppressions")[-1]["id"])
    assert story.within(suppress, user_id, "+819012345680", **about) == []
    assert story.within(lift, user_id, "+819012345680", **BY) == ["hanako suppression.lift"]
    many = [phone(number) for number in range(5)]
    assert story.within(suppress_all, user_id, many, by="twilio", **about) == ["twilio suppression.add_all"]
    assert story.within(suppress_all, user_id, many, by="twilio", **about) == []
    assert check(database, user_id).breaks == ()


def test_what_is_made_and_thrown_away_is_noted(story, database, user_id, clock, tmp_path):
    story.import_list()
    story.did()
    apply_text(database, tmp_path, FILES, clock=clock, **BY)
    created = ["template.create", "segment.create", "campaign.create"]
    assert story.did() == [f"hanako {each}" for each in ("budget.set", *created)]
    apply_text(database, tmp_path, FILES, clock=clock, **BY)
    assert story.did() == []
    long = "Bonjour " * 100
    changed = FILES.replace('"Hello"', f'"{long}"').replace("100 USD", "200 USD")
    apply_text(database, tmp_path, changed, clock=clock, **BY)
    assert story.did() == [f"hanako {each}" for each in ("budget.set", "template.update", "campaign.update")]
    template = next(each for each in rows(database, "audit_log", order="seq") if each["action"] == "template.update")
    assert template["before"] == {"content": "Hello"}
    assert "SHA-256" in template["after"]["content"]
    defined = define(tmp_path, 'campaigns: {autumn: {message: "Hi", segment: all}}')
    assert story.did(apply.create(database, story.tenant, defined, clock=clock, **BY)) == ["hanako campaign.create"]
    story.did(create_template(database, user_id, definition={"name": "bye", "content": "Bye"}, **BY))
    delete_template(database, user_id, name="bye", **BY)
    assert story.did() == ["hanako template.delete"]
    kept = {"name": "few", "members": ["C1"]}
    assert story.within(create_segment, user_id, kept, **BY) == ["hanako segment.create"]
    assert story.within(delete_segment, user_id, "few", **BY) == ["hanako segment.delete"]
    assert check(database, user_id).breaks == ()


def test_what_becomes_of_a_campaign_is_noted_whoever_decides_it(story, database, user_id, clock, tmp_path):
    story.import_list()
    apply_text(database, tmp_path, 'campaigns: {a: {message: "Hi", segment: all}}', clock=clock)
    story.did()
    about = {"name": "a", "at": "now", "undo_window": timedelta(minutes=1), "clock": clock, **BY}
    scheduled = scheduling.schedule(database, story.tenant, **about)
    assert story.did() == ["hanako campaign.schedule"]
    scheduling.undo(database, story.tenant, scheduled, clock=clock, **BY)
    assert story.did() == ["hanako campaign.undo"]
    scheduling.schedule(database, story.tenant, **{**about, "undo_window": timedelta(0)})
    assert story.did() == ["hanako campaign.schedule"]
    assert story.due() == ["schedule campaign.launch"]
    assert story.move(lifecycle.pause, "a") == ["hanako campaign.pause"]
    assert story.move(lifecycle.resume, "a") == ["hanako campaign.resume"]
    campaign_id = only(database, "sms_campaigns")["id"]
    paused = story.within(pause_by_rule, user_id, campaign_id, reason="spam", **story.now())
    assert paused == ["rule campaign.pause"]
    assert story.move(lifecycle.cancel, "a") == ["hanako campaign.cancel"]
    assert story.move(lifecycle.delete, "a") == ["hanako campaign.delete"]
    done = story.seed("done", texts=0)
    assert story.did(complete_finished(database, now=clock.now())) == ["rule campaign.complete"]
    about = {"campaign_ids": [done.campaign_id], "occurrence_ids": [done.occurrence_id]}
    assert story.within(reopen, user_id, **about, **story.now()) == ["rule campaign.reopen"]
    short = story.seed("short", texts=1)
    pause_short(database, user_id, {short.campaign_id: "its budget holds no text more"}, now=clock.now())
    assert story.did() == ["rule campaign.pause"]
    story.seed("full", texts=1, stop_when="SELECT true")
    assert story.did(stop_where_asked(database, clock=clock)) == ["rule campaign.pause"]
    assert check(database, user_id).breaks == ()


def test_what_is_decided_of_texts_is_noted(story, database, user_id, clock):
    failed = story.seed("failed", texts=1)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed' WHERE id = %s", failed.recipient_ids)
    assert story.move(retry, "failed", wish=Again(FAILED, reason="the carrier was down")) == ["hanako campaign.retry"]
    doubtful = story.seed("doubtful", texts=1, first=5)
    put_in_doubt(database, doubtful, clock=clock)
    word = Word(is_sent=True, reason="the recipient showed it")
    assert story.move(resolve, "doubtful", who=phone(5), word=word) == ["hanako campaign.resolve"]
    definition = define_direct(None, {"message": "For 田中 at 090-1234-5678"}, defaults_zone="Asia/Tokyo")
    about = {"definition": definition, "addressees": [Addressee("+819012345678")], "clock": clock, "prices": prices}
    assert story.did(send_directly(database, story.tenant, **about, **BY)) == ["hanako campaign.send"]
    with database.transaction() as connection:
        raise_alert(connection, user_id, kind="two_texts", subject=str(new_id()), message="two", now=clock.now())
    assert story.did(acknowledge(database, user_id, None, clock=clock, **BY)) == ["hanako alert.acknowledge"]


def test_each_wave_and_each_verdict_is_noted(story, database, clock, tmp_path):
    story.import_list(allow_promotional=True)
    apply_text(database, tmp_path, CANARY, clock=clock)
    story.did()

    assert story.due() == ["schedule campaign.launch"]
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'delivered', attempt = 1, provider = 'console', sent_at = %s,"
            " provider_message_id = id::text",
            [clock.now()],
        )
    clock.advance(timedelta(hours=1))

    assert story.due() == ["rule campaign.judge", "rule campaign.wave"]


def test_what_cannot_be_launched_is_paused_on_record(story, database, clock, tmp_path):
    story.import_list()
    apply_text(database, tmp_path, FILES.replace("budget: 100 USD", "schedule: now"), clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_templates SET is_active = false")
    story.did()

    assert story.due() == ["rule campaign.pause"]
    assert "cannot be launched" in rows(database, "audit_log", order="seq")[-1]["reason"]


def test_a_tenant_and_its_settings_are_noted(story, database, clock, tmp_path):
    made = create_tenant(database, "ginza", **BY)
    own = [(each["action"], each["user_id"], each["seq"]) for each in rows(database, "audit_log")]
    assert own == [("tenant.create", made.id, 1)]
    assert story.did(change_ways(database, "default", Ways(routing="weighted"), **BY, **story.now())) == [
        "hanako tenant.set"
    ]
    change_rules(database, "default", {"quiet_hours": "21:00-08:00"}, **BY, **story.now())
    assert story.did() == ["hanako tenant.rules"]
    set_tenant_limits(database, story.tenant, wish=read_wish(per_minute="60", **BY, **story.now()))
    assert story.did() == ["hanako limit.set"]
    apply_text(database, tmp_path, 'campaigns: {slow: {message: "Hi", segment: all}}', clock=clock)
    story.did()
    wish = read_wish(per_minute="60", **BY, **story.now())
    assert story.did(set_campaign_limit(database, story.tenant, name="slow", wish=wish)) == ["hanako limit.set"]


def test_dispatch_writes_nothing_into_the_log_and_reads_nothing_of_it(story, database, user_id, clock):
    seeded = story.seed("spring", texts=2)
    daemon = new_id()
    statements = count_statements(database)

    with database.transaction() as connection:
        about = {"occurrence_id": seeded.occurrence_id, "daemon": daemon, "limit": 2, "now": clock.now()}
        claimed, _ = claim(connection, user_id, **about, rooms=Rooms((), ()), cursor=Cursor())
        asked = [ask(each, campaign_id=seeded.campaign_id, sender="+15005550006") for each in claimed]
        arm(connection, user_id, asked, daemon=daemon, now=clock.now())
    results = [
        Result(each.attempt_id, each.id, each.fence, each.campaign_id, Outcome.ACCEPTED, message_id=str(each.id))
        for each in asked
    ]
    settle(database, user_id, results, now=clock.now())

    assert len(statements) > 3
    assert [each for each in statements if "audit" in each] == []
    assert rows(database, "audit_log") == []


def count_statements(database: Database) -> list[str]:
    """Return a list that grows with what is executed on the connection that is used from here on."""
    statements: list[str] = []

    class Watched(psycopg.Cursor):
        def execute(self, query, *arguments, **options):
            statements.append(str(query))
            return super().execute(query, *arguments, **options)

    with database.transaction() as connection:
        connection.cursor_factory = Watched
    return statements
