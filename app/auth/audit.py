"""Who did what: rows are added here, and deleted once they are older than the setting says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.auth.access import Caller
from app.store.tables import AuditEvent


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is written down. words: for a reader, in the past tense."""

    key: str
    words: str


SIGNED_IN = Action("signed_in", "signed in")
SIGN_IN_REFUSED = Action("sign_in_refused", "could not sign in")
SIGNED_OUT = Action("signed_out", "signed out")
SESSIONS_ENDED = Action("sessions_ended", "was signed out by the provider")
PEOPLE_SEEN = Action("people_seen", "looked at names of people")
EXPORTED = Action("exported", "took a file")
TOKEN_MADE = Action("token_made", "made a token")
TOKEN_REVOKED = Action("token_revoked", "revoked a token")
TARGETS_CHANGED = Action("targets_changed", "changed targets")
IDENTITIES_CHANGED = Action("identities_changed", "changed which accounts are whose")
PERSON_FORGOTTEN = Action("person_forgotten", "had a person forgotten")

ACTIONS: tuple[Action, ...] = (
    SIGNED_IN,
    SIGN_IN_REFUSED,
    SIGNED_OUT,
    SESSIONS_ENDED,
    PEOPLE_SEEN,
    EXPORTED,
    TOKEN_MADE,
    TOKEN_REVOKED,
    TARGETS_CHANGED,
    IDENTITIES_CHANGED,
    PERSON_FORGOTTEN,
)


def record(
    session: Session,
    action: Action,
    caller: Caller,
    *,
    object: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Writes down that somebody did something; the caller of this function commits."""
    session.execute(
        insert(AuditEvent).values(
            actor=caller.id,
            actor_name=caller.name,
            action=action.key,
            object=object,
            details=details or {},
            address=caller.address,
        )
    )


def events(
    session: Session,
    *,
    limit: int | None = 100,
    before: int | None = None,
    action: str | None = None,
) -> list[AuditEvent]:
    """What was done, newest first. before: only what was written down before this one, by its id."""
    statement = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    if action is not None:
        statement = statement.where(AuditEvent.action == action)
    return list(session.scalars(statement))


def delete_old(session: Session, now: datetime, days: int) -> int:
    """Deletes what is older than so many days; answers how many rows."""
    done = session.execute(
        delete(AuditEvent)
        .where(AuditEvent.at < now - timedelta(days=days))
        .returning(AuditEvent.id)
    )
    return len(done.all())
