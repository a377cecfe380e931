"""by what forgotten people are recognised; a team may get another slug

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A team that is named after its manager gets another slug when the manager is forgotten.
NAMING_TEAMS = ("memberships", "openings", "offers", "plan", "targets")


def _key(table: str, column: str, *, follows: bool, deferred: bool = False) -> None:
    name = f"fk_{table}_{column}_teams"
    op.drop_constraint(name, table, type_="foreignkey")
    op.create_foreign_key(
        name,
        table,
        "teams",
        [column],
        ["slug"],
        onupdate="CASCADE" if follows else None,
        deferrable=True if deferred else None,
        initially="DEFERRED" if deferred else None,
    )


def upgrade() -> None:
    # The root team of 0001 still waits for the check of its parent when all run in one transaction.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in NAMING_TEAMS:
        _key(table, "team", follows=True)
    _key("teams", "parent", follows=True, deferred=True)
    op.create_table(
        "forgotten_key",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten_key")),
    )
    op.create_table(
        "forgotten_traces",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("claims", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "learned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind in ('person', 'account', 'username', 'email', 'name', 'team')",
            name=op.f("ck_forgotten_traces_kind"),
        ),
        sa.PrimaryKeyConstraint("kind", "digest", name=op.f("pk_forgotten_traces")),
    )
    op.create_index("ix_forgotten_traces_pseudonym", "forgotten_traces", ["pseudonym"])


def downgrade() -> None:
    op.drop_table("forgotten_traces")
    op.drop_table("forgotten_key")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _key("teams", "parent", follows=False, deferred=True)
    for table in NAMING_TEAMS:
        _key(table, "team", follows=False)
