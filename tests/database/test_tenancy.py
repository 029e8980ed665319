import pytest

from lumiere_sms.database.connection import Database
from lumiere_sms.database.tables.columns import TableClass
from lumiere_sms.database.tables.everything import table_classes

TENANT = sorted(name for name, table_class in table_classes().items() if table_class is TableClass.TENANT)
KEYS = """
    SELECT conname, contype::text, confrelid::regclass::text AS target,
           array(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k (n, i)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY i) AS columns
    FROM pg_constraint WHERE conrelid = %s::regclass
"""
UNIQUE_INDEXES = """
    SELECT attname::text AS first FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = %s::regclass AND indisunique
"""


def keys_of(database: Database, table: str) -> list[dict]:
    with database.transaction(read_only=True) as connection:
        return connection.execute(KEYS, [table]).fetchall()


@pytest.mark.parametrize("table", TENANT)
def test_a_tenant_table_begins_with_its_tenant_and_is_keyed_by_it(database: Database, table: str):
    with database.transaction(read_only=True) as connection:
        first = connection.execute(
            "SELECT attname, attnotnull, atttypid::regtype::text AS kind FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum = 1",
            [table],
        ).fetchone()

    primary = [key["columns"] for key in keys_of(database, table) if key["contype"] == "p"]

    assert first == {"attname": "user_id", "attnotnull": True, "kind": "uuid"}
    assert primary == [["user_id", "id"]]


@pytest.mark.parametrize("table", TENANT)
def test_a_foreign_key_between_tenant_tables_carries_the_tenant(database: Database, table: str):
    foreign = [key for key in keys_of(database, table) if key["contype"] == "f"]

    assert any(key["target"] == "users" and key["columns"] == ["user_id"] for key in foreign)
    for key in foreign:
        assert key["columns"][0] == "user_id"
        assert (key["target"] == "users") == (len(key["columns"]) == 1)
        assert key["target"] in {"users", *TENANT}


@pytest.mark.parametrize("table", TENANT)
def test_every_unique_key_of_a_tenant_table_starts_with_the_tenant(database: Database, table: str):
    with database.transaction(read_only=True) as connection:
        indexes = connection.execute(UNIQUE_INDEXES, [table]).fetchall()

    assert {index["first"] for index in indexes} == {"user_id"}


def test_recipients_outlive_their_customer(database: Database):
    targets = {key["target"] for key in keys_of(database, "campaign_recipients") if key["contype"] == "f"}

    assert "customers" not in targets


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal", id="triggers"),
        pytest.param(
            "SELECT relname FROM pg_class WHERE relrowsecurity OR relforcerowsecurity", id="row-level security"
        ),
        pytest.param("SELECT polname FROM pg_policy", id="policies"),
        pytest.param(
            "SELECT rulename FROM pg_rules WHERE schemaname = 'public' AND rulename <> '_RETURN'", id="rewrite rules"
        ),
        pytest.param("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace", id="functions"),
        pytest.param("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'", id="extensions"),
        pytest.param(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'", id="sequences"
        ),
        pytest.param(
            "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND NOT attisdropped"
            " AND relnamespace = 'public'::regnamespace AND atttypid = 'timestamp'::regtype",
            id="instants without a zone",
        ),
    ],
)
def test_the_schema_has_none_of(database: Database, query: str):
    with database.transaction(read_only=True) as connection:
        assert connection.execute(query).fetchall() == []


def test_there_is_one_default_tenant_from_the_start(database: Database):
    with database.transaction(read_only=True) as connection:
        assert [row["slug"] for row in connection.execute("SELECT slug FROM users")] == ["default"]
