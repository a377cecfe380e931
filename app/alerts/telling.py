"""Each change is told once to each channel: what was told is written down when it has gone out.

Killed between the two, a run leaves it to the next one to tell it again; nothing is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.alerts.channels import Channel, DeliveryError, channels
from app.alerts.judging import AS_IT_SHOULD_BE, Stand, judge
from app.alerts.reports import Due, due, send
from app.alerts.wording import Message, message
from app.settings import Settings
from app.store.engine import advisory_lock, reading_sessions, sessions
from app.store.tables import AlertState

LOCK = "alerts"

Key = tuple[str, str, str]


@dataclass(slots=True)
class Told:
    """What was told, or would be: by channel the message. reports: those that were sent, or would be.
    failures: what did not go out, one sentence each."""

    messages: dict[str, Message] = field(default_factory=dict)
    reports: list[Due] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def tell(engine: Engine, settings: Settings, now: datetime) -> Told:
    """Tells each channel what has changed since it was told last.

    Raises LockedError where another run is at it, and ConfigurationError as `judge` does.
    """
    told = Told()
    with advisory_lock(engine, LOCK, "alert"):
        stands = _judged(engine, settings, now)
        with sessions(engine)() as session:
            states = _noted(session, stands, now)
            session.commit()
            for channel in channels(settings):
                _send(session, channel, _news(stands, states, channel.name), settings, told, states)
        told.reports, failures = send(engine, settings, now)
        told.failures += failures
    return told


def rehearse(engine: Engine, settings: Settings, now: datetime) -> Told:
    """What `tell` would tell; nothing is sent or written. Without a channel that of any is shown."""
    told = Told()
    stands = _judged(engine, settings, now)
    names = [channel.name for channel in channels(settings)] or ["nobody"]
    with sessions(engine)() as session:
        states = _noted(session, stands, now)
        for name in names:
            news = _news(stands, states, name)
            if news:
                told.messages[name] = message(news, settings)
        session.rollback()
    told.reports = due(engine, settings, now)
    return told


def _judged(engine: Engine, settings: Settings, now: datetime) -> list[Stand]:
    with reading_sessions(engine)() as session:
        return judge(session, settings, now)


def _noted(session: Session, stands: Sequence[Stand], now: datetime) -> dict[Key, AlertState]:
    """The states after what was found out now."""
    states = {
        (each.kind, each.key, each.team): each for each in session.scalars(select(AlertState))
    }
    for stand in stands:
        key = (stand.kind, stand.key, stand.team)
        before = states.get(key)
        if stand.state is None or stand.state == _state(before, stand.kind):
            continue
        if before is None:
            before = AlertState(kind=stand.kind, key=stand.key, team=stand.team, told={})
            session.add(before)
            states[key] = before
        before.state, before.since = stand.state, now
    return states


def _state(noted: AlertState | None, kind: str) -> str:
    return AS_IT_SHOULD_BE[kind] if noted is None else noted.state


def _news(stands: Sequence[Stand], states: dict[Key, AlertState], channel: str) -> list[Stand]:
    """What a channel does not know yet, as it stands now; what has left its target comes first.

    What there is nothing to conclude of now is told as soon as there is.
    """
    news = []
    for stand in stands:
        noted = states.get((stand.kind, stand.key, stand.team))
        if noted is None or stand.state is None:
            continue
        if noted.told.get(channel, AS_IT_SHOULD_BE[stand.kind]) != noted.state:
            news.append(stand)
    return sorted(news, key=lambda stand: stand.state == AS_IT_SHOULD_BE[stand.kind])


def _send(
    session: Session,
    channel: Channel,
    news: Sequence[Stand],
    settings: Settings,
    told: Told,
    states: dict[Key, AlertState],
) -> None:
    if not news:
        return
    made = message(news, settings)
    try:
        channel.send(made)
    except DeliveryError as error:
        told.failures.append(str(error))
        return
    for stand in news:
        noted = states[stand.kind, stand.key, stand.team]
        noted.told = {**noted.told, channel.name: noted.state}
    session.commit()
    told.messages[channel.name] = made
