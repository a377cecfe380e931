"""what a refresh needs to find and read little: what the organisation was, and what ended when

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Empty: the next refresh derives everything of the organisation again.
    op.add_column(
        "refresh_state", sa.Column("organisation", sa.Text(), server_default="", nullable=False)
    )
    op.create_index(
        "ix_merge_request_facts_last",
        "merge_request_facts",
        [sa.text("greatest(ended_at, review_started_at)")],
    )
    op.create_index(
        "ix_merge_request_facts_still_open",
        "merge_request_facts",
        ["created_at"],
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_merge_request_facts_still_open", table_name="merge_request_facts")
    op.drop_index("ix_merge_request_facts_last", table_name="merge_request_facts")
    op.drop_column("refresh_state", "organisation")
