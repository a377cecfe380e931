"""Who did what: rows are added here; `app.store.retention` deletes them once they are older
than the setting says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.auth.access import Caller
from app.errors import InvalidValueError
from app.store.tables import AuditEvent


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is written down. words: for a reader, in the past tense."""

    key: str
    words: str


SIGNED_IN = Action("signed_in", "signed in")
SIGN_IN_REFUSED = Action("sign_in_refused", "could not sign in")
SIGNED_OUT = Action("signed_out", "signed out")
SESSION_ENDED = Action("session_ended", "ended sessions of their own")
USER_SIGNED_OUT = Action("user_signed_out", "signed somebody out")
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
    SESSION_ENDED,
    USER_SIGNED_OUT,
    SESSIONS_ENDED,
    PEOPLE_SEEN,
    EXPORTED,
    TOKEN_MADE,
    TOKEN_REVOKED,
    TARGETS_CHANGED,
    IDENTITIES_CHANGED,
    PERSON_FORGOTTEN,
)
BY_KEY: Mapping[str, Action] = {each.key: each for each in ACTIONS}


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
    after: int | None = None,
    action: str | None = None,
) -> list[AuditEvent]:
    """What was done, newest first. before, after: only what was written down before this one, by its
    id, or the first ones after it. Raises InvalidValueError for an action that there is none of."""
    if action is not None and action not in BY_KEY:
        raise InvalidValueError(f"action {action!r:.40} is none of {', '.join(BY_KEY)}.", "action")
    statement = select(AuditEvent).limit(limit)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    if action is not None:
        statement = statement.where(AuditEvent.action == action)
    if after is not None:
        following = statement.where(AuditEvent.id > after).order_by(AuditEvent.id)
        return list(session.scalars(following))[::-1]
    return list(session.scalars(statement.order_by(AuditEvent.id.desc())))
