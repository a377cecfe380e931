"""Sessions of people who signed in. The server can end them; the cookie alone is worth nothing."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.settings import AuthSettings
from app.store.tables import SignedIn

TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identified:
    """Somebody as the provider knows them.

    subject: who it is for ever. provider_session: the session there. email: verified, lower case.
    username: of the GitLab that is collected, lower case. groups: as the provider names them.
    """

    subject: str
    provider_session: str | None = None
    name: str
    email: str | None = None
    username: str | None = None
    groups: tuple[str, ...] = ()


def begin(
    session: Session,
    who: Identified,
    auth: AuthSettings,
    now: datetime,
    *,
    address: str = "",
    browser: str = "",
) -> str:
    """Begins a session and answers its id, which only the cookie keeps. Removes those that are over.

    address, browser: where and in what, as far as known.
    """
    session_id = secrets.token_urlsafe(32)
    session.execute(delete(SignedIn).where(SignedIn.expires_at <= now))
    session.execute(
        insert(SignedIn).values(
            id_hash=_hashed(session_id),
            subject=who.subject,
            provider_session=who.provider_session,
            name=who.name,
            email=who.email,
            username=who.username,
            groups=list(who.groups),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(hours=auth.session_hours),
            address=address,
            browser=browser,
        )
    )
    return session_id


def find(session: Session, session_id: str, auth: AuthSettings, now: datetime) -> SignedIn | None:
    """The session of an id unless it is over, by its age or because nobody came for too long."""
    return session.scalars(
        select(SignedIn).where(SignedIn.id_hash == _hashed(session_id), *_holds(auth, now))
    ).one_or_none()


def active(
    session: Session,
    auth: AuthSettings,
    now: datetime,
    *,
    subject: str | None = None,
    limit: int | None = None,
) -> list[SignedIn]:
    """The sessions that hold, of somebody or of everybody; the one that was used last comes first."""
    statement = select(SignedIn).where(*_holds(auth, now))
    if subject is not None:
        statement = statement.where(SignedIn.subject == subject)
    ordered = statement.order_by(SignedIn.last_seen_at.desc(), SignedIn.id_hash)
    return list(session.scalars(ordered.limit(limit)))


def newest(session: Session, subject: str) -> SignedIn | None:
    """The session of somebody that began last."""
    return session.scalars(
        select(SignedIn)
        .where(SignedIn.subject == subject)
        .order_by(SignedIn.created_at.desc())
        .limit(1)
    ).one_or_none()


def touch(session: Session, found: SignedIn, now: datetime) -> None:
    """Notes that somebody is still there."""
    session.execute(
        update(SignedIn)
        .where(SignedIn.id_hash == found.id_hash)
        # A clock that was set back does not make a session older.
        .values(last_seen_at=func.greatest(SignedIn.last_seen_at, now))
    )


def is_due(found: SignedIn, now: datetime) -> bool:
    """Whether it is time to note that somebody is still there."""
    return now - found.last_seen_at >= TOUCHED_EVERY


def end(session: Session, session_id: str) -> bool:
    """Ends a session; False if there is none."""
    return _ended(session, SignedIn.id_hash == _hashed(session_id)) > 0


def end_all(
    session: Session, *, subject: str | None = None, provider_session: str | None = None
) -> int:
    """Ends the sessions of somebody, or those of one session at the provider; answers how many."""
    if provider_session is not None:
        return _ended(session, SignedIn.provider_session == provider_session)
    return 0 if subject is None else _ended(session, SignedIn.subject == subject)


def end_of(session: Session, subject: str, id_hash: bytes) -> int:
    """Ends one session of somebody, by its hash; answers how many: none where it is not theirs."""
    return _ended(session, SignedIn.subject == subject, SignedIn.id_hash == id_hash)


def end_others(session: Session, *, keep: bytes, subject: str | None = None) -> int:
    """Ends every session of somebody, or of everybody, but one; answers how many."""
    theirs = () if subject is None else (SignedIn.subject == subject,)
    return _ended(session, SignedIn.id_hash != keep, *theirs)


def _ended(session: Session, which: ColumnElement[bool], *and_: ColumnElement[bool]) -> int:
    """Ends the sessions that fulfil all conditions, one at least; answers how many."""
    statement = delete(SignedIn).where(which, *and_).returning(SignedIn.subject)
    return len(session.execute(statement).all())


def _holds(auth: AuthSettings, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignedIn.expires_at > now,
        SignedIn.last_seen_at > now - timedelta(minutes=auth.idle_minutes),
    )


def _hashed(session_id: str) -> bytes:
    return sha256(session_id.encode()).digest()
