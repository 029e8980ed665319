"""When and whom: rules of a tenant, waves of a run, sequences, what came back."""

from pathlib import Path

from alembic import op

revision = "0003_orchestration"
down_revision = "0002_engine"


def upgrade() -> None:
    """Run the statements of the .sql file of the same name."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
