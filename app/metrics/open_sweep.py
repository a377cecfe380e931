"""The order statistics of what is open, for all teams and days in one pass over the days.

The order of open merge requests by their start never changes while days pass. So one sorted list
holds what is open in every team, team after team; each day takes out what ended, puts in what began,
and reads the quantiles of all teams off their places in the list, without looking at the rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.metrics.calendar import MICROSECONDS_PER_DAY

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

QUANTILES = (0.5, 0.25, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Spans:
    """Merge requests in the lists of teams, as columns of one length.

    team: index of the team. start: begin of the clock, in microseconds since 1970. first, end: from
    which of the swept instants up to, not including, which one it stands there; first < end.
    """

    team: Integers
    start: Integers
    first: Integers
    end: Integers

    def within(self, asked: Flags) -> "Spans":
        """Those that stand in their team's list at an instant (rows) that is asked of it (columns)."""
        if asked.all():
            return self
        asked_before = np.zeros((asked.shape[0] + 1, asked.shape[1]), np.int32)
        np.cumsum(asked, axis=0, out=asked_before[1:])
        there = asked_before[self.end, self.team] > asked_before[self.first, self.team]
        return Spans(self.team[there], self.start[there], self.first[there], self.end[there])


@dataclass(frozen=True, slots=True)
class Ages:
    """What a sweep tells of each instant (rows) and team (columns).

    n: how many are open of the given spans. quantiles: those of QUANTILES in turn, in days; NaN where
    nothing is open or nobody asked.
    """

    n: Integers
    quantiles: tuple[Floats, ...]


def sweep(spans: Spans, instants: Integers, asked: Flags) -> Ages:
    """The ages at each instant in each team; the rule is PostgreSQL's percentile_cont.

    instants: ascending, microseconds since 1970. asked: the quantiles of which instants (rows) in which
    teams (columns) are needed.
    """
    teams = asked.shape[1]
    total = len(spans.start)
    by_start = np.argsort(spans.start, kind="stable")
    starts = spans.start[by_start]
    place = np.empty(total, np.int64)
    place[by_start] = np.arange(total)
    # One number for the team and the place among all starts: unique, and ordered as the list is. The
    # place is in its lower bits, which are read off faster than a remainder.
    bits = total.bit_length()
    keys = (spans.team << bits) + place
    of_place = (1 << bits) - 1
    arriving, arrivals = _by_instant(spans.first, len(instants))
    leaving, departures = _by_instant(spans.end, len(instants))
    edges = np.arange(teams + 1) << bits

    n = np.zeros((len(instants), teams), np.int64)
    quantiles = np.full((len(QUANTILES), len(instants), teams), np.nan)
    shares = np.array(QUANTILES)[:, np.newaxis]
    listed = np.empty(0, np.int64)
    for index, instant in enumerate(instants):
        gone = keys[leaving[departures[index] : departures[index + 1]]]
        new = keys[arriving[arrivals[index] : arrivals[index + 1]]]
        if len(gone):
            listed = np.delete(listed, np.searchsorted(listed, gone))
        if len(new):
            new.sort()
            listed = np.insert(listed, np.searchsorted(listed, new), new)
        bounds = np.searchsorted(listed, edges)
        n[index] = np.diff(bounds)
        busy = np.flatnonzero((n[index] > 0) & asked[index])
        count, youngest = n[index, busy], bounds[busy + 1] - 1
        # Ascending starts are descending ages: the youngest stands last.
        rank = shares * (count - 1)
        low = rank.astype(np.int64)
        at = starts[listed[youngest - low] & of_place]
        before = starts[listed[np.maximum(youngest - low - 1, 0)] & of_place]
        older = np.where(low < rank, (rank - low) * (at - before), 0.0)
        quantiles[:, index, busy] = ((instant - at) + older) / MICROSECONDS_PER_DAY
    return Ages(n, tuple(quantiles))


def _by_instant(when: Integers, length: int) -> tuple[Integers, Integers]:
    """(the spans in order of an index of theirs, where each index begins among them)."""
    # Numbers of 16 bits are sorted by their digits, several times as fast.
    order = np.argsort(when.astype(np.uint16) if length < 2**16 else when, kind="stable")
    return order, np.searchsorted(when[order], np.arange(length + 1))


def present(first: Integers, end: Integers, length: int) -> Integers:
    """How many of the stretches [first, end) contain each index below length."""
    began = np.bincount(first, minlength=length + 1)
    ended = np.bincount(end, minlength=length + 1)
    return np.cumsum(began - ended)[:length]
