"""What whoever operates it wants to know: how the sources and the last refresh went, and what is hidden.

Four statements, each answered by index, for an answer that is asked for several times a minute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics import INDICATORS
from app.metrics.diversity import DIVERSITY
from app.settings import Settings

SOURCES = text(
    """
    SELECT s.source, complete.data_through, failed.runs AS failures, quarantined.records AS quarantined,
        last.started_at, last.seconds, last.rows_read, last.rows_new, last.rows_changed, last.rows_deleted
    FROM unnest(CAST(:sources AS text[])) AS s(source)
    LEFT JOIN LATERAL (
        SELECT id, data_through FROM runs
        WHERE source = s.source AND data_through IS NOT NULL ORDER BY data_through DESC, id DESC LIMIT 1
    ) complete ON true
    LEFT JOIN LATERAL (
        SELECT started_at, seconds, rows_read, rows_new, rows_changed, rows_deleted FROM runs
        WHERE source = s.source AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1
    ) last ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS runs FROM runs
        WHERE source = s.source AND id > coalesce(complete.id, 0) AND outcome IN ('failed', 'partial')
    ) failed
    CROSS JOIN LATERAL (
        SELECT count(*) AS records FROM quarantined_records WHERE source = s.source
    ) quarantined
    """
)

REFRESH = text("SELECT refreshed_at, seconds FROM refresh_state")

UNATTRIBUTED = text(
    """
    SELECT i.key, latest.attributed, latest.total
    FROM unnest(CAST(:indicators AS text[])) AS i(key)
    CROSS JOIN LATERAL (
        SELECT attributed, total FROM coverages
        WHERE indicator = i.key AND superseded_at IS NULL ORDER BY period DESC LIMIT 1
    ) latest
    WHERE latest.total > 0
    """
)

SUPPRESSED = text(
    """
    SELECT count(*) FILTER (WHERE v.reason = 'suppressed') AS hidden, count(*) AS teams
    FROM indicator_values v JOIN teams t ON t.id = v.team_id AND t.removed_at IS NULL
    WHERE v.indicator = :indicator AND v.superseded_at IS NULL AND v.period = (
        SELECT period FROM indicator_values
        WHERE indicator = :indicator AND superseded_at IS NULL AND NOT partial
        ORDER BY period DESC LIMIT 1)
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceState:
    """How a source stands. data_through: up to when it is complete; None before its first complete run.
    failures: runs since that one that failed or read a part. started_at, seconds, rows: of the last run
    that has ended, rows by kind; None and none before there is one."""

    source: str
    data_through: datetime | None
    failures: int
    quarantined: int
    started_at: datetime | None
    seconds: float | None
    rows: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """How everything stands. unattributed: share from 0 to 1 by indicator key, where there is anything
    to attribute. suppressed: share of the teams whose diversity is hidden; None: there is none."""

    sources: Sequence[SourceState]
    refreshed_at: datetime | None
    refresh_seconds: float | None
    unattributed: Mapping[str, float]
    suppressed: float | None


def operation(session: Session, settings: Settings) -> Operation:
    """How everything that is configured stands."""
    sources = session.execute(SOURCES, {"sources": list(settings.configured_sources())}).all()
    refreshed = session.execute(REFRESH).one_or_none()
    counting = [each.key for each in INDICATORS if each.counts_merge_requests]
    covered = session.execute(UNATTRIBUTED, {"indicators": counting}).all()
    hidden = session.execute(SUPPRESSED, {"indicator": DIVERSITY.key}).one()
    return Operation(
        sources=[
            SourceState(
                source=row.source,
                data_through=row.data_through,
                failures=row.failures,
                quarantined=row.quarantined,
                started_at=row.started_at,
                seconds=row.seconds,
                rows={}
                if row.started_at is None
                else {
                    kind: getattr(row, f"rows_{kind}")
                    for kind in ("read", "new", "changed", "deleted")
                },
            )
            for row in sources
        ],
        refreshed_at=refreshed.refreshed_at if refreshed else None,
        refresh_seconds=refreshed.seconds if refreshed else None,
        unattributed={row.key: 1 - row.attributed / row.total for row in covered},
        suppressed=hidden.hidden / hidden.teams if hidden.teams else None,
    )


def note_seconds(session: Session, seconds: float) -> None:
    """Notes how long the refresh took that the session has made."""
    session.execute(text("UPDATE refresh_state SET seconds = :seconds"), {"seconds": seconds})
