"""days that are over by month

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MEASURES = ("value", "p25", "p75", "p95")
DAILY = "indicator IN ('open_mr_review_time', 'open_mr_age')"
CURRENT = f"{DAILY} AND superseded_at IS NULL AND NOT partial"


def _items(column: str, missing: str) -> str:
    return f"array_agg(coalesce(v.{column}, '{missing}') ORDER BY day)"


MOVE = f"""
    INSERT INTO daily_values
        (indicator, variant, team_id, month, n, {", ".join(MEASURES)}, recorded_at)
    SELECT m.indicator, m.variant, m.team_id, m.month, {_items("n", "0")}::integer[],
           {", ".join(_items(each, "NaN") for each in MEASURES)},
           {_items("recorded_at", "-infinity")}
    FROM (SELECT DISTINCT indicator, variant, team_id, date_trunc('month', period)::date AS month
          FROM indicator_values WHERE {CURRENT}) m
    CROSS JOIN generate_series(0, 30) AS day
    LEFT JOIN indicator_values v
           ON v.indicator = m.indicator AND v.variant = m.variant AND v.team_id = m.team_id
              AND v.period = m.month + day AND v.period < m.month + interval '1 month'
              AND v.superseded_at IS NULL AND NOT v.partial
    GROUP BY m.indicator, m.variant, m.team_id, m.month
"""
MOVE_BACK = f"""
    INSERT INTO indicator_values
        (indicator, variant, team_id, period, value, n, {", ".join(MEASURES[1:])}, reason,
         partial, recorded_at)
    SELECT d.indicator, d.variant, d.team_id, d.month + item - 1, nullif(d.value[item], 'NaN'),
           d.n[item], {", ".join(f"nullif(d.{each}[item], 'NaN')" for each in MEASURES[1:])},
           CASE WHEN d.value[item] = 'NaN' THEN 'no_data' END, false, d.recorded_at[item]
    FROM daily_values d CROSS JOIN generate_series(1, 31) AS item
    WHERE d.recorded_at[item] > '-infinity'
"""
# One row for each value, wherever it lies.
VIEW = """
    CREATE VIEW period_values AS
    SELECT indicator, variant, team_id, period, value, n, numerator, denominator, p25, p75, p95,
           reason, partial, beside, recorded_at, superseded_at, superseded_reason
    FROM indicator_values
    UNION ALL
    SELECT d.indicator, d.variant, d.team_id, d.month + item - 1, nullif(d.value[item], 'NaN'),
           d.n[item]::bigint, NULL, NULL, nullif(d.p25[item], 'NaN'), nullif(d.p75[item], 'NaN'),
           nullif(d.p95[item], 'NaN'), CASE WHEN d.value[item] = 'NaN' THEN 'no_data' END, false,
           NULL, d.recorded_at[item], NULL, NULL
    FROM daily_values d CROSS JOIN generate_series(1, 31) AS item
    WHERE d.recorded_at[item] > '-infinity'
"""


def upgrade() -> None:
    op.create_table(
        "daily_values",
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), server_default="", nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("n", postgresql.ARRAY(sa.Integer()), nullable=False),
        *(sa.Column(each, postgresql.ARRAY(sa.Double()), nullable=False) for each in MEASURES),
        sa.Column("recorded_at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_daily_values_team_id_teams")
        ),
        sa.PrimaryKeyConstraint(
            "indicator", "variant", "team_id", "month", name=op.f("pk_daily_values")
        ),
        postgresql_with={"fillfactor": "80"},
    )
    op.execute(MOVE)
    op.execute(f"DELETE FROM indicator_values WHERE {CURRENT}")
    op.execute(VIEW)


def downgrade() -> None:
    op.execute("DROP VIEW period_values")
    op.execute(MOVE_BACK)
    op.drop_table("daily_values")
