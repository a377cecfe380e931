"""Who is signed in where: one's own sessions on `/account`, everybody's on `/audit`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy.orm import Session

from app.auth import sessions
from app.auth.ending import OTHERS, key_of
from app.settings import Settings
from dashboards import formatting

SHOWN = 200
"""Sessions of one person, and people with sessions."""

UNKNOWN = "an unknown browser"


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """A session of somebody's own. current: it is the one that asks. end: the words of its button."""

    key: str
    browser: str
    address: str
    began: str
    seen: str
    current: bool
    end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedInRow:
    """Somebody who is signed in. sessions: how many they have. others: how many of them beside the
    one that asks."""

    subject: str
    name: str
    sessions: int
    others: int
    began: str
    seen: str


def own(
    session: Session, settings: Settings, now: datetime, subject: str, current: bytes
) -> dict[str, object]:
    """What `account.html` draws of somebody's sessions, the one that was used last first."""
    zone = settings.reporting.zone
    found = sessions.active(session, settings.auth, now, subject=subject, limit=SHOWN)
    rows = []
    for each in found:
        browser, began = each.browser or UNKNOWN, formatting.instant(each.created_at, zone)
        rows.append(
            SessionRow(
                key=key_of(each.id_hash),
                browser=browser,
                address=each.address,
                began=began,
                seen=formatting.instant(each.last_seen_at, zone),
                current=each.id_hash == current,
                end=f"End {browser}, begun {began}",
            )
        )
    return {"sessions": rows, "others": OTHERS if any(not each.current for each in rows) else ""}


def everybody(
    session: Session, settings: Settings, now: datetime, current: bytes
) -> tuple[Sequence[SignedInRow], bool]:
    """Everybody who is signed in, by name, and whether there are more than are shown."""
    zone = settings.reporting.zone
    found = sorted(
        sessions.active(session, settings.auth, now),
        key=lambda each: (each.name.casefold(), each.subject),
    )
    rows = []
    for (_, subject), group in groupby(found, lambda each: (each.name.casefold(), each.subject)):
        theirs = list(group)
        rows.append(
            SignedInRow(
                subject=subject,
                name=theirs[0].name,
                sessions=len(theirs),
                others=sum(each.id_hash != current for each in theirs),
                began=formatting.instant(min(each.created_at for each in theirs), zone),
                seen=formatting.instant(max(each.last_seen_at for each in theirs), zone),
            )
        )
    return rows[:SHOWN], len(rows) > SHOWN
