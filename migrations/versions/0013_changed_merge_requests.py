"""which merge requests changed, in a table of its own

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
phase: str = "expand"

# What the facts of a merge request are derived from, of itself.
DECISIVE = (
    "project_id",
    "author_id",
    "state",
    "draft",
    "labels",
    "created_at",
    "updated_at",
    "merged_at",
    "closed_at",
    "merge_user_id",
    "reviewer_rows_read",
    "deleted_at",
)
PARTS = ("notes", "reviewers", "changed_paths")

# Once for a statement, whatever it writes: for a row each it would cost more than the row.
MARK = """
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO changed_merge_requests (id, transaction)
        SELECT DISTINCT id, pg_current_xact_id()::text::bigint FROM ({changed}) AS changed (id)
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END
    $$
"""
DIFFERING = """
    SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE ROW({after}) IS DISTINCT FROM ROW({before})
""".format(
    after=", ".join(f"n.{name}" for name in DECISIVE),
    before=", ".join(f"o.{name}" for name in DECISIVE),
)
FUNCTIONS = {
    "mark_new": "SELECT id FROM new_rows",
    "mark_differing": DIFFERING,
    "mark_of_new": "SELECT merge_request_id FROM new_rows",
    "mark_of_old": "SELECT merge_request_id FROM old_rows",
    "mark_of_both": (
        "SELECT merge_request_id FROM old_rows UNION ALL SELECT merge_request_id FROM new_rows"
    ),
}
NEW, OLD = "NEW TABLE AS new_rows", "OLD TABLE AS old_rows"
TRIGGERS = (
    ("merge_requests", "INSERT", NEW, "mark_new"),
    ("merge_requests", "UPDATE", f"{NEW} {OLD}", "mark_differing"),
    *((part, "INSERT", NEW, "mark_of_new") for part in PARTS),
    *((part, "UPDATE", f"{NEW} {OLD}", "mark_of_both") for part in PARTS),
    *((part, "DELETE", OLD, "mark_of_old") for part in PARTS),
)


def upgrade() -> None:
    op.create_table(
        "changed_merge_requests",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transaction", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", "transaction", name=op.f("pk_changed_merge_requests")),
    )
    for name, changed in FUNCTIONS.items():
        op.execute(MARK.format(name=name, changed=changed))
    for table, event, rows, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER mark_on_{event.lower()} AFTER {event} ON {table} REFERENCING {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
    op.execute(
        "INSERT INTO changed_merge_requests"
        " SELECT id, pg_current_xact_id()::text::bigint FROM merge_requests WHERE dirty"
    )
    # Older programs go on to mark the merge requests themselves, and find what is new by that mark too.
    # Without an index of it a change of it needs no entry in the others.
    op.drop_index("ix_merge_requests_dirty", table_name="merge_requests")


def downgrade() -> None:
    op.execute(
        "UPDATE merge_requests SET dirty = true"
        " WHERE id IN (SELECT id FROM changed_merge_requests) AND NOT dirty"
    )
    op.create_index(
        "ix_merge_requests_dirty", "merge_requests", ["id"], postgresql_where=sa.text("dirty")
    )
    for table, event, _, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER mark_on_{event.lower()} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("changed_merge_requests")
