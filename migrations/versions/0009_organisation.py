"""what the organisation was when it was last derived

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Empty: the next refresh derives everything of the organisation again.
    op.add_column(
        "refresh_state", sa.Column("organisation", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("refresh_state", "organisation")
