"""tables of hiring, layers of the organisation, facts of the eight indicators

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OF_A_PERSON = ("identities", "employment", "memberships")
KEYS = {
    "people": ("person_id",),
    "identities": ("username",),
    "employment": ("person_id", "start_date"),
    "memberships": ("person_id", "team", "valid_from"),
}

# An HR system goes before the files.
RANK = "CASE source WHEN 'files' THEN 1 ELSE 0 END"
OF_THE_BEST_SOURCE = """
    SELECT {columns}, source FROM {table} t
    WHERE NOT EXISTS (SELECT 1 FROM {table} o WHERE o.person_id = t.person_id
                      AND o.source <> 'files' AND t.source = 'files')
"""
VIEWS = {
    "effective_people": f"""
        SELECT DISTINCT ON (p.person_id) p.person_id, p.name,
               coalesce(p.email, f.email) AS email,
               coalesce(f.attributes, '{{}}'::jsonb) || p.attributes AS attributes,
               p.source
        FROM people p LEFT JOIN people f ON f.person_id = p.person_id AND f.source = 'files'
        ORDER BY p.person_id, {RANK.replace("source", "p.source")}, p.source
    """,
    "effective_identities": f"""
        SELECT DISTINCT ON (username) username, person_id, source FROM identities
        ORDER BY username, {RANK}, source
    """,
    "effective_employment": OF_THE_BEST_SOURCE.format(
        columns="person_id, start_date, end_date, termination_type", table="employment"
    ),
    "effective_memberships": OF_THE_BEST_SOURCE.format(
        columns="person_id, team, valid_from, valid_to, role", table="memberships"
    ),
    "effective_openings": f"""
        SELECT DISTINCT ON (opening_id) opening_id, team, opened_on, target_start_on, closed_on,
               close_reason, source
        FROM openings ORDER BY opening_id, {RANK}, source
    """,
}


def upgrade() -> None:
    # The root team of 0001 still waits for the check of its parent when both run in one transaction.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in OF_A_PERSON:
        op.drop_constraint(f"fk_{table}_person_id_people", table, type_="foreignkey")
    for table, key in KEYS.items():
        op.add_column(table, sa.Column("source", sa.Text(), server_default="files", nullable=False))
        op.drop_constraint(f"pk_{table}", table, type_="primary")
        op.create_primary_key(f"pk_{table}", table, ["source", *key])
    for table in OF_A_PERSON:
        op.create_foreign_key(
            f"fk_{table}_source_person_id_people",
            table,
            "people",
            ["source", "person_id"],
            ["source", "person_id"],
            ondelete="CASCADE",
        )
    op.add_column("teams", sa.Column("source", sa.Text(), server_default="files", nullable=False))

    op.add_column("accounts", sa.Column("email", sa.Text(), nullable=True))
    op.add_column("merge_requests", sa.Column("merge_user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_merge_requests_merge_user_id_accounts"),
        "merge_requests",
        "accounts",
        ["merge_user_id"],
        ["id"],
    )
    op.create_index("ix_merge_requests_merge_user_id", "merge_requests", ["merge_user_id"])
    op.add_column(
        "merge_requests",
        sa.Column(
            "changed_paths_read", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.create_table(
        "changed_paths",
        sa.Column("merge_request_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merge_request_id"],
            ["merge_requests.id"],
            name=op.f("fk_changed_paths_merge_request_id_merge_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merge_request_id", "path", name=op.f("pk_changed_paths")),
    )

    op.create_table(
        "plan",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("planned_headcount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("planned_headcount >= 0", name=op.f("ck_plan_planned_headcount")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_plan_month")),
        sa.ForeignKeyConstraint(["team"], ["teams.slug"], name=op.f("fk_plan_team_teams")),
        sa.PrimaryKeyConstraint("team", "month", name=op.f("pk_plan")),
    )
    op.create_table(
        "openings",
        sa.Column("source", sa.Text(), server_default="files", nullable=False),
        sa.Column("opening_id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("target_start_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["team"], ["teams.slug"], name=op.f("fk_openings_team_teams")),
        sa.PrimaryKeyConstraint("source", "opening_id", name=op.f("pk_openings")),
    )
    op.create_index("ix_openings_team", "openings", ["team"])
    op.create_table(
        "offers",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("offer_id", sa.Text(), nullable=False),
        sa.Column("opening_id", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["team"], ["teams.slug"], name=op.f("fk_offers_team_teams")),
        sa.PrimaryKeyConstraint("source", "offer_id", name=op.f("pk_offers")),
    )

    op.create_index(
        "ix_indicator_values_superseded_at",
        "indicator_values",
        ["superseded_at", "id"],
        postgresql_where=sa.text("superseded_at is not null"),
    )

    # Derived tables are made again by the next refresh: facts without the new columns are no facts.
    op.execute("DELETE FROM merge_request_facts")
    op.execute("DELETE FROM refresh_state")
    # Who merged, and e-mail addresses, come with a whole reading.
    op.execute("DELETE FROM positions WHERE source = 'gitlab'")
    op.add_column("merge_request_facts", sa.Column("draft", sa.Boolean(), nullable=False))
    op.add_column(
        "merge_request_facts", sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "merge_request_facts",
        sa.Column("first_engaged_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.add_column(
        "merge_request_facts",
        sa.Column("responses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    )
    op.add_column("merge_request_facts", sa.Column("handbook", sa.Boolean(), nullable=False))
    op.create_table(
        "considered",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_considered")),
    )
    for name, definition in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {definition}")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_table("considered")
    op.drop_index(
        "ix_indicator_values_superseded_at",
        table_name="indicator_values",
        postgresql_where=sa.text("superseded_at is not null"),
    )
    op.execute("DELETE FROM merge_request_facts")
    op.execute("DELETE FROM refresh_state")
    for column in ("handbook", "responses", "first_engaged_at", "ready_at", "draft"):
        op.drop_column("merge_request_facts", column)
    op.drop_table("offers")
    op.drop_index("ix_openings_team", table_name="openings")
    op.drop_table("openings")
    op.drop_table("plan")
    op.drop_table("changed_paths")
    op.drop_column("merge_requests", "changed_paths_read")
    op.drop_constraint(
        op.f("fk_merge_requests_merge_user_id_accounts"), "merge_requests", type_="foreignkey"
    )
    op.drop_index("ix_merge_requests_merge_user_id", table_name="merge_requests")
    op.drop_column("merge_requests", "merge_user_id")
    op.drop_column("accounts", "email")
    op.drop_column("teams", "source")
    # The older revision knows the files alone.
    op.execute("DELETE FROM people WHERE source <> 'files'")
    for table in OF_A_PERSON:
        op.drop_constraint(f"fk_{table}_source_person_id_people", table, type_="foreignkey")
    for table, key in KEYS.items():
        op.drop_constraint(f"pk_{table}", table, type_="primary")
        op.create_primary_key(f"pk_{table}", table, list(key))
        op.drop_column(table, "source")
    for table in OF_A_PERSON:
        op.create_foreign_key(
            f"fk_{table}_person_id_people",
            table,
            "people",
            ["person_id"],
            ["person_id"],
            ondelete="CASCADE",
        )
