"""seconds of a refresh; what was told of targets and sources, and to whom

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
phase: str = "expand"


def upgrade() -> None:
    op.add_column("refresh_state", sa.Column("seconds", sa.Float(), nullable=True))
    op.create_table(
        "alert_states",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "told", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.CheckConstraint(
            "kind in ('indicator', 'source', 'report')", name=op.f("ck_alert_states_kind")
        ),
        sa.ForeignKeyConstraint(
            ["team"],
            ["teams.slug"],
            name=op.f("fk_alert_states_team_teams"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team", "kind", "key", name=op.f("pk_alert_states")),
    )


def downgrade() -> None:
    op.drop_table("alert_states")
    op.drop_column("refresh_state", "seconds")
