"""what was kept long enough is deleted by whoever computes the indicators

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
phase: str = "expand"

# Who collects may neither read nor delete what this deletes, so it runs as the owner of the tables. What
# it may find is therefore pinned: with the usual path a caller's temporary table would come before ours.
# Of two clocks the one that is behind decides, and no caller can shorten the shortest time that may be
# configured.
DELETE_OUTDATED = """
    CREATE FUNCTION delete_outdated(
        at timestamptz, days integer, OUT deleted_events bigint, OUT deleted_sessions bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    DECLARE
        moment timestamptz := least(at, now());
    BEGIN
        DELETE FROM audit_events
        WHERE audit_events.at < moment - make_interval(days => greatest(days, 30));
        GET DIAGNOSTICS deleted_events = ROW_COUNT;
        DELETE FROM sessions WHERE expires_at <= moment;
        GET DIAGNOSTICS deleted_sessions = ROW_COUNT;
    END
    $$
"""


def upgrade() -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(DELETE_OUTDATED.format(schema=schema))
    op.execute("REVOKE ALL ON FUNCTION delete_outdated(timestamptz, integer) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION delete_outdated(timestamptz, integer)")
