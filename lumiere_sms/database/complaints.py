"""What PostgreSQL refuses, as a sentence for the operator who can mend it.

Only what comes from outside is turned into a sentence: a server that is away, full, closed to writes
or to this role. A statement that is wrong stays a bug with its traceback.
"""

import psycopg
from psycopg import errors

from lumiere_sms.errors import ConfigurationError

# A traceback of these would carry the row: PostgreSQL quotes it below its first line.
WITH_ROWS = (psycopg.IntegrityError, psycopg.DataError)


class DatabaseLostError(ConfigurationError):
    """The connection or the transaction broke; what was not committed did not happen. Trying again may work."""


SENTENCES: tuple[tuple[tuple[type[psycopg.Error], ...], type[ConfigurationError], str, str], ...] = (
    (
        (errors.DiskFull,),
        ConfigurationError,
        "the disk of the database is full",
        "make room on it; nothing was changed",
    ),
    (
        (errors.ReadOnlySqlTransaction,),
        ConfigurationError,
        "the database takes no writes",
        "is it a replica? name the primary in DATABASE_URL; nothing was changed",
    ),
    (
        (errors.InsufficientPrivilege,),
        ConfigurationError,
        "the database does not let this role do it",
        "GRANT it, or name another role in DATABASE_URL",
    ),
    (
        (errors.UndefinedTable,),
        ConfigurationError,
        "the database lacks a table",
        "lumiere-sms db upgrade",
    ),
    (
        (errors.QueryCanceled, errors.LockNotAvailable),
        DatabaseLostError,
        "the database gave up",
        "its time limit was reached; nothing was changed, try again",
    ),
    (
        (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout),
        DatabaseLostError,
        "the database did not answer",
        "nothing was changed; try again",
    ),
)


def unreachable(error: psycopg.Error) -> DatabaseLostError:
    """Say why no connection could be opened."""
    said = _first_cause(error)
    hints = {
        "password authentication failed": "check the user and the password in DATABASE_URL",
        "no pg_hba.conf entry": "this server lets no such user in from here; see its pg_hba.conf",
        'database "': "create it (createdb), or mend its name in DATABASE_URL",
        "too many": "the server has no connection left; raise its max_connections or name a pooler in DATABASE_URL",
        "remaining connection slots": "the server has no connection left; raise its max_connections",
        "starting up": "the server is starting; try again in a moment",
        "resolve host": "check the host in DATABASE_URL",
    }
    otherwise = "check DATABASE_URL, or unset it to use the embedded server; then: lumiere-sms doctor"
    hint = next((hint for words, hint in hints.items() if words in said), otherwise)
    return DatabaseLostError(f"the database cannot be reached: {said}", hint=hint)


def in_doubt(error: psycopg.Error) -> DatabaseLostError:
    """Say that the connection broke while a transaction was being committed."""
    return DatabaseLostError(
        f"the database did not answer the last word: {_first_cause(error)}",
        hint="it was done or not; look before you do it again",
    )


def malformed(error: psycopg.Error) -> ConfigurationError:
    """Say that the URL is not one; what libpq says of it may quote the password, and is left to the traceback."""
    said = "an invalid value" if "invalid" in str(error) else "what is not a PostgreSQL URL"
    return ConfigurationError(f"DATABASE_URL holds {said}", hint="postgresql://user:password@host:5432/database")


def complaint(error: psycopg.Error, *, read_only: bool) -> ConfigurationError | None:
    """Say what an operator can do about a failed statement; None for a bug. `read_only`: we asked to only read."""
    if read_only and isinstance(error, errors.ReadOnlySqlTransaction):
        return None
    for kinds, made, sentence, hint in SENTENCES:
        if isinstance(error, kinds):
            return made(f"{sentence}: {_first_cause(error)}", hint=hint)
    return None


def without_rows(error: psycopg.Error) -> None:
    """Cut an error down to its first line: the lines below quote rows, with numbers and texts of people."""
    if isinstance(error, WITH_ROWS) and error.diag.message_primary:
        error.args = (error.diag.message_primary,)


def _first_cause(error: psycopg.Error) -> str:
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    said = error.diag.message_primary or (lines[-1] if lines else type(error).__name__)
    return said.split("FATAL:  ")[-1].split(" failed: ")[-1].strip()
