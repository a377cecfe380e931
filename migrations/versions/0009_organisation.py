"""what the organisation was when it was last derived; which answers begin to count

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
    op.create_index(
        "ix_merge_request_facts_first_engaged_at", "merge_request_facts", ["first_engaged_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_merge_request_facts_first_engaged_at", table_name="merge_request_facts")
    op.drop_column("refresh_state", "organisation")
