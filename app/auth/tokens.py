"""Tokens of scripts: a name, a role, teams and a last day; shown once, kept as a hash."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from app.auth.access import Caller, Role
from app.store.tables import ApiToken

PREFIX = "tgat_"
"""What every token begins with, so that a scanner of secrets finds one that got away."""

TOUCHED_EVERY = timedelta(minutes=1)

LISTED_FOR = timedelta(days=30)
"""How long a token that ended is still told of: whoever wonders why a script is refused finds it."""


def make(
    session: Session,
    *,
    name: str,
    role: Role,
    teams: Sequence[str],
    expires_at: datetime,
    made_by: Caller,
    now: datetime,
) -> tuple[int, str]:
    """Makes a token; answers its id and the token itself, which is nowhere else."""
    token = PREFIX + secrets.token_urlsafe(32)
    token_id = session.scalars(
        insert(ApiToken)
        .values(
            name=name,
            hash=_hashed(token),
            role=role.value,
            teams=list(teams),
            created_by=maker(made_by),
            created_by_name=made_by.name,
            created_at=now,
            expires_at=expires_at,
        )
        .returning(ApiToken.id)
    ).one()
    return token_id, token


def find(session: Session, token: str, now: datetime) -> ApiToken | None:
    """The token that was shown, unless it is revoked or over."""
    if not token.startswith(PREFIX):
        return None
    return session.scalars(
        select(ApiToken).where(
            ApiToken.hash == _hashed(token),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > now,
        )
    ).one_or_none()


def touch(session: Session, found: ApiToken, now: datetime) -> None:
    """Notes that it was used."""
    session.execute(update(ApiToken).where(ApiToken.id == found.id).values(last_used_at=now))


def is_due(found: ApiToken, now: datetime) -> bool:
    """Whether it is time to note that it was used."""
    return found.last_used_at is None or now - found.last_used_at >= TOUCHED_EVERY


def listed(
    session: Session,
    now: datetime,
    *,
    made_by: str | None = None,
    ended_for: timedelta = LISTED_FOR,
    limit: int | None = None,
) -> list[ApiToken]:
    """Tokens that work, and those that ended no longer ago than this; newest first.

    made_by: see `maker`; only those that they made.
    """
    until = now - ended_for
    statement = (
        select(ApiToken)
        .where(
            ApiToken.expires_at > until,
            or_(ApiToken.revoked_at.is_(None), ApiToken.revoked_at > until),
        )
        .order_by(ApiToken.id.desc())
        .limit(limit)
    )
    if made_by is not None:
        statement = statement.where(ApiToken.created_by == made_by)
    return list(session.scalars(statement))


def revoke(
    session: Session, token_id: int, now: datetime, made_by: str | None = None
) -> str | None:
    """Makes a token worthless at once and answers its name; None if there is none that works.

    made_by: see `maker`; only one that they made.
    """
    statement = update(ApiToken).where(
        ApiToken.id == token_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    )
    if made_by is not None:
        statement = statement.where(ApiToken.created_by == made_by)
    found = session.execute(statement.values(revoked_at=now).returning(ApiToken.name))
    name: str | None = found.scalar_one_or_none()
    return name


def maker(caller: Caller) -> str:
    """Who made a token, as it is kept: the subject of somebody who signed in, empty for the program."""
    return caller.id.removeprefix("user:") if caller.id.startswith("user:") else ""


def _hashed(token: str) -> bytes:
    return sha256(token.encode()).digest()
