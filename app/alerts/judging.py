"""How every watched indicator of every watched team stands against its target, and every source."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import ConfigurationError
from app.metrics import INDICATORS, periods
from app.metrics.freshness import freshness
from app.metrics.indicator import Better, Indicator, Limits, Point, Status
from app.metrics.periods import Slot
from app.metrics.points import Basis, PointReader, Shown, load_basis
from app.metrics.teams import Node
from app.settings import Settings
from app.settings.wording import nearest
from app.store.tables.organisation import ROOT_TEAM

ON_TARGET, OFF_TARGET = "on_target", "off_target"
FRESH, STALE = "fresh", "stale"

INDICATOR, SOURCE = "indicator", "source"
AS_IT_SHOULD_BE = {INDICATOR: ON_TARGET, SOURCE: FRESH}
"""What is taken for granted of whatever nothing was told of yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stand:
    """How an indicator of a team, or a source, stands. state: None where there is nothing to conclude,
    so that what was told last goes on to hold."""

    kind: str
    key: str
    team: str
    state: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class IndicatorStand(Stand):
    """A team's indicator in its last period that is over."""

    node: Node
    indicator: Indicator
    point: Point
    target: float | None
    limits: Limits | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceStand(Stand):
    """A source. data_through: up to when it is complete. outcome: of its last run."""

    title: str
    data_through: datetime
    outcome: str


def judge(session: Session, settings: Settings, now: datetime) -> list[Stand]:
    """How everything that is watched stands.

    Raises ConfigurationError for a team or an indicator of the configuration that there is not.
    """
    return [*_of_sources(session, settings, now), *_of_indicators(session, settings)]


def _of_sources(session: Session, settings: Settings, now: datetime) -> Iterator[SourceStand]:
    longest = timedelta(hours=settings.alerts.stale_after_hours)
    for each in freshness(session, settings, now=now):
        if each.data_through is None:
            continue  # nothing was ever shown that could be taken for the present
        yield SourceStand(
            kind=SOURCE,
            key=each.source,
            team=ROOT_TEAM,
            state=STALE if now - each.data_through > longest else FRESH,
            title=each.title,
            data_through=each.data_through,
            outcome=each.last_outcome or "",
        )


def _of_indicators(session: Session, settings: Settings) -> Iterator[IndicatorStand]:
    basis = load_basis(session, settings)
    teams = watched_teams(settings, basis)
    shown = [
        Shown(each, each.default_variant, [slot], judged=slot)
        for each in watched_indicators(settings)
        if (slot := _last_that_is_over(basis, each)) is not None
    ]
    if not shown:
        return
    reader = PointReader(session, basis, shown, teams)
    for each in shown:
        slot = each.slots[0]
        for node in teams:
            point = reader.point(node, each.indicator, slot)
            target = reader.target(node, each.indicator, slot)
            limits = reader.limits_for(node, each.indicator, slot)
            yield IndicatorStand(
                kind=INDICATOR,
                key=each.indicator.key,
                team=node.slug,
                state=state_of(each.indicator, point, target, limits),
                node=node,
                indicator=each.indicator,
                point=point,
                target=target,
                limits=limits,
            )


def watched_indicators(settings: Settings) -> list[Indicator]:
    """Those of the configuration, or all of the eight that have a target; never shares of people."""
    known = {each.key: each for each in INDICATORS if not each.categorical}
    for key in settings.alerts.indicators:
        if key not in known:
            raise _unknown("indicators", "indicator", key, list(known))
    if settings.alerts.indicators:
        return [known[key] for key in settings.alerts.indicators]
    return [each for each in known.values() if not each.supporting]


def watched_teams(settings: Settings, basis: Basis) -> list[Node]:
    """Those of the configuration, or all."""
    for slug in settings.alerts.teams:
        if slug not in basis.tree:
            raise _unknown("teams", "team", slug, [node.slug for node in basis.tree])
    wanted = settings.alerts.teams
    return [node for node in basis.tree if not wanted or node.slug in wanted]


def _unknown(key: str, what: str, name: str, known: list[str]) -> ConfigurationError:
    near = nearest(name, known)
    return ConfigurationError(
        f"alerts.{key} names {name!r:.80}, and there is no such {what}"
        + (f", perhaps {near} is meant." if near else ".")
    )


def _last_that_is_over(basis: Basis, indicator: Indicator) -> Slot | None:
    """The last period whose value does not depend on the hour; None before there is one."""
    if basis.data_through(indicator) is None:
        return None
    clock = basis.clock(indicator)
    slot = periods.latest(indicator, clock, basis.history_start)
    if slot.running:
        slot = periods.before(slot, clock)
    return slot if slot.first >= basis.history_start else None


def state_of(
    indicator: Indicator, point: Point, target: float | None, limits: Limits | None
) -> str | None:
    """On or off its target as a signal; None where that cannot be told from chance.

    It has left its target with a value off it that is a signal. It has returned with a value on it that
    is a signal, or that lies where the indicator is at home: the centre of its limits is on the target as
    well. A value on the target while the centre is off it says no more than one off it.
    """
    if point.status in (Status.ATTENTION, Status.PROBLEM):
        return OFF_TARGET if point.signal else None
    if point.status is not Status.ON_TARGET or target is None:
        return None
    if point.signal or limits is None:
        return ON_TARGET
    above = limits.centre - target if indicator.better is Better.LOWER else target - limits.centre
    return ON_TARGET if above <= 0 else None
