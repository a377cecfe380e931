"""How fresh each configured source is."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
    session: Session, settings: Settings, *, now: datetime | None = None
) -> list[Freshness]:
    """How fresh each configured source is; one statement. now: by default the present instant.

    records: rows that its runs brought in and did not take away again.
    """
    at = now or datetime.now(UTC)
    # Counting the rows of the tables would cost every page a tenth of a second at a million.
    kept = func.sum(Run.rows_new) - func.sum(Run.rows_deleted)
    totals = (
        select(
            func.max(Run.id).label("last"),
            func.max(Run.data_through).label("through"),
            kept.label("records"),
        )
        .group_by(Run.source)
        .subquery()
    )
    projects = select(func.count()).select_from(Project).scalar_subquery()
    runs = {
        run.source: (run, through, records, projects)
        for run, through, records, projects in session.execute(
            select(Run, totals.c.through, totals.c.records, projects).join(
                totals, totals.c.last == Run.id
            )
        )
    }
    found: list[Freshness] = []
    for source in settings.configured_sources():
        run, reached, records, projects_known = runs.get(source, (None, None, 0, 0))
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
                records=int(records),
                feeds=[each.key for each in INDICATORS if source in each.sources],
                command=f"teamgauge collect {source}",
                projects=projects_known if source == "gitlab" else None,
            )
        )
    return found
