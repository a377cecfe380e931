"""projects out of reach, accounts that vanished, merge requests of a project by their creation

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("accounts", sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_merge_requests_project_id_created_at", "merge_requests", ["project_id", "created_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_merge_requests_project_id_created_at", table_name="merge_requests")
    op.drop_column("accounts", "vanished_at")
    op.drop_column("projects", "unreachable_since")
