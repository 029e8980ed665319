import re
from pathlib import Path

import psycopg
import pytest
from support.statements import Watch, is_ours, tenant_tables
from support.tenancy_rules import broken_rules

import lumiere_sms
from lumiere_sms.database.connection import Database

TABLES = {"customers", "campaign_recipients", "sms_campaigns"}
FILES = sorted(Path(lumiere_sms.__file__).parent.rglob("*.sql"))
FRAGMENT = re.compile(r"[{](\w+)[}]")
ADDED = re.compile(r"(?<=[\w)])[{]\w+[}]")  # a fragment that follows on something whole, and may be empty
TIE = re.compile(r"\b(?:\w+\.)?user_id = %\(user_id\)s(?:::uuid)?")

KEPT = [
    pytest.param("SELECT 1 FROM customers WHERE user_id = %s AND id = %s", id="a bind"),
    pytest.param("SELECT 1 FROM customers AS c WHERE %(user_id)s::uuid = c.user_id", id="a cast bind on the left"),
    pytest.param(
        "SELECT 1 FROM customers c JOIN campaign_recipients r ON r.user_id = c.user_id AND r.customer_id = c.id"
        " WHERE c.user_id = %s",
        id="one by another",
    ),
    pytest.param(
        "SELECT 1 FROM customers c JOIN campaign_recipients r USING (user_id) WHERE c.user_id = %s", id="using"
    ),
    pytest.param(
        "SELECT 1 FROM customers c, campaign_recipients r WHERE (r.user_id, r.customer_id) = (c.user_id, c.id)"
        " AND r.user_id = %s",
        id="rows compared",
    ),
    pytest.param(
        "SELECT 1 FROM customers c WHERE c.user_id = %s"
        " AND EXISTS (SELECT 1 FROM campaign_recipients r WHERE r.user_id = c.user_id)",
        id="a level tied to the one around it",
    ),
    pytest.param(
        "WITH due AS MATERIALIZED (SELECT user_id, id FROM campaign_recipients WHERE user_id = %(u)s FOR NO KEY UPDATE)"
        " UPDATE campaign_recipients r SET status = 'x' FROM due WHERE r.user_id = due.user_id AND r.id = due.id"
        " RETURNING r.id, (r.attempt + 1) AS next",
        id="the claim",
    ),
    pytest.param("SELECT 1 FROM customers c JOIN users u ON u.id = c.user_id WHERE u.id = %s", id="tied by its owner"),
    pytest.param(
        "INSERT INTO customers (user_id, id) VALUES (%s, %s) ON CONFLICT (user_id, id) DO NOTHING", id="insert"
    ),
    pytest.param("COPY customers (user_id, id) FROM STDIN", id="copy in"),
    pytest.param("CREATE TEMP TABLE staging (line int) ON COMMIT DROP", id="a temporary table that goes away"),
    pytest.param("SET LOCAL statement_timeout = 1000", id="a setting of the transaction"),
    pytest.param("SET TRANSACTION READ ONLY", id="a property of the transaction"),
    pytest.param("SELECT set_config('statement_timeout', '5s', true)", id="the same as a function"),
    pytest.param("-- Who is due.\n-- cross-tenant: the daemon serves all\nSELECT 1 FROM customers", id="a named one"),
    pytest.param(
        "-- cross-tenant: pace\nSELECT 1 FROM customers c, daemons d FOR UPDATE OF d", id="it may lock what is local"
    ),
    pytest.param(
        "UPDATE customers SET updated_at = coalesce(%s, now()) WHERE user_id = %s", id="a stable function in SET"
    ),
    pytest.param("SELECT tag FROM unnest(%s::text[]) AS tag", id="no table at all"),
]

BROKEN = [
    pytest.param("SELECT 1 FROM customers", "tied to no tenant", id="nothing"),
    pytest.param("SELECT 1 FROM customers WHERE id = %s", "tied to no tenant", id="only the id"),
    pytest.param("SELECT 1 FROM customers WHERE user_id = %s OR id = %s", "tied to no tenant", id="an alternative"),
    pytest.param("SELECT 1 FROM customers WHERE user_id <> %s", "tied to no tenant", id="anything but an equality"),
    pytest.param("SELECT 1 FROM customers WHERE NOT user_id = %s", "tied to no tenant", id="a negation"),
    pytest.param("SELECT 1 FROM customers WHERE user_id = user_id", "tied to no tenant", id="itself"),
    pytest.param("SELECT 1 FROM customers WHERE user_id = ANY(%s)", "tied to no tenant", id="several tenants"),
    pytest.param(
        "SELECT 1 FROM customers c JOIN campaign_recipients r ON r.user_id = c.user_id",
        "tied to no tenant",
        id="a ring",
    ),
    pytest.param(
        "SELECT 1 FROM customers c JOIN campaign_recipients r ON r.customer_id = c.id WHERE c.user_id = %s",
        "campaign_recipients (r)",
        id="only one of two",
    ),
    pytest.param(
        "SELECT 1 FROM customers c WHERE c.user_id = %s AND c.id IN (SELECT customer_id FROM campaign_recipients)",
        "campaign_recipients",
        id="a subquery",
    ),
    pytest.param("WITH x AS (SELECT 1 FROM customers) SELECT 1 FROM x", "customers", id="a common table expression"),
    pytest.param("SELECT 1 FROM (SELECT id FROM customers) AS x", "customers", id="a derived table"),
    pytest.param("SELECT 1 UNION ALL SELECT 1 FROM customers", "customers", id="a union"),
    pytest.param("UPDATE customers SET first_name = 'x' WHERE id = %s", "tied to no tenant", id="update"),
    pytest.param("DELETE FROM customers WHERE id = %s", "tied to no tenant", id="delete"),
    pytest.param(
        "INSERT INTO customers (user_id, id) SELECT user_id, id FROM campaign_recipients",
        "campaign_recipients",
        id="into",
    ),
    pytest.param("INSERT INTO customers (id) VALUES (%s)", "does not name user_id", id="insert without it"),
    pytest.param(
        "INSERT INTO customers (user_id, id) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING",
        "does not start",
        id="conflict",
    ),
    pytest.param("COPY customers (id) FROM STDIN", "does not name user_id", id="copy in without it"),
    pytest.param("COPY customers TO STDOUT", "reads all", id="copy out"),
    pytest.param("COPY (SELECT id FROM customers) TO STDOUT", "tied to no tenant", id="copy out of a query"),
    pytest.param("TRUNCATE customers", "TRUNCATE", id="truncate"),
    pytest.param("-- cross-tenant: why\nSELECT 1 FROM customers FOR UPDATE", "row locks", id="a cross-tenant lock"),
    pytest.param("-- cross-tenant: why\nDELETE FROM customers", "writes to", id="a cross-tenant write"),
    pytest.param("SELECT 1 FROM customers -- cross-tenant: late", "tied to no tenant", id="named too late"),
    pytest.param("SELECT pg_advisory_xact_lock(1)", "advisory", id="an advisory lock"),
    pytest.param("SET statement_timeout = 1000", "session state", id="a setting of the session"),
    pytest.param("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "session state", id="of all transactions"),
    pytest.param("SELECT set_config('a.b', 'c', false)", "session state", id="the same as a function"),
    pytest.param("CREATE TEMP TABLE staging (line int)", "temporary", id="a temporary table that stays"),
    pytest.param("CREATE TEMP TABLE staging AS SELECT 1", "temporary", id="one of a query that stays"),
    pytest.param("LISTEN wake", "session state", id="listen"),
    pytest.param("MERGE INTO daemons d USING users u ON d.id = u.id WHEN MATCHED THEN DELETE", "MERGE", id="merge"),
    pytest.param(
        "UPDATE customers SET id = gen_random_uuid() WHERE user_id = %s", "volatile", id="a volatile function in SET"
    ),
    pytest.param(
        "INSERT INTO daemons (id) VALUES (%s) ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()",
        "volatile",
        id="a volatile function on conflict",
    ),
    pytest.param(
        "UPDATE customers SET first_name = 'x' WHERE user_id = %s RETURNING now()", "RETURNING", id="function returned"
    ),
    pytest.param("CREATE TRIGGER t AFTER INSERT ON daemons EXECUTE FUNCTION f()", "trigger", id="a trigger"),
]


@pytest.mark.parametrize("sql", KEPT)
def test_a_statement_that_keeps_the_rules_passes(sql: str):
    assert broken_rules(sql, TABLES) == []


@pytest.mark.parametrize(("sql", "said"), BROKEN)
def test_a_statement_that_breaks_a_rule_is_caught(sql: str, said: str):
    broken = broken_rules(sql, TABLES)

    assert any(said in rule for rule in broken), broken


@pytest.mark.parametrize("file", [pytest.param(file, id=f"{file.parent.name}/{file.name}") for file in FILES])
def test_the_statements_kept_in_files_keep_the_rules(file: Path):
    sql = FRAGMENT.sub("TRUE", ADDED.sub("", file.read_text(encoding="utf-8")))

    assert broken_rules(sql, tenant_tables()) == []


def test_most_files_would_be_caught_without_their_tie_to_a_tenant():
    tied = [text for file in FILES if TIE.search(text := FRAGMENT.sub("TRUE", file.read_text(encoding="utf-8")))]

    caught = [text for text in tied if broken_rules(TIE.sub("TRUE", text), tenant_tables())]

    assert len(caught) >= len(tied) * 0.8 > 0


def test_a_statement_without_binds_may_hold_percent_signs():
    broken = broken_rules("SELECT 1 FROM customers WHERE last_name LIKE '%s'", TABLES, has_binds=False)

    assert len(broken) == 1


def test_what_the_product_executes_is_judged_and_what_a_test_executes_is_not(database: Database):
    watch = Watch()

    watch.judge("SELECT id FROM customers", has_binds=False)
    watch.judge("SELECT id FROM customers", has_binds=False)
    with database.transaction(read_only=True) as connection:
        connection.execute("SELECT id FROM customers")

    assert len(watch.take()) == 1
    assert watch.take() == []


def test_a_frame_of_the_product_is_told_from_one_of_a_test(tmp_path: Path):
    inside = compile("here(frame())", str(Path(lumiere_sms.__file__).with_name("cli") / "x.py"), "exec")
    outside = compile("here(frame())", str(tmp_path / "x.py"), "exec")
    told = []

    for code in (inside, outside):
        exec(code, {"frame": __import__("sys")._getframe, "here": lambda frame: told.append(is_ours(frame))})

    assert told == [True, False]


def test_every_door_of_psycopg_is_watched():
    for cursor, name in ((psycopg.Cursor, "execute"), (psycopg.Cursor, "copy"), (psycopg.ServerCursor, "execute")):
        assert hasattr(getattr(cursor, name), "__wrapped__")
