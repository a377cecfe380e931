"""Who stays: leavers of twelve months against the average headcount of those months."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from app.metrics.calendar import (
    first_of_month,
    last_of_month,
    months,
    months_back,
    next_month,
)
from app.metrics.indicator import (
    Better,
    BuiltInTarget,
    Cadence,
    Computed,
    EvidenceQuery,
    Indicator,
    Input,
    Occurrence,
    Reason,
    Unit,
    Value,
)
from app.metrics.people import LASTING, People, leavers, load_people_of
from app.metrics.stale import StalePeriods
from app.metrics.workset import Workset

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Window:
    """The months that count for one month; each as its first and last day, as ordinals."""

    months: tuple[tuple[int, int], ...]

    @property
    def first(self) -> int:
        """The first day."""
        return self.months[0][0]

    @property
    def last(self) -> int:
        """The last day."""
        return self.months[-1][1]

    def average_headcounts(self, people: People) -> npt.NDArray[np.float64]:
        """By team the mean over the months of (headcount on the first day + headcount on the last
        day) ÷ 2."""
        ends = [people.headcounts(day) for month in self.months for day in month]
        averages: npt.NDArray[np.float64] = np.sum(ends, axis=0) / (2 * len(self.months))
        return averages


def window(
    first_day: date | None, month: date, history_start: date, today: date, *, is_over: bool
) -> Window | None:
    """The months that count, up to twelve that end with `month`; None without a whole one.

    first_day: the team's first day with a member; None where it never had one. Whole is a month that
    began no earlier than history and the first day did. The running month counts as far as it has
    come, beside whole ones.
    """
    if first_day is None:
        return None
    begin = max(history_start, first_day)
    first = first_of_month(begin) if begin.day == 1 else next_month(begin)
    counting = list(months(max(first, months_back(month, MONTHS - 1)), month))
    if len(counting) - (not is_over) < 1:
        return None
    return Window(
        tuple((each.toordinal(), min(last_of_month(each), today).toordinal()) for each in counting)
    )


def _compute(workset: Workset, stale: StalePeriods) -> Computed:
    clock, people = workset.clock, workset.people
    assert people is not None, "it is read for who reads employment"

    def values() -> Iterator[Value]:
        for month in stale.periods:
            # For teams that are older than the window it is the same: there are few to be told apart.
            oldest = months_back(month, MONTHS - 1).toordinal()
            since = np.maximum(people.first_day, oldest)
            alike: dict[Window | None, list[int]] = defaultdict(list)
            for first_day in np.unique(since).tolist():
                counting = window(
                    None if first_day == LASTING else date.fromordinal(first_day),
                    month,
                    workset.history_start,
                    clock.today,
                    is_over=not clock.is_partial_month(month),
                )
                alike[counting] += np.flatnonzero(since == first_day).tolist()
            for counting, teams in alike.items():
                yield from _values(workset.team_ids, teams, month, people, counting)

    return Computed(values={"": values()}, coverage=())


def _values(
    team_ids: Sequence[int],
    teams: Sequence[int],
    month: date,
    people: People,
    counting: Window | None,
) -> Iterator[Value]:
    """The values of some teams (indices), for which the same months count."""
    if counting is None:
        for team in teams:
            yield Value(
                team_id=team_ids[team],
                period=month,
                value=None,
                n=0,
                reason=Reason.NO_DATA,
                beside={"months": 0, "short_history": True, "other_endings": 0},
            )
        return
    left, otherwise = (
        people.count(each, counting.first, counting.last)
        for each in (people.leavers, people.other_endings)
    )
    averages = counting.average_headcounts(people)
    for team in teams:
        gone, average = int(left[team]), float(averages[team])
        meaningful = average > 0 and gone <= average
        yield Value(
            team_id=team_ids[team],
            period=month,
            value=100 * (1 - gone / average) if meaningful else None,
            n=gone,
            numerator=float(gone),
            denominator=average,
            reason=None if meaningful else Reason.NOT_MEANINGFUL,
            beside={
                "months": len(counting.months),
                "short_history": len(counting.months) < MONTHS,
                "other_endings": int(otherwise[team]),
            },
        )


def _evidence(session: Session, query: EvidenceQuery) -> list[Occurrence]:
    """The leavers of the months that count."""
    reporting = query.settings.reporting
    people, team = load_people_of(session, query.team_id)
    first_day = int(people.first_day[team])
    today = query.data_through.astimezone(reporting.zone).date()
    counting = window(
        None if first_day == LASTING else date.fromordinal(first_day),
        first_of_month(query.first_day),
        reporting.history_start,
        today,
        is_over=query.last_day < today,
    )
    if counting is None:
        return []
    return list(leavers(people, team, counting.first, counting.last))


RETENTION = Indicator(
    key="retention",
    title="Team Member Retention",
    short_title="Retention",
    definition=(
        "Share of the team that stayed in the twelve months that end with the month: one minus the "
        "leavers divided by the average headcount of those months."
    ),
    formula="(1 − leavers ÷ average headcount) × 100",
    unit=Unit.PERCENT,
    cadence=Cadence.MONTHLY,
    better=Better.HIGHER,
    target=BuiltInTarget(value=84.0, source="GitLab"),
    sources=("files", "bamboohr"),
    reads=frozenset({Input.MEMBERS, Input.EMPLOYMENT}),
    attribution="The team and those below it; a leaver was a member on the last day employed.",
    counts=(
        "Persons whose employment ended, voluntarily or involuntarily. A transfer to another team is "
        "no departure; an end of contract or a death is counted as neither, and shown beside it. The "
        "average headcount is the mean over the months of that on the first and that on the last "
        "day, halved. Only whole months since the start of history and since the team’s first "
        "membership count; with fewer than twelve the value is marked short_history."
    ),
    noun="leavers",
    ours=(
        "The running month counts as far as it has come. More leavers than people on average, or "
        "nobody on average, gives no value: not meaningful."
    ),
    decimals=0,
    possible=(0.0, 100.0),
    evidence_kinds=("leaver",),
    evidence_note=(
        "The names and last days of leavers are what a manager sees in the HR system anyway; whose "
        "decision it was is not told."
    ),
    says="[{value}] stayed in the {months} to {end}",
    nothing=("team is new", "There was no whole month of this team’s history yet {when}."),
    compute=_compute,
    evidence=_evidence,
)
