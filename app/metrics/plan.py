"""The planned headcount of a team in a month: its own rows, else the sum of the teams below it."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date

from app.metrics.calendar import fiscal_year_start, months, months_back


class Plan:
    """The plan over the tree; a plan holds until the next row of the same fiscal year."""

    def __init__(
        self,
        rows: Mapping[int, Mapping[date, int]],
        children: Mapping[int, Sequence[int]],
        fiscal_year_start_month: int,
    ) -> None:
        """rows: planned headcount by team id and first day of the month. children: by team id."""
        self._rows = rows
        self._months = {team_id: sorted(own) for team_id, own in rows.items()}
        self._children = children
        self._start_month = fiscal_year_start_month
        self._known: dict[tuple[int, date], int | None] = {}
        self._rises: dict[date, list[tuple[date, date]]] = {}
        """By month the pairs of months since its fiscal year began, each with the one before it."""

    def planned(self, team_id: int, month: date) -> int | None:
        """The planned headcount of a month; None without a plan.

        The last row of the fiscal year up to the month; without one the sum of the children's
        plans, if every child has one.
        """
        key = (team_id, month)
        if key not in self._known:
            self._known[key] = self._planned(team_id, month)
        return self._known[key]

    def _planned(self, team_id: int, month: date) -> int | None:
        row = self.row(team_id, month)
        if row is not None:
            return self._rows[team_id][row]
        below = [self.planned(child, month) for child in self._children.get(team_id, ())]
        known = [planned for planned in below if planned is not None]
        return sum(known) if known and len(known) == len(below) else None

    def row(self, team_id: int, month: date) -> date | None:
        """The month of the team's own row that holds in a month; None where there is none."""
        own = self._months.get(team_id, ())
        at = bisect_right(own, month) - 1
        if at < 0 or own[at] < fiscal_year_start(month, self._start_month):
            return None
        return own[at]

    def rows_behind(self, team_id: int, month: date) -> list[tuple[int, date, int]]:
        """(team id, month, planned headcount) of the rows that a plan is made of."""
        row = self.row(team_id, month)
        if row is not None:
            return [(team_id, row, self._rows[team_id][row])]
        if self.planned(team_id, month) is None:
            return []
        return [
            behind
            for child in self._children.get(team_id, ())
            for behind in self.rows_behind(child, month)
        ]

    def planned_hires(self, team_id: int, month: date) -> int | None:
        """The sum of the plan's rises from month to month, since the fiscal year began.

        The first month's is that against the month before it. None without a plan for the month.
        """
        if self.planned(team_id, month) is None:
            return None
        if month not in self._rises:
            year = months(fiscal_year_start(month, self._start_month), month)
            self._rises[month] = [(months_back(each, 1), each) for each in year]
        hires = 0
        for earlier, later in self._rises[month]:
            before, planned = self.planned(team_id, earlier), self.planned(team_id, later)
            if before is not None and planned is not None:
                hires += max(0, planned - before)
        return hires
