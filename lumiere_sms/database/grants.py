"""What a database role of a daemon's own needs: everything but rewriting proof."""

from collections.abc import Iterator

from psycopg import sql

from lumiere_sms.database.tables.everything import METADATA

#: Tables that grow and are never changed: of these a role may only read and add. An erasure takes the person out of the
#: rows around them; by themselves they name nobody.
APPEND_ONLY = frozenset({"audit_log", "consents"})
#: Tables whose rows are never changed; retention lets old receipts go.
UNCHANGED = APPEND_ONLY | {"delivery_events"}


def grants(role: str) -> Iterator[str]:
    """Yield the statements, for the owner of the tables, that let `role` run daemons and commands but for `db`.

    >>> [each for each in grants("sms") if "audit_log" in each]
    ['GRANT SELECT, INSERT ON audit_log TO "sms";']
    """
    to = sql.Identifier(role).as_string(None)
    yield f"GRANT USAGE ON SCHEMA public TO {to};"
    yield f"GRANT SELECT ON alembic_version TO {to};"
    for table in sorted(METADATA.tables):
        update = "" if table in UNCHANGED else ", UPDATE"
        delete = "" if table in APPEND_ONLY else ", DELETE"
        yield f"GRANT SELECT, INSERT{update}{delete} ON {table} TO {to};"
