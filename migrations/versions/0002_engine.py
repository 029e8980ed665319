"""The send engine: several providers, proof of what is in doubt, budgets, and who changed what."""

from pathlib import Path

from alembic import op

revision = "0002_engine"
down_revision = "0001_spine"


def upgrade() -> None:
    """Run the statements of the .sql file of the same name."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
