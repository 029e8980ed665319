"""Statements kept as .sql files beside the stage that uses them: one statement a file, its contract on top.

Binds are psycopg's own, `%(name)s`, so that a file is sent to PostgreSQL as it stands.
"""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(package: str, name: str) -> LiteralString:
    """Return the statement in `name`.sql of `package`; a file of the package is as trusted as its code."""
    return files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
