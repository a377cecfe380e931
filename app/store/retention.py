"""The end of what is kept for a time: after each refresh, for every program that computes the indicators.

Nobody has to come and look for it: what is about people goes when its time is over.
"""

from datetime import datetime

import structlog
from sqlalchemy import Engine, text

from app.settings import Settings
from app.store.engine import sessions

log = structlog.get_logger()


def delete_outdated(engine: Engine, settings: Settings, now: datetime) -> None:
    """Deletes events of the audit that are older than `auth.audit_days`, and sessions that are over.

    Its own transaction. The database does it as the owner of the tables, and not before 30 days.
    """
    with sessions(engine).begin() as session:
        deleted = session.execute(
            text("SELECT deleted_events, deleted_sessions FROM delete_outdated(:at, :days)"),
            {"at": now, "days": settings.auth.audit_days},
        ).one()
    if any(deleted):
        log.info("retention.deleted", events=deleted[0], sessions=deleted[1])
