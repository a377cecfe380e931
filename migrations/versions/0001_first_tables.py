"""first tables

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("dirty", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "coverages",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("attributed", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "superseded_reason in ('late_data', 'membership', 'configuration', 'definition', 'time_passed')",
            name=op.f("ck_coverages_superseded_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverages")),
    )
    op.create_index(
        "uq_coverages_current",
        "coverages",
        ["indicator", "period"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_table(
        "people",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_people")),
    )
    op.create_table(
        "positions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complete", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("source", "scope", name=op.f("pk_positions")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("web_url", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("dirty", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_index(op.f("ix_projects_path"), "projects", ["path"], unique=False)
    op.create_table(
        "quarantined_records",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "address", name=op.f("pk_quarantined_records")),
    )
    op.create_table(
        "refresh_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("configuration", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("definitions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("data_through", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_state")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("data_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requests", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "requests_by_kind",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("rows_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_new", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_changed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_deleted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("retries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("waited_seconds", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_source_started_at", "runs", ["source", "started_at"], unique=False)
    op.create_table(
        "teams",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column(
            "owns",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["teams.slug"],
            name=op.f("fk_teams_parent_teams"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("slug", name=op.f("uq_teams_slug")),
    )
    op.create_index(op.f("ix_teams_parent"), "teams", ["parent"], unique=False)
    op.create_table(
        "attribution_spans",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("end_day", sa.Date(), nullable=False),
        sa.Column("orphaned", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_attribution_spans_team_id_teams")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "team_id", "first_day", name=op.f("pk_attribution_spans")
        ),
    )
    op.create_index(
        op.f("ix_attribution_spans_team_id"), "attribution_spans", ["team_id"], unique=False
    )
    op.create_table(
        "employment",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("termination_type", sa.Text(), nullable=True),
        sa.CheckConstraint("end_date >= start_date", name=op.f("ck_employment_order")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.person_id"],
            name=op.f("fk_employment_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "start_date", name=op.f("pk_employment")),
    )
    op.create_table(
        "former_usernames",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_former_usernames_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "username", name=op.f("pk_former_usernames")),
    )
    op.create_index(
        op.f("ix_former_usernames_username"), "former_usernames", ["username"], unique=False
    )
    op.create_table(
        "identities",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.person_id"],
            name=op.f("fk_identities_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_person_id"), "identities", ["person_id"], unique=False)
    op.create_table(
        "indicator_values",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("numerator", sa.Double(), nullable=True),
        sa.Column("denominator", sa.Double(), nullable=True),
        sa.Column("p25", sa.Double(), nullable=True),
        sa.Column("p75", sa.Double(), nullable=True),
        sa.Column("p95", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("beside", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "superseded_reason in ('late_data', 'membership', 'configuration', 'definition', 'time_passed')",
            name=op.f("ck_indicator_values_superseded_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_indicator_values_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicator_values")),
    )
    op.create_index(
        "ix_indicator_values_period",
        "indicator_values",
        ["period", "indicator"],
        unique=False,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_index(
        "ix_indicator_values_superseded",
        "indicator_values",
        ["indicator", "variant", "team_id", "period"],
        unique=False,
        postgresql_where=sa.text("superseded_at is not null"),
    )
    op.create_index(
        "uq_indicator_values_current",
        "indicator_values",
        ["indicator", "variant", "team_id", "period"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint("role in ('member', 'manager')", name=op.f("ck_memberships_role")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_memberships_order")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.person_id"],
            name=op.f("fk_memberships_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["team"], ["teams.slug"], name=op.f("fk_memberships_team_teams")),
        sa.PrimaryKeyConstraint("person_id", "team", "valid_from", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_team", "memberships", ["team"], unique=False)
    op.create_table(
        "merge_requests",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("iid", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("web_url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("labels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "reviewer_rows_read", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dirty", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "state in ('opened', 'closed', 'locked', 'merged')",
            name=op.f("ck_merge_requests_state"),
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_merge_requests_author_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_merge_requests_project_id_projects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_requests")),
    )
    op.create_index("ix_merge_requests_author_id", "merge_requests", ["author_id"], unique=False)
    op.create_index(
        "ix_merge_requests_dirty",
        "merge_requests",
        ["id"],
        unique=False,
        postgresql_where=sa.text("dirty"),
    )
    op.create_index(
        "ix_merge_requests_open",
        "merge_requests",
        ["project_id"],
        unique=False,
        postgresql_where=sa.text("state in ('opened', 'locked') and deleted_at is null"),
    )
    op.create_index(
        "ix_merge_requests_project_id_iid", "merge_requests", ["project_id", "iid"], unique=False
    )
    op.create_table(
        "project_owners",
        sa.Column("project_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_project_owners_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("project_id", "team_id", name=op.f("pk_project_owners")),
    )
    op.create_index(op.f("ix_project_owners_team_id"), "project_owners", ["team_id"], unique=False)
    op.create_table(
        "targets",
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["team"], ["teams.slug"], name=op.f("fk_targets_team_teams")),
        sa.PrimaryKeyConstraint("indicator", "team", "valid_from", name=op.f("pk_targets")),
    )
    op.create_table(
        "team_member_spans",
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("end_day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_member_spans_team_id_teams")
        ),
        sa.PrimaryKeyConstraint(
            "team_id", "person_id", "first_day", name=op.f("pk_team_member_spans")
        ),
    )
    op.create_table(
        "merge_request_facts",
        sa.Column("merge_request_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("community", sa.Boolean(), nullable=False),
        sa.Column("end_estimated", sa.Boolean(), nullable=False),
        sa.Column("review_start_inferred", sa.Boolean(), nullable=False),
        sa.Column("left_out", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merge_request_id"],
            ["merge_requests.id"],
            name=op.f("fk_merge_request_facts_merge_request_id_merge_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merge_request_id", name=op.f("pk_merge_request_facts")),
    )
    op.create_index(
        "ix_merge_request_facts_merged_at", "merge_request_facts", ["merged_at"], unique=False
    )
    op.create_index(
        "ix_merge_request_facts_open",
        "merge_request_facts",
        ["author_id"],
        unique=False,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("merge_request_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "requested",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "removed",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "names",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind in ('comment', 'approved', 'unapproved', 'review_request', 'ready', 'draft')",
            name=op.f("ck_notes_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_notes_author_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["merge_request_id"],
            ["merge_requests.id"],
            name=op.f("fk_notes_merge_request_id_merge_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sa.UniqueConstraint("merge_request_id", "id", name=op.f("uq_notes_merge_request_id_id")),
    )
    op.create_index(op.f("ix_notes_author_id"), "notes", ["author_id"], unique=False)
    op.create_index("ix_notes_names", "notes", ["names"], unique=False, postgresql_using="gin")
    op.create_table(
        "reviewers",
        sa.Column("merge_request_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_reviewers_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["merge_request_id"],
            ["merge_requests.id"],
            name=op.f("fk_reviewers_merge_request_id_merge_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merge_request_id", "account_id", name=op.f("pk_reviewers")),
    )
    op.create_index(op.f("ix_reviewers_account_id"), "reviewers", ["account_id"], unique=False)
    # The built-in root holds every team without a parent, so it is there from the start.
    op.execute("INSERT INTO teams (slug, name) VALUES ('organisation', 'Organisation')")


def downgrade() -> None:
    op.drop_index(op.f("ix_reviewers_account_id"), table_name="reviewers")
    op.drop_table("reviewers")
    op.drop_index("ix_notes_names", table_name="notes", postgresql_using="gin")
    op.drop_index(op.f("ix_notes_author_id"), table_name="notes")
    op.drop_table("notes")
    op.drop_index(
        "ix_merge_request_facts_open",
        table_name="merge_request_facts",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.drop_index("ix_merge_request_facts_merged_at", table_name="merge_request_facts")
    op.drop_table("merge_request_facts")
    op.drop_table("team_member_spans")
    op.drop_table("targets")
    op.drop_index(op.f("ix_project_owners_team_id"), table_name="project_owners")
    op.drop_table("project_owners")
    op.drop_index("ix_merge_requests_project_id_iid", table_name="merge_requests")
    op.drop_index(
        "ix_merge_requests_open",
        table_name="merge_requests",
        postgresql_where=sa.text("state in ('opened', 'locked') and deleted_at is null"),
    )
    op.drop_index(
        "ix_merge_requests_dirty", table_name="merge_requests", postgresql_where=sa.text("dirty")
    )
    op.drop_index("ix_merge_requests_author_id", table_name="merge_requests")
    op.drop_table("merge_requests")
    op.drop_index("ix_memberships_team", table_name="memberships")
    op.drop_table("memberships")
    op.drop_index(
        "uq_indicator_values_current",
        table_name="indicator_values",
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.drop_index(
        "ix_indicator_values_superseded",
        table_name="indicator_values",
        postgresql_where=sa.text("superseded_at is not null"),
    )
    op.drop_index(
        "ix_indicator_values_period",
        table_name="indicator_values",
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.drop_table("indicator_values")
    op.drop_index(op.f("ix_identities_person_id"), table_name="identities")
    op.drop_table("identities")
    op.drop_index(op.f("ix_former_usernames_username"), table_name="former_usernames")
    op.drop_table("former_usernames")
    op.drop_table("employment")
    op.drop_index(op.f("ix_attribution_spans_team_id"), table_name="attribution_spans")
    op.drop_table("attribution_spans")
    op.drop_index(op.f("ix_teams_parent"), table_name="teams")
    op.drop_table("teams")
    op.drop_index("ix_runs_source_started_at", table_name="runs")
    op.drop_table("runs")
    op.drop_table("refresh_state")
    op.drop_table("quarantined_records")
    op.drop_index(op.f("ix_projects_path"), table_name="projects")
    op.drop_table("projects")
    op.drop_table("positions")
    op.drop_table("people")
    op.drop_index(
        "uq_coverages_current",
        table_name="coverages",
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.drop_table("coverages")
    op.drop_table("accounts")
