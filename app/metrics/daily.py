"""The values of a daily indicator as matrices: millions of them are too many for an object each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from app.metrics.indicator import Reason, Value


@dataclass(frozen=True, slots=True)
class DailyValues:
    """Values of days (rows, ascending) for teams (columns).

    chosen: which of them were asked for; the others mean nothing. n: how many merge requests; where it
    is 0 there is no value (NaN). value, p25, p75, p95: in the indicator's unit. Iterating gives the
    chosen values one by one, team after team.
    """

    team_ids: Sequence[int]
    days: Sequence[date]
    chosen: npt.NDArray[np.bool_]
    n: npt.NDArray[Any]
    value: npt.NDArray[Any]
    p25: npt.NDArray[Any]
    p75: npt.NDArray[Any]
    p95: npt.NDArray[Any]

    def __iter__(self) -> Iterator[Value]:
        for column, team_id in enumerate(self.team_ids):
            for row, day in enumerate(self.days):
                if self.chosen[row, column]:
                    yield self.at(row, column, team_id, day)

    def of(self, day: date) -> list[Value]:
        """The chosen values of one of the days."""
        row = self.days.index(day)
        return [
            self.at(row, column, team, day)
            for column, team in enumerate(self.team_ids)
            if self.chosen[row, column]
        ]

    def at(self, row: int, column: int, team_id: int, day: date) -> Value:
        """One value as an object."""
        n = int(self.n[row, column])
        if not n:
            return Value(team_id=team_id, period=day, value=None, n=0, reason=Reason.NO_DATA)
        return Value(
            team_id=team_id,
            period=day,
            value=float(self.value[row, column]),
            n=n,
            p25=float(self.p25[row, column]),
            p75=float(self.p75[row, column]),
            p95=float(self.p95[row, column]),
        )
