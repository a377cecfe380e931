"""which transactions changed something that an answer may tell

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# All tables but those that tell nobody anything: work_items, rate_limits and marks, which change all
# the time while somebody collects.
TABLES = (
    "accounts",
    "attribution_spans",
    "changed_paths",
    "considered",
    "coverages",
    "daily_values",
    "employment",
    "former_usernames",
    "identities",
    "indicator_values",
    "memberships",
    "merge_request_facts",
    "merge_requests",
    "notes",
    "offers",
    "openings",
    "people",
    "plan",
    "positions",
    "project_owners",
    "projects",
    "quarantined_records",
    "refresh_state",
    "reviewers",
    "runs",
    "targets",
    "team_member_spans",
    "teams",
)

# A transaction writes its own row, so that none waits for another. What no snapshot can lack any more
# goes with it: whoever removes rows has written one that was not there before. Where that could fail
# (in a stricter isolation a row that somebody else removed is an error) it is left to the next one.
FUNCTION = """
    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO changes (transaction) VALUES (pg_current_xact_id()::text::bigint)
        ON CONFLICT DO NOTHING;
        IF FOUND AND current_setting('transaction_isolation') = 'read committed' THEN
            DELETE FROM changes WHERE transaction IN (
                SELECT transaction FROM changes
                WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                FOR UPDATE SKIP LOCKED);
        END IF;
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("transaction", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("transaction", name=op.f("pk_changes")),
    )
    op.execute(FUNCTION)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION note_change()"
        )
    # Whatever was written before.
    op.execute("INSERT INTO changes (transaction) VALUES (pg_current_xact_id()::text::bigint)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER note_change ON {table}")
    op.execute("DROP FUNCTION note_change()")
    op.drop_table("changes")
