"""Ending sessions by hand: one's own, and those of others by who runs teamgauge; each time written down.

Nobody is asked again who they are: who ends a session can do nothing with it that they could not before.
"""

from sqlalchemy.orm import Session

from app.auth import audit, sessions, tokens
from app.auth.access import Caller
from app.errors import InvalidValueError, NotFoundError

OTHERS = "others"
"""In place of the key of one session: all but the one that asks."""


def key_of(id_hash: bytes) -> str:
    """What a session is called in a form. Of a hash of random bits: it opens nothing."""
    return id_hash.hex()


def end_own(session: Session, caller: Caller, current: bytes, wanted: str) -> None:
    """Ends a session of somebody's own, by its key, or all `OTHERS`. The caller commits.

    current: the hash of the session that asks. Raises InvalidValueError (field `session`) for no key,
    NotFoundError for one that is over or not theirs.
    """
    subject = tokens.maker(caller)
    if wanted == OTHERS:
        ended = sessions.end_others(session, keep=current, subject=subject)
    else:
        try:
            id_hash = bytes.fromhex(wanted)
        except ValueError as error:
            raise InvalidValueError(f"{wanted!r:.40} is no session.", "session") from error
        ended = sessions.end_of(session, subject, id_hash)
        if not ended:
            raise NotFoundError("There is no such session of yours any more.", "session")
    if ended:
        audit.record(session, audit.SESSION_ENDED, caller, details={"sessions": ended})


def sign_out(session: Session, caller: Caller, current: bytes, subject: str | None) -> None:
    """Ends every session of somebody, or of everybody where no subject is given, but for the one that
    asks. The caller commits. Raises NotFoundError (field `subject`) for somebody who has none."""
    ended = sessions.end_others(session, keep=current, subject=subject)
    if not ended and subject is not None:
        raise NotFoundError(f"{subject!r:.80} has no other session.", "subject")
    audit.record(
        session,
        audit.USER_SIGNED_OUT,
        caller,
        object="everybody else" if subject is None else f"user:{subject}"[:500],
        details={"sessions": ended},
    )
