"""Sessions of people who signed in: how they begin, and every way in which they end."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth import sessions
from app.auth.sessions import Identified
from app.settings import AuthSettings
from app.store.tables import SignedIn

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
AUTH = AuthSettings(session_hours=12, idle_minutes=60)
WHO = Identified(subject="42", name="Ann", provider_session="there")


def after(**passed: int) -> datetime:
    return NOON + timedelta(**passed)


def test_who_signs_in_gets_an_id_that_nobody_chose(session: Session) -> None:
    """So that nobody can have somebody sign in to a session that they know."""
    assert sessions.find(session, "chosen-by-somebody", AUTH, NOON) is None
    ids = {sessions.begin(session, WHO, AUTH, NOON) for _ in range(3)}
    assert len(ids) == 3
    assert all(len(each) >= 43 for each in ids)  # 256 bits
    kept = set(session.scalars(select(SignedIn.id_hash).where(SignedIn.subject == "42")))
    assert kept == {sha256(each.encode()).digest() for each in ids}


@pytest.mark.parametrize(
    ("seen_after", "asked_after", "holds"),
    [
        (0, 59, True),
        (0, 60, False),
        (59, 118, True),
        (59, 119, False),
    ],
)
def test_a_session_to_which_nobody_comes_is_over(
    session: Session, seen_after: int, asked_after: int, holds: bool
) -> None:
    session_id = sessions.begin(session, WHO, AUTH, NOON)
    found = sessions.find(session, session_id, AUTH, after(minutes=seen_after))
    assert found is not None
    sessions.touch(session, found, after(minutes=seen_after))
    session.expire_all()
    asked = after(minutes=asked_after)
    assert (sessions.find(session, session_id, AUTH, asked) is not None) == holds


def test_a_session_is_over_by_its_age_whoever_comes(session: Session) -> None:
    session_id = sessions.begin(session, WHO, AUTH, NOON)
    for minutes in range(0, 12 * 60, 30):
        found = sessions.find(session, session_id, AUTH, after(minutes=minutes))
        assert found is not None
        sessions.touch(session, found, after(minutes=minutes))
        session.expire_all()
    assert sessions.find(session, session_id, AUTH, after(hours=12)) is None


def test_a_clock_that_is_set_back_ends_no_session_and_makes_none_longer(session: Session) -> None:
    session_id = sessions.begin(session, WHO, AUTH, NOON)
    before = after(hours=-1)
    found = sessions.find(session, session_id, AUTH, before)
    assert found is not None
    assert not sessions.is_due(found, before)
    sessions.touch(session, found, before)
    session.expire_all()
    found = sessions.find(session, session_id, AUTH, before)
    assert found is not None
    assert found.last_seen_at == NOON
    assert found.expires_at == after(hours=12)
    assert sessions.find(session, session_id, AUTH, after(minutes=60)) is None


def test_what_is_over_is_deleted_by_who_comes_next(session: Session) -> None:
    sessions.begin(session, WHO, AUTH, NOON)
    sessions.begin(session, Identified(subject="43", name="Ben"), AUTH, after(hours=13))
    subjects = session.scalars(select(SignedIn.subject).where(SignedIn.subject.in_(["42", "43"])))
    assert list(subjects) == ["43"]


def test_a_session_ends_at_once_and_only_once(session: Session) -> None:
    one, other = (sessions.begin(session, WHO, AUTH, NOON) for _ in range(2))
    assert sessions.end(session, one)
    assert not sessions.end(session, one)
    assert sessions.find(session, one, AUTH, NOON) is None
    assert sessions.find(session, other, AUTH, NOON) is not None
    assert sessions.end_all(session, subject="nobody") == 0
    assert sessions.end_all(session) == 0
    assert sessions.end_all(session, provider_session="there") == 1
    assert sessions.find(session, other, AUTH, NOON) is None
