"""What keeps texting lawful: consent, refusals, answers, erasure, and the proof of all of it."""

from pathlib import Path

from alembic import op

revision = "0004_law"
down_revision = "0003_orchestration"


def upgrade() -> None:
    """Run the statements of the .sql file of the same name."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
