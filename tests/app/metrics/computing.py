"""Computes indicators from a workset that a test made."""

from app.metrics.indicator import Computed, Indicator
from app.metrics.periods import computed_periods
from app.metrics.stale import StalePeriods
from app.metrics.workset import Workset


def periods_of(indicator: Indicator, workset: Workset) -> StalePeriods:
    """Every period of every team."""
    periods = computed_periods(indicator, workset.clock, workset.history_start)
    return StalePeriods.all_of(workset.team_ids, periods)


def compute(indicator: Indicator, workset: Workset) -> Computed:
    """All values of an indicator, and its coverage."""
    return indicator.compute(workset, periods_of(indicator, workset))
