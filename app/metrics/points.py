"""Stored values → points: everything that stands beside a number is put there in this one place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import periods
from app.metrics.calendar import Clock, last_of_month, months, months_back
from app.metrics.collected import known_through
from app.metrics.indicator import (
    Cadence,
    Category,
    Indicator,
    Limits,
    Point,
    Reason,
    Restated,
)
from app.metrics.limits import (
    BASELINE_MONTHS,
    MonthHistory,
    last_whole_month_before,
)
from app.metrics.periods import Slot
from app.metrics.stored import (
    Coverages,
    Stored,
    Values,
    Wanted,
    load_coverages,
    load_data_through,
    load_values,
)
from app.metrics.targets import Targets, load_targets, status_of
from app.metrics.teams import Node, Tree, load_tree
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Basis:
    """What every answer begins with: the tree, the targets and how far the data reach.

    through: up to when each indicator is measured, by its key. known_at: the answer is given as
    things stood then, and `through` as well; None: as they are.
    """

    settings: Settings
    tree: Tree
    targets: Targets
    through: Mapping[str, datetime]
    known_at: datetime | None = None

    @property
    def history_start(self) -> date:
        """The first day that has values."""
        return self.settings.reporting.history_start

    def data_through(self, indicator: Indicator) -> datetime | None:
        """Up to when the indicator is measured; None before its first refresh."""
        return self.through.get(indicator.key)

    def clock(self, indicator: Indicator) -> Clock:
        """Days up to the indicator's data_through, or up to now before its first refresh."""
        reached = self.data_through(indicator) or self.known_at or datetime.now(UTC)
        return Clock(self.settings.reporting.zone, reached)

    def judged_slot(self, indicator: Indicator, period: str | None) -> Slot:
        """The one period of an answer: that which is asked for, or the latest."""
        clock = self.clock(indicator)
        if period is None:
            known = self.known_at is not None
            return periods.latest(indicator, clock, self.history_start, known=known)
        asked = periods.parse(period, "period")
        newest = clock.today
        if self.known_at is None:
            newest = running_day(self.settings, self.through)
        return periods.resolve(indicator, asked, clock, self.history_start, newest)


KEPT = "bases"
"""Where a session of one snapshot keeps what it has read, by `as_known_at`."""


@contextmanager
def one_snapshot(session: Session) -> Iterator[None]:
    """Inside, a basis is read once: for a page, which asks several questions of the same moment.

    Only for a session that sees one snapshot of the database and does not write.
    """
    session.info[KEPT] = {}
    try:
        yield
    finally:
        del session.info[KEPT]


def load_basis(session: Session, settings: Settings, as_known_at: str | None = None) -> Basis:
    """The basis: three statements, a fourth of the past, none again inside `one_snapshot`.

    Raises InvalidValueError (field `as_known_at`).
    """
    kept: dict[str | None, Basis] = session.info.get(KEPT, {})
    if as_known_at is None:
        if None not in kept:
            kept[None] = _read_basis(session, settings)
        return kept[None]
    if as_known_at not in kept:
        known_at = periods.parse_instant(as_known_at, settings.reporting.zone, "as_known_at")
        # The tree and the targets are those of the present: only the data reached less far.
        present = load_basis(session, settings)
        through = known_through(session, settings, present.through, known_at)
        kept[as_known_at] = replace(present, through=through, known_at=known_at)
    return kept[as_known_at]


def _read_basis(session: Session, settings: Settings) -> Basis:
    tree = load_tree(session)
    targets = load_targets(session, tree.parents(), settings.reporting.history_start)
    return Basis(settings, tree, targets, load_data_through(session))


def running_day(settings: Settings, through: Mapping[str, datetime]) -> date:
    """The running day of the freshest indicator; the present day before the first refresh."""
    reached = max(through.values(), default=datetime.now(UTC))
    return Clock(settings.reporting.zone, reached).today


def variant_of(indicator: Indicator, variant: str | None) -> str:
    """The key of the variant as values are stored under it; None means the default one.

    Raises NotFoundError (field `variant`) for one that the indicator does not have.
    """
    if variant is None:
        return indicator.default_variant
    if variant not in {each.key for each in indicator.variants}:
        known = ", ".join(each.key for each in indicator.variants) or "none"
        raise NotFoundError(
            f"{indicator.key} has no variant {variant!r:.40}.", "variant", f"It has {known}."
        )
    return variant


@dataclass(frozen=True, slots=True)
class Shown:
    """The periods to be shown of an indicator.

    also: teams that are read besides the reader's own. judged: the one of the periods that is judged,
    and told if it is a signal; None: every one is.
    """

    indicator: Indicator
    variant: str
    slots: Sequence[Slot]
    also: Sequence[Node] = ()
    judged: Slot | None = None

    @property
    def judged_since(self) -> date:
        """Where the first period that is judged begins."""
        return self.judged.since if self.judged else min(slot.since for slot in self.slots)


class PointReader:
    """The points of some teams, read with two statements however many they are."""

    def __init__(
        self,
        session: Session,
        basis: Basis,
        shown: Iterable[Shown],
        teams: Iterable[Node],
    ) -> None:
        self._basis = basis
        self._shown = {each.indicator.key: each for each in shown}
        self._today = {key: basis.clock(each.indicator).today for key, each in self._shown.items()}
        self._values: Values = {}
        self._coverages: Coverages = {}
        own = [team.id for team in teams]
        of_slots = [
            Wanted(
                each.indicator.key,
                each.variant,
                frozenset(_stored_periods(each.slots)),
                frozenset([*own, *(team.id for team in each.also)]),
            )
            for each in self._shown.values()
            if each.slots
        ]
        if of_slots:
            wanted = [
                replace(each, periods=each.periods | self._baseline(self._shown[each.indicator]))
                for each in of_slots
            ]
            self._values = load_values(session, wanted, basis.known_at)
            self._coverages = load_coverages(session, of_slots, basis.known_at)
        self._histories: dict[tuple[int, str], MonthHistory] = {}

    def _baseline(self, shown: Shown) -> set[date]:
        """The stored periods of the whole months that have a say in judging what is shown."""
        indicator = shown.indicator
        if not indicator.has_limits or not shown.slots:
            return set()
        first = months_back(shown.judged_since, BASELINE_MONTHS + 1)
        last = months_back(self._today[indicator.key], 1)
        last = min(last, max(slot.stored for slot in shown.slots))
        whole = months(max(first, self._basis.history_start.replace(day=1)), last)
        return {_stored_period(indicator, month) for month in whole}

    def history(self, team: Node, indicator: Indicator) -> MonthHistory:
        """The whole months of a team, as far as they were read."""
        key = (team.id, indicator.key)
        if key not in self._histories:
            values: dict[date, float | None] = {}
            running = self._today[indicator.key].replace(day=1)
            for month in self._months_read(indicator):
                stored = self._values.get((*key, _stored_period(indicator, month)))
                if stored is not None and month < running:
                    values[month] = stored.value
            self._histories[key] = MonthHistory(values, indicator.possible)
        return self._histories[key]

    def _months_read(self, indicator: Indicator) -> Iterable[date]:
        shown = self._shown[indicator.key]
        if not shown.slots:
            return ()
        first = months_back(shown.judged_since, BASELINE_MONTHS + 1)
        return months(first, max(slot.stored for slot in shown.slots))

    def limits(self, team: Node, indicator: Indicator, month: date) -> Limits | None:
        """The limits that a whole month is judged against."""
        return self.history(team, indicator).limits(month) if indicator.has_limits else None

    def limits_for(self, team: Node, indicator: Indicator, slot: Slot) -> Limits | None:
        """The limits that the value of a period is judged against."""
        month = slot.first
        if not slot.month:
            month = last_whole_month_before(slot.stored)
        elif slot.running:
            month = months_back(slot.first, 1)
        return self.limits(team, indicator, month)

    def stored(self, team: Node, indicator: Indicator, slot: Slot) -> Stored | None:
        """The stored value of a period; of a running one, that of the last day that has one."""
        day = slot.stored
        while day >= slot.since:
            found = self._values.get((team.id, indicator.key, day))
            if found is not None:
                return _withheld(found) if indicator.categorical else found
            day -= timedelta(days=1)
        return None

    def target(self, team: Node, indicator: Indicator, slot: Slot) -> float | None:
        """The target in force at the end of a period, or now while it is running."""
        day = min(slot.last, self._today[indicator.key])
        return self._basis.targets.value(indicator, team.slug, day)

    def value(self, team: Node, indicator: Indicator, slot: Slot) -> float | None:
        """The bare value of a period."""
        stored = self.stored(team, indicator, slot)
        return None if stored is None else stored.value

    def point(self, team: Node, indicator: Indicator, slot: Slot) -> Point:
        """The point of a period; `no_data` where nothing is stored."""
        stored = self.stored(team, indicator, slot)
        label = slot.label or (stored.period if stored else slot.stored).isoformat()
        partial_month = slot.month and slot.running
        target = self.target(team, indicator, slot)
        tolerance = self._basis.settings.targets.tolerance
        value = None if stored is None else stored.value
        reason = _reason(stored)
        status = status_of(indicator, value, reason, target, tolerance, partial_month=partial_month)
        if stored is None:
            return Point(
                period=label,
                value=None,
                n=0,
                numerator=None,
                denominator=None,
                p25=None,
                p75=None,
                p95=None,
                status=status,
                reason=reason,
                partial=slot.running,
                coverage=self._coverages.get((indicator.key, slot.stored)),
                recorded_at=None,
                categories=() if indicator.categorical else None,
                suppressed=True if indicator.categorical else None,
            )
        return Point(
            period=label,
            value=value,
            n=None if reason is Reason.SUPPRESSED else stored.n,
            numerator=stored.numerator,
            denominator=stored.denominator,
            p25=stored.p25,
            p75=stored.p75,
            p95=stored.p95,
            status=status,
            reason=reason,
            partial=slot.running or stored.partial,
            coverage=self._coverages.get((indicator.key, stored.period)),
            recorded_at=stored.recorded_at,
            beside=_beside(indicator, stored),
            signal=self._is_signal(team, indicator, slot, stored),
            categories=_categories(indicator, stored),
            suppressed=_suppressed(indicator, stored),
            restated=None
            if stored.superseded_reason is None
            else Restated(stored.superseded_reason),
        )

    def _is_signal(self, team: Node, indicator: Indicator, slot: Slot, stored: Stored) -> bool:
        judged = self._shown[indicator.key].judged
        if not indicator.has_limits or (judged is not None and judged is not slot):
            return False
        history = self.history(team, indicator)
        if slot.month and not slot.running:
            return history.is_month_signal(slot.first)
        if indicator.cadence is Cadence.MONTHLY:
            return False  # a month that is not over cannot be compared with those that are
        return history.is_day_signal(stored.period, stored.value)


def _withheld(stored: Stored) -> Stored:
    """Shares of categories as they may be shown: those that were corrected since, no more.

    The shares of one month before and after a correction differ by the person it was about.
    """
    if stored.superseded_at is None:
        return stored
    nothing: Mapping[str, Any] = {"categories": [], "suppressed": True}
    return stored._replace(reason=Reason.SUPPRESSED.value, beside=nothing)


def _beside(indicator: Indicator, stored: Stored) -> Mapping[str, Any]:
    """What stands beside a value; the shares of a categorical indicator have fields of their own."""
    beside = stored.beside or {}
    if not indicator.categorical:
        return beside
    return {
        key: content for key, content in beside.items() if key not in ("categories", "suppressed")
    }


def _categories(indicator: Indicator, stored: Stored) -> tuple[Category, ...] | None:
    if not indicator.categorical:
        return None
    shares = (stored.beside or {}).get("categories", ())
    return tuple(Category(category=each["category"], share=each["share"]) for each in shares)


def _suppressed(indicator: Indicator, stored: Stored) -> bool | None:
    if not indicator.categorical:
        return None
    return bool((stored.beside or {}).get("suppressed", True))


def _reason(stored: Stored | None) -> Reason | None:
    if stored is None:
        return Reason.NO_DATA
    return None if stored.reason is None else Reason(stored.reason)


def _stored_period(indicator: Indicator, month: date) -> date:
    """Under which period the value of a whole month is stored."""
    return month if indicator.cadence is Cadence.MONTHLY else last_of_month(month)


def _stored_periods(slots: Sequence[Slot]) -> set[date]:
    found: set[date] = set()
    for slot in slots:
        span = (slot.stored - slot.since).days
        found |= {slot.stored - timedelta(days=back) for back in range(span + 1)}
    return found
