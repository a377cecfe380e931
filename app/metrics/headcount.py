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
    present, teams = workset.presence, len(workset.team_ids)
    spent = np.zeros((teams, len(periods)))
    for column in range(len(periods)):
        inside = np.minimum(present.end, end[column]) - np.maximum(present.first, first[column])
        spent[:, column] = np.bincount(present.team, np.maximum(inside, 0), minlength=teams)
    return spent / (end - first)
