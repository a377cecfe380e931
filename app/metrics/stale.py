"""Of which teams and days stored values may differ from what a full computation would give, and why."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from app.metrics.indicator import Input, Restated

# Where several causes reach a value, the one that explains most is named.
PRECEDENCE = (
    Restated.DEFINITION,
    Restated.CONFIGURATION,
    Restated.MEMBERSHIP,
    Restated.LATE_DATA,
    Restated.TIME_PASSED,
)

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Cells:
    """Which days (rows) of which teams (columns) are stale; rows before low and from high on are not.

    Mostly little is stale of the history: the rest is not looked at.
    """

    flags: Flags
    low: int
    high: int = 0

    @classmethod
    def none(cls, shape: tuple[int, int]) -> "_Cells":
        return cls(np.zeros(shape, np.bool_), shape[0])

    def within(self, low: int, high: int) -> Flags:
        """These rows, to be marked."""
        self.low, self.high = min(self.low, low), max(self.high, high)
        return self.flags[low:high]

    def stale_rows(self) -> Integers:
        """The rows that are stale for any team, ascending."""
        return np.flatnonzero(self.flags[self.low : self.high].any(axis=1)) + self.low


@dataclass(slots=True)
class Stale:
    """Days (rows) of teams (columns) that may differ, by what changed and the reason.

    What changed is None where it touches every indicator. team_ids: ascending. root_id: the
    organisation. first_day, last_day: the history; without a day in it nothing can be stale.
    """

    team_ids: Sequence[int]
    root_id: int
    first_day: date
    last_day: date
    _cells: dict[tuple[Input | None, Restated], _Cells] = field(default_factory=dict, init=False)
    _column: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._column = {team_id: number for number, team_id in enumerate(self.team_ids)}

    @property
    def shape(self) -> tuple[int, int]:
        """How many days and teams there are."""
        return max(0, (self.last_day - self.first_day).days + 1), len(self.team_ids)

    @property
    def root(self) -> int:
        """The organisation's place among the teams."""
        return self._column[self.root_id]

    def _of(self, changed: Input | None, reason: Restated) -> _Cells:
        if (changed, reason) not in self._cells:
            self._cells[changed, reason] = _Cells.none(self.shape)
        return self._cells[changed, reason]

    def _row(self, day: date) -> int:
        return min(max((day - self.first_day).days, 0), self.shape[0])

    def add(
        self,
        reason: Restated,
        first: date | None,
        changed: Input | None = None,
        *,
        end: date = date.max,
        teams: Collection[int] | None = None,
    ) -> None:
        """Notes that values may differ from `first` (None: none does) up to, not including, `end`.

        teams: ids, those that are not computed are left aside; None: all.
        """
        if first is None:
            return
        rows = self._of(changed, reason).within(self._row(first), self._row(end))
        if teams is None:
            rows[:] = True
        else:
            rows[:, [self._column[team] for team in teams if team in self._column]] = True

    def add_spans(
        self, reason: Restated, changed: Input, team: Integers, first: Integers, end: Integers
    ) -> None:
        """The same for many spans at a time, as columns of one length.

        team: index in team_ids. first, end: ordinals of days, from first up to, not including, end.
        """
        days, teams = self.shape
        begin = self.first_day.toordinal()
        if not len(team):
            return
        row, over = (np.clip(at - begin, 0, days) for at in (first, np.maximum(first, end)))
        low, high = int(row.min()), int(over.max())
        # What begins minus what has ended, summed up over the days, is what holds.
        edges = np.zeros((high - low + 1) * teams, np.int64)
        for sign, at in ((1, row), (-1, over)):
            edges += sign * np.bincount((at - low) * teams + team, minlength=len(edges))
        holds = np.cumsum(edges.reshape(-1, teams), axis=0)[:-1] > 0
        rows = self._of(changed, reason).within(low, high)
        rows |= holds

    def of(self, reads: Collection[Input]) -> "Stale":
        """What is stale for an indicator that reads these inputs alone; what changed is left out."""
        own = Stale(self.team_ids, self.root_id, self.first_day, self.last_day)
        for (changed, reason), cells in self._cells.items():
            if changed is None or changed in reads:
                low, high = cells.low, max(cells.low, cells.high)
                rows = own._of(None, reason).within(low, high)
                rows |= cells.flags[low:high]
        return own

    @property
    def first_stale_day(self) -> date | None:
        """The first day that is stale for any team; None: nothing is stale."""
        rows = [int(stale[0]) for cells in self._cells.values() if len(stale := cells.stale_rows())]
        return self.first_day + timedelta(days=min(rows)) if rows else None

    def of_periods(self, periods: Sequence[date], *, together: bool = False) -> "StalePeriods":
        """The periods with a stale day; each lasts until the next begins, the last one to the end.

        periods: first days, ascending, within the history. together: one stale team makes all stale.
        """
        why = np.full((len(periods), len(self.team_ids)), NOT_STALE, np.int8)
        begin = [self._row(day) for day in periods]
        for (_, reason), cells in self._cells.items():
            stale = cells.stale_rows()
            first = max(bisect_right(begin, stale[0]) - 1, 0) if len(stale) else 0
            last = bisect_right(begin, stale[-1]) if len(stale) else 0
            if first == last:
                continue
            end = begin[last] if last < len(begin) else self.shape[0]
            held = np.logical_or.reduceat(cells.flags[:end], begin[first:last], axis=0)
            if together:
                held |= held.any(axis=1, keepdims=True)
            of_these = why[first:last]
            np.minimum(of_these, PRECEDENCE.index(reason), out=of_these, where=held)
        rows = np.flatnonzero((why != NOT_STALE).any(axis=1))
        return StalePeriods(self.team_ids, [periods[row] for row in rows.tolist()], why[rows])


NOT_STALE = len(PRECEDENCE)


@dataclass(frozen=True, slots=True)
class StalePeriods:
    """The periods of an indicator that have to be computed again, for some teams or all.

    team_ids: ascending. periods: days, or first days of months, ascending. why: the place of the
    reason in PRECEDENCE, by period (rows) and team (columns); NOT_STALE where nothing is to be done.
    """

    team_ids: Sequence[int]
    periods: Sequence[date]
    why: npt.NDArray[np.int8]

    @classmethod
    def all_of(cls, team_ids: Sequence[int], periods: Sequence[date]) -> "StalePeriods":
        """Every period of every team."""
        why = np.full((len(periods), len(team_ids)), PRECEDENCE.index(Restated.LATE_DATA), np.int8)
        return cls(team_ids, periods, why)

    @property
    def cells(self) -> Flags:
        """Which periods (rows) of which teams (columns)."""
        stale: Flags = self.why != NOT_STALE
        return stale

    def of_teams(self, team_ids: Sequence[int], *, every_period: bool = False) -> "StalePeriods":
        """What has to be computed again of some of the teams.

        every_period: also the periods that are stale of others alone.
        """
        why = self.why[:, np.searchsorted(self.team_ids, team_ids)]
        if every_period:
            return StalePeriods(team_ids, self.periods, why)
        rows = np.flatnonzero((why != NOT_STALE).any(axis=1))
        return StalePeriods(team_ids, [self.periods[row] for row in rows.tolist()], why[rows])

    def reasons(self) -> Callable[[date, int | None], Restated | None]:
        """Answers why a value of a period and a team may differ; None: it is not stale.

        Without a team: of any team.
        """
        row = {period: number for number, period in enumerate(self.periods)}
        column = {team_id: number for number, team_id in enumerate(self.team_ids)}
        column_of_any = len(column)
        any_team = self.why.min(axis=1, initial=NOT_STALE)
        why = np.column_stack([self.why, any_team]).tolist()
        named = (*PRECEDENCE, None)

        def reason(period: date, team_id: int | None) -> Restated | None:
            at = column_of_any if team_id is None else column[team_id]
            return named[why[row[period]][at]]

        return reason
