"""How fresh each configured source is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Select, Text, bindparam, column, func, null, select
from sqlalchemy.orm import Session, aliased

from app.metrics import INDICATORS
from app.metrics.answers import Freshness
from app.settings import Settings
from app.store.tables import Project, Run

STALE_AFTER = timedelta(hours=26)
"""A daily cron line, and two hours for it to be late."""

TITLES = {
    "files": "Files",
    "bamboohr": "BambooHR",
    "greenhouse": "Greenhouse",
    "gitlab": "GitLab",
}


def freshness(
    session: Session,
    settings: Settings,
    *,
    now: datetime | None = None,
    counted: bool = False,
) -> list[Freshness]:
    """How fresh each configured source is; one statement. now: by default the present instant.

    counted: whether `records` and `projects` are asked for, for which all runs and projects are read;
    else they are None. records: rows that the source's runs brought in and did not take away again.
    """
    at = now or datetime.now(UTC)
    sources = settings.configured_sources()
    runs = {
        run.source: (run, through, records, projects)
        for run, through, records, projects in session.execute(_last_runs(sources, counted))
    }
    found: list[Freshness] = []
    for source in sources:
        run, reached, records, projects = runs.get(source, (None, None, 0, 0))
        stale = reached is not None and at - reached > STALE_AFTER
        found.append(
            Freshness(
                source=source,
                title=TITLES.get(source, source),
                state="never" if reached is None else "stale" if stale else "fresh",
                data_through=reached,
                last_started_at=run.started_at if run else None,
                last_finished_at=run.finished_at if run else None,
                last_outcome=run.outcome if run else None,
                message=run.message if run else "",
                records=int(records or 0) if counted else None,
                feeds=[each.key for each in INDICATORS if source in each.sources],
                command=f"teamgauge collect {source}",
                projects=projects if counted and source == "gitlab" else None,
            )
        )
    return found


def _last_runs(sources: Sequence[str], counted: bool) -> Select[*tuple[Any, ...]]:
    """The last run of each source that has any, with up to when it was collected, its records and the
    projects."""
    asked = func.unnest(bindparam(None, list(sources), type_=ARRAY(Text())))
    each = asked.table_valued(column("source", Text)).render_derived()
    of = each.c.source
    own = aliased(Run)
    last = select(func.max(own.id)).where(own.source == of).scalar_subquery()
    through = (
        select(func.max(own.data_through))
        .where(own.source == of, own.data_through.is_not(None))
        .scalar_subquery()
    )
    records: Any = null()
    projects: Any = null()
    if counted:
        # Counting the rows of the tables themselves would cost a tenth of a second at a million.
        kept = func.sum(own.rows_new) - func.sum(own.rows_deleted)
        records = select(kept).where(own.source == of).scalar_subquery()
        projects = select(func.count()).select_from(Project).scalar_subquery()
    return select(Run, through, records, projects).select_from(each).join(Run, Run.id == last)
