"""How many people a team had, on average over the days of a month."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from app.metrics.calendar import last_of_month
from app.metrics.workset import Workset


def average_headcount(workset: Workset, periods: Sequence[date]) -> npt.NDArray[np.float64]:
    """Mean of the daily headcount over the elapsed days of each month (columns), by team (rows).

    The running day has elapsed.
    """
    today = workset.clock.today
    first = np.array([month.toordinal() for month in periods], np.int64)
    end = np.array([min(last_of_month(each), today).toordinal() + 1 for each in periods], np.int64)
    spent = np.zeros((len(workset.team_ids), len(periods)), np.int64)
    for row, team_id in enumerate(workset.team_ids):
        spans = workset.members.get(team_id, ())
        begun = np.array([days.first for days in spans], np.int64)[:, None]
        ended = np.array([days.end for days in spans], np.int64)[:, None]
        inside = np.minimum(ended, end) - np.maximum(begun, first)
        spent[row] = np.maximum(inside, 0).sum(axis=0)
    return spent / (end - first)
