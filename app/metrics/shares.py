"""The teams in groups, so that the merge requests of each fit into memory: what each has to be computed from.

A share is complete: its values need no database, and no other share. All of them together give what
one computation of all teams would.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.metrics import INDICATORS
from app.metrics.attribution import Tree
from app.metrics.indicator import Computed, Indicator
from app.metrics.stale import StalePeriods
from app.metrics.work_columns import Attribution, Flags, Integers, Presence
from app.metrics.workset import Workset

BY_KEY: Mapping[str, Indicator] = {indicator.key: indicator for indicator in INDICATORS}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a share may be; a single team may be larger.

    merge_requests: in the lists of its teams together, a team's own and those of projects that it owns.
    values: that are stale, of all its teams, periods and indicators.
    """

    merge_requests: int
    values: int


OF_A_PROCESS = Bounds(merge_requests=4_000_000, values=2_000_000)
"""What one process computes at a time, in less than a gigabyte."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some teams, with everything that their values are computed from.

    workset: of these teams alone. stale: by the key of the indicator, what is to be computed of it.
    """

    workset: Workset
    stale: Mapping[str, StalePeriods]

    @property
    def holds_all(self) -> bool:
        """Whether the organisation is among the teams: it knows every merge request."""
        return self.workset.root_id in self.workset.team_ids

    def computed(self) -> Iterator[tuple[str, Computed]]:
        """The values of one indicator after the other, with the coverage where all is known."""
        for key, periods in self.stale.items():
            computed = BY_KEY[key].compute(self.workset, periods)
            yield key, computed if self.holds_all else replace(computed, coverage=())


class Computing(Protocol):
    """Computes shares, wherever that is. bounds: of what it takes at a time."""

    @property
    def bounds(self) -> Bounds:
        """How large a share may be."""

    def __call__(self, shares: Iterator[Share]) -> Iterable[tuple[str, Computed]]:
        """The values of all shares, by the key of the indicator, in any order.

        Nothing need have been computed when it comes back; everything is when the answer is at its end.
        """


@dataclass(frozen=True, slots=True)
class Here:
    """Computes shares in this process, one after the other, when their values are asked for."""

    bounds: Bounds = OF_A_PROCESS

    def __call__(self, shares: Iterator[Share]) -> Iterator[tuple[str, Computed]]:
        """The values, with one share in memory at a time."""
        for share in shares:
            yield from share.computed()


def shares(workset: Workset, stale: Mapping[str, StalePeriods], bounds: Bounds) -> Iterator[Share]:
    """The stale teams in shares; the organisation, which the coverage is counted in, always in the first.

    stale: by the key of the indicator, with the teams of the workset.
    """
    values = np.zeros(len(workset.team_ids), np.int64)
    for periods in stale.values():
        values += periods.cells.sum(axis=0)
    asked = values > 0
    asked[workset.team_ids.index(workset.root_id)] = True
    order = [index for index in _in_order(workset.tree, workset.team_ids) if asked[index]]
    for group in _groups(order, _merge_requests(workset), values, bounds):
        part = of_teams(workset, np.array(sorted(group), np.int64))
        whole = part.root_id in part.team_ids
        own = {
            key: periods.of_teams(part.team_ids, every_period=whole)
            for key, periods in stale.items()
        }
        yield Share(part, {key: periods for key, periods in own.items() if periods.periods})


def _in_order(tree: Tree, team_ids: Sequence[int]) -> Iterator[int]:
    """The places of the teams, each before those below it: who shares authors stands together."""
    place = {team_id: index for index, team_id in enumerate(team_ids)}
    below = tree.children()
    waiting = [team_id for team_id, parent in tree.parents.items() if parent is None]
    while waiting:
        team_id = waiting.pop()
        waiting += below.get(team_id, ())
        yield place[team_id]


def _merge_requests(workset: Workset) -> Integers:
    """How many merge requests are in the lists of each team."""
    attribution, work = workset.attribution, workset.work
    authors, written = np.unique(work.author, return_counts=True)
    place = np.minimum(np.searchsorted(authors, attribution.account), max(len(authors) - 1, 0))
    found = np.zeros(len(workset.team_ids), np.int64)
    if len(authors):
        own = np.where(authors[place] == attribution.account, written[place], 0)
        np.add.at(found, attribution.team, own)
    index = {team_id: number for number, team_id in enumerate(workset.team_ids)}
    for project, count in zip(*np.unique(work.project, return_counts=True), strict=True):
        for team_id in workset.owners.get(int(project), ()):
            if team_id in index:
                found[index[team_id]] += count
    return found


def _groups(
    order: Iterable[int], merge_requests: Integers, values: Integers, bounds: Bounds
) -> Iterator[list[int]]:
    """The teams, as many together as are within the bounds; one at least."""
    group: list[int] = []
    of_work = of_values = 0
    for team in order:
        work, own = int(merge_requests[team]), int(values[team])
        if group and (of_work + work > bounds.merge_requests or of_values + own > bounds.values):
            yield group
            group, of_work, of_values = [], 0, 0
        group.append(team)
        of_work, of_values = of_work + work, of_values + own
    yield group


def of_teams(workset: Workset, teams: Integers) -> Workset:
    """The workset of some teams, with those merge requests alone that matter to them.

    teams: their places, ascending. What is counted of all teams is in it as it was.
    """
    attribution = _attribution_of(workset.attribution, teams)
    team_ids = [workset.team_ids[team] for team in teams.tolist()]
    work, handbook = workset.work, workset.handbook
    if workset.root_id not in team_ids:
        projects = _owned(workset.owners, team_ids)
        work = work.where(_among(work.author, attribution.account) | _among(work.project, projects))
        handbook = handbook.where(_among(handbook.author, attribution.account))
    return replace(
        workset,
        team_ids=team_ids,
        work=work,
        handbook=handbook,
        attribution=attribution,
        presence=_presence_of(workset.presence, teams),
    )


def _attribution_of(attribution: Attribution, teams: Integers) -> Attribution:
    chosen = _among(attribution.team, teams)
    return Attribution(
        attribution.account[chosen],
        np.searchsorted(teams, attribution.team[chosen]),
        attribution.first[chosen],
        attribution.end[chosen],
    )


def _presence_of(presence: Presence, teams: Integers) -> Presence:
    chosen = _among(presence.team, teams)
    return Presence(
        np.searchsorted(teams, presence.team[chosen]), presence.first[chosen], presence.end[chosen]
    )


def _owned(owners: Mapping[int, Collection[int]], team_ids: Sequence[int]) -> Integers:
    """The projects that one of the teams owns."""
    asked = frozenset(team_ids)
    return np.array([project for project, own in owners.items() if asked & set(own)], np.int64)


def _among(values: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> Flags:
    found: Flags = np.isin(values, wanted)
    return found
