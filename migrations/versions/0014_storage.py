"""room on the pages of rows that change, and when they are tidied up

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
phase: str = "expand"

# Measured: see "Storage" in docs/operations.md.
SOON = {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"}
STORAGE = {
    "merge_requests": {"fillfactor": "90", **SOON},
    "merge_request_facts": SOON,
    "indicator_values": {"fillfactor": "90", **SOON},
    "daily_values": SOON,
}


def upgrade() -> None:
    for table, parameters in STORAGE.items():
        given = ", ".join(f"{name} = {value}" for name, value in parameters.items())
        op.execute(f"ALTER TABLE {table} SET ({given})")


def downgrade() -> None:
    for table, parameters in STORAGE.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(parameters)})")
