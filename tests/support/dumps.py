"""The whole database as PostgreSQL's own text, to look for what must not be in it."""

import subprocess

from lumiere_sms.database.programs import find_client


def dump(database_url: str) -> str:
    """Return every row of every table, as pg_dump writes them, without the key that it draws for each dump."""
    program = find_client("pg_dump")
    command = [program, "--format=plain", "--data-only", "--no-password", f"--dbname={database_url}"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in written.splitlines() if "restrict " not in line[:12])
