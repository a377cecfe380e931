"""answers by index: what is open, from the community, left out, restated; the last run of a source

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

FLAGS = ("end_estimated", "review_start_inferred")

# A note knows whether it is older than its merge request: to find those few, all would have to be joined.
FUNCTION = """
    CREATE FUNCTION mark_early_notes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
    AS $$
    BEGIN
        -- Asked for first: an update calls this again, even one of no row.
        IF EXISTS (
            SELECT FROM written w JOIN merge_requests m ON m.id = w.merge_request_id
            WHERE w.early <> (w.created_at < m.created_at)
        ) THEN
            UPDATE notes n SET early = NOT n.early
            FROM written w JOIN merge_requests m ON m.id = w.merge_request_id
            WHERE n.id = w.id AND n.early <> (n.created_at < m.created_at);
        END IF;
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    op.create_index("ix_merge_request_facts_ended_at", "merge_request_facts", ["ended_at", "created_at"])
    op.create_index(
        "ix_merge_request_facts_review_started_at", "merge_request_facts", ["review_started_at"]
    )
    op.create_index(
        "ix_merge_request_facts_community",
        "merge_request_facts",
        [sa.text("coalesce(ready_at, created_at)")],
        postgresql_where=sa.text("community"),
    )
    op.create_index(
        "ix_merge_request_facts_left_out",
        "merge_request_facts",
        ["left_out", "ended_at"],
        postgresql_where=sa.text("left_out is not null"),
    )
    for flag in FLAGS:
        op.create_index(
            f"ix_merge_request_facts_{flag}",
            "merge_request_facts",
            ["ended_at"],
            postgresql_where=sa.text(flag),
        )
    op.create_index(
        "ix_coverages_superseded",
        "coverages",
        ["indicator", "period"],
        postgresql_where=sa.text("superseded_at is not null"),
    )
    op.create_index("ix_runs_source_id", "runs", ["source", "id"])
    op.create_index(
        "ix_runs_source_data_through",
        "runs",
        ["source", "data_through"],
        postgresql_where=sa.text("data_through is not null"),
    )
    op.add_column(
        "notes", sa.Column("early", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.execute(FUNCTION)
    op.execute(
        "UPDATE notes n SET early = true FROM merge_requests m"
        " WHERE m.id = n.merge_request_id AND n.created_at < m.created_at"
    )
    for event in ("insert", "update"):
        op.execute(
            f"CREATE TRIGGER mark_early_notes_on_{event} AFTER {event} ON notes"
            " REFERENCING NEW TABLE AS written"
            " FOR EACH STATEMENT EXECUTE FUNCTION mark_early_notes()"
        )
    op.create_index(
        "ix_notes_early", "notes", ["created_at", "id"], postgresql_where=sa.text("early")
    )


def downgrade() -> None:
    op.drop_index("ix_notes_early", table_name="notes")
    for event in ("insert", "update"):
        op.execute(f"DROP TRIGGER mark_early_notes_on_{event} ON notes")
    op.execute("DROP FUNCTION mark_early_notes()")
    op.drop_column("notes", "early")
    op.drop_index("ix_runs_source_data_through", table_name="runs")
    op.drop_index("ix_runs_source_id", table_name="runs")
    op.drop_index("ix_coverages_superseded", table_name="coverages")
    for name in (*FLAGS, "left_out", "community", "review_started_at", "ended_at"):
        op.drop_index(f"ix_merge_request_facts_{name}", table_name="merge_request_facts")
