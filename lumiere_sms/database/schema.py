"""Which schema a database has, and how it gets the one this version needs.

The revisions are Alembic's, in `migrations/` (shipped inside the wheel). Reading which one a
database has does not import Alembic: that takes as long as a whole command should.
"""

from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg

from lumiere_sms.database.complaints import complaint
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.errors import ConfigurationError


@cache
def migrations() -> Path:
    """Return the folder of the revisions: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


@cache
def head() -> str:
    """Return the newest revision; their names sort in the order they are run."""
    return max(path.stem for path in (migrations() / "versions").glob("[0-9]*.py"))


def current(connection: Connection) -> str | None:
    """Return the revision a database has; None for one that has none of our tables."""
    try:
        with connection.transaction():
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return found["version_num"] if found else None


def require_current(database: Database) -> None:
    """Check that the schema is this version's. Raises: ConfigurationError with what to type."""
    with database.transaction(read_only=True) as connection:
        found = current(connection)
    if found == head():
        return
    if found is not None and found > head():
        raise ConfigurationError(
            f"the database is at schema {found}, newer than this version of lumiere-sms ({head()})",
            hint="install the version that made it",
        )
    raise ConfigurationError(
        "the database is empty" if found is None else f"the database is at schema {found}; this version needs {head()}",
        hint="lumiere-sms db upgrade",
    )


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to `head()` in one transaction; two at once take turns. Returns (before, after).

    Raises: ConfigurationError for a schema that is newer, or a database that does not allow it.
    """
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - 250 ms with Alembic

    with database.transaction() as connection:
        before = current(connection)
    if before is not None and before > head():
        require_current(database)
    _make_version_table(database)
    try:
        _run_revisions(database)
    except DBAPIError as error:
        raise _refusal(error.orig) from error
    return before, head()


def _make_version_table(database: Database) -> None:
    """Make Alembic's table by a transaction of its own, so that others find it to wait for."""
    errors = psycopg.errors
    earlier = (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject)  # another process was
    with suppress(*earlier), database.transaction() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )


def _run_revisions(database: Database, *, to: str = "head") -> None:
    from alembic import command  # noqa: PLC0415 - 250 ms
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine, pool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=lambda: _plain(database.connect()), poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def _refusal(error: BaseException | None) -> BaseException:
    """Return what to raise for what PostgreSQL said in the middle of an upgrade; nothing of it has been kept."""
    if isinstance(error, psycopg.errors.DuplicateTable):
        return ConfigurationError(
            f"the database holds other tables already: {error.diag.message_primary}",
            hint="name an empty database in DATABASE_URL",
        )
    said = complaint(error, read_only=False) if isinstance(error, psycopg.Error) else None
    return said or error or ConfigurationError("the database broke off the upgrade")


def _plain(connection: Connection) -> Connection:
    """Make a connection what SQLAlchemy expects: tuples, and transactions that it ends itself."""
    connection.row_factory = psycopg.rows.tuple_row  # type: ignore[assignment]
    connection.autocommit = False
    return connection
