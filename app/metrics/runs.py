"""What the collectors did, page by page."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.store.tables import Run


def runs(
    session: Session,
    *,
    limit: int | None = 100,
    before: int | None = None,
    after: int | None = None,
) -> Sequence[Run]:
    """Collector runs, newest first.

    limit: None for all. before: only those with a smaller id. after: in place of it, those next above
    an id.
    """
    if after is not None:
        above = select(Run).where(Run.id > after).order_by(Run.id).limit(limit)
        return session.scalars(above).all()[::-1]
    statement = select(Run).order_by(Run.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Run.id < before)
    return session.scalars(statement).all()


def count_runs(session: Session, newest: int) -> tuple[int, int]:
    """How many runs there are, and how many of them are newer than one, by its id."""
    row = session.execute(
        select(func.count(), func.count().filter(Run.id > newest)).select_from(Run)
    ).one()
    return row[0], row[1]
