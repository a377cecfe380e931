"""How far the sources were collected, now or as it was known at an instant."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.metrics import INDICATORS
from app.metrics.indicator import Indicator
from app.settings import Settings
from app.store.tables import Run


def collected_through(session: Session, by: datetime | None = None) -> dict[str, datetime]:
    """Up to when each source was last collected successfully, by source.

    by: only by the runs that had finished then; None: by all.
    """
    statement = (
        select(Run.source, func.max(Run.data_through))
        .where(Run.data_through.is_not(None))
        .group_by(Run.source)
    )
    if by is not None:
        statement = statement.where(Run.finished_at <= by)
    return {
        source: through for source, through in session.execute(statement) if through is not None
    }


def sources_of(indicator: Indicator, settings: Settings) -> list[str]:
    """The configured sources that feed an indicator."""
    configured = settings.configured_sources()
    return [source for source in indicator.sources if source in configured]


def known_through(
    session: Session, settings: Settings, reached: Mapping[str, datetime], known_at: datetime
) -> dict[str, datetime]:
    """By indicator key, the instant up to which it was measured at `known_at`.

    reached: up to when it is measured now. Left out: what could not be measured yet then.
    """
    collected = collected_through(session, known_at)
    through: dict[str, datetime] = {}
    for indicator in INDICATORS:
        sources = sources_of(indicator, settings)
        if indicator.key in reached and all(source in collected for source in sources):
            earliest = min((collected[source] for source in sources), default=known_at)
            through[indicator.key] = min(earliest, reached[indicator.key])
    return through
