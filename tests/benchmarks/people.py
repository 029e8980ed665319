"""A million customers to measure with, the same in every run: made by PostgreSQL itself, then analyzed."""

from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.database.connection import Database

#: Keys that grow, as UUIDv7 do. Family names, visits, days and tags are spread; a tenth may not be texted.
_PEOPLE: LiteralString = """
    INSERT INTO customers (user_id, id, external_id, phone_number, first_name, last_name, total_sales, visit_count,
        last_visit_date, tags, attributes, allow_promotional)
    SELECT %(user_id)s, ('01980000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'C' || number,
        '+8190' || lpad((10000000 + number)::text, 8, '0'),
        (ARRAY['花子', '太郎', 'さくら', '健', '美咲'])[1 + number %% 5],
        (ARRAY['田中', '佐藤', '鈴木', '高橋', '伊藤', '渡辺', '山本'])[1 + number %% 7],
        (number %% 900) * 110, number %% 40, CURRENT_DATE - number %% 400,
        CASE WHEN number %% 20 = 0 THEN ARRAY['vip'] WHEN number %% 3 = 0 THEN ARRAY['color'] ELSE '{}' END,
        jsonb_build_object('stylist', 'S' || number %% 30), number %% 10 <> 0
    FROM generate_series(1, %(rows)s) AS number
"""


def add_people(database: Database, user_id: UUID, rows: int) -> None:
    """Fill `customers` with `rows` people."""
    with database.transaction() as connection:
        connection.execute(_PEOPLE, {"user_id": user_id, "rows": rows})
    vacuum(database)


def vacuum(database: Database) -> None:
    """Do now what autovacuum would do in the middle of a measure."""
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def one(database: Database, sql: LiteralString, **binds: Any) -> dict[str, Any]:
    """Return the only row of a query."""
    with database.transaction() as connection:
        (row,) = connection.execute(sql, binds).fetchall()
    return row
