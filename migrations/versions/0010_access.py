"""sessions, tokens of scripts, and what was done by whom

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Nobody changes what was done, and nobody deletes it before its time, whoever they are in the program.
APPEND_ONLY = """
    CREATE FUNCTION refuse_other_past() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at < now() - interval '30 days' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_events is only added to; rows of the last 30 days stay'
            USING ERRCODE = 'insufficient_privilege';
    END
    $$
"""
GUARDS = (
    "CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE ON audit_events"
    " FOR EACH ROW EXECUTE FUNCTION refuse_other_past()",
    "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_events"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_past()",
)

# Whatever changes them, a source, a command or somebody at the database, it is written down. Targets
# come with their rows; of identities only how many: who is forgotten must not live on here.
AUDIT = """
    CREATE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        changed bigint;
        shown jsonb;
    BEGIN
        SELECT count(*) INTO changed FROM written;
        IF changed = 0 THEN
            RETURN NULL;
        END IF;
        IF TG_TABLE_NAME = 'targets' THEN
            SELECT jsonb_agg(to_jsonb(part)) INTO shown FROM (SELECT * FROM written LIMIT 20) part;
        END IF;
        INSERT INTO audit_events (actor, action, object, details) VALUES (
            'program:' || coalesce(nullif(current_setting('application_name'), ''), current_user),
            TG_TABLE_NAME || '_changed', lower(TG_OP),
            jsonb_strip_nulls(jsonb_build_object('rows', changed, 'first', shown)));
        RETURN NULL;
    END
    $$
"""
AUDITED = ("targets", "identities")
EVENTS = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("provider_session", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column(
            "groups",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_subject", "sessions", ["subject"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "teams",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role in ('viewer', 'manager', 'director', 'admin')", name=op.f("ck_api_tokens_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.execute(APPEND_ONLY)
    for guard in GUARDS:
        op.execute(guard)
    op.execute(AUDIT)
    for table in AUDITED:
        for event, rows in EVENTS:
            op.execute(
                f"CREATE TRIGGER audit_{event.lower()} AFTER {event} ON {table}"
                f" REFERENCING {rows} TABLE AS written"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_change()"
            )


def downgrade() -> None:
    for table in AUDITED:
        for event, _ in EVENTS:
            op.execute(f"DROP TRIGGER audit_{event.lower()} ON {table}")
    op.execute("DROP FUNCTION audit_change()")
    op.drop_table("audit_events")
    op.execute("DROP FUNCTION refuse_other_past()")
    op.drop_table("api_tokens")
    op.drop_table("sessions")
