"""Who stays: leavers of twelve months against the average headcount of those months."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

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
from app.metrics.people import TeamPeople, load_team_people, team_people, within
from app.metrics.stale import StalePeriods
from app.metrics.workset import Workset

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Window:
    """The months that count for one month; each as its first and last day, as ordinals."""

    months: Sequence[tuple[int, int]]

    @property
    def first(self) -> int:
        """The first day."""
        return self.months[0][0]

    @property
    def last(self) -> int:
        """The last day."""
        return self.months[-1][1]

    def average_headcount(self, people: TeamPeople) -> float:
        """Mean over the months of (headcount on the first day + headcount on the last day) ÷ 2."""
        ends = sum(people.headcount(first) + people.headcount(last) for first, last in self.months)
        return ends / (2 * len(self.months))


def window(
    people: TeamPeople, month: date, history_start: date, today: date, *, is_over: bool
) -> Window | None:
    """The months that count, up to twelve that end with `month`; None without a whole one.

    Whole is a month that began no earlier than history and the team's first membership did. The
    running month counts as far as it has come, beside whole ones.
    """
    if people.first_day is None:
        return None
    begin = max(history_start, date.fromordinal(people.first_day))
    first = first_of_month(begin) if begin.day == 1 else next_month(begin)
    counting = list(months(max(first, months_back(month, MONTHS - 1)), month))
    if len(counting) - (not is_over) < 1:
        return None
    return Window(
        [(each.toordinal(), min(last_of_month(each), today).toordinal()) for each in counting]
    )


def _compute(workset: Workset, stale: StalePeriods) -> Computed:
    clock = workset.clock

    def values() -> Iterator[Value]:
        for team_id, people in team_people(workset).items():
            for month in stale.periods:
                counting = window(
                    people,
                    month,
                    workset.history_start,
                    clock.today,
                    is_over=not clock.is_partial_month(month),
                )
                yield _value(team_id, month, people, counting)

    return Computed(values={"": values()}, coverage=())


def _value(team_id: int, month: date, people: TeamPeople, counting: Window | None) -> Value:
    if counting is None:
        return Value(
            team_id=team_id,
            period=month,
            value=None,
            n=0,
            reason=Reason.NO_DATA,
            beside={"months": 0, "short_history": True, "other_endings": 0},
        )
    leavers = len(within(people.leavers, counting.first, counting.last))
    average = counting.average_headcount(people)
    meaningful = average > 0 and leavers <= average
    return Value(
        team_id=team_id,
        period=month,
        value=100 * (1 - leavers / average) if meaningful else None,
        n=leavers,
        numerator=float(leavers),
        denominator=average,
        reason=None if meaningful else Reason.NOT_MEANINGFUL,
        beside={
            "months": len(counting.months),
            "short_history": len(counting.months) < MONTHS,
            "other_endings": len(within(people.other_endings, counting.first, counting.last)),
        },
    )


def _evidence(session: Session, query: EvidenceQuery) -> list[Occurrence]:
    """The leavers of the months that count."""
    reporting = query.settings.reporting
    people = load_team_people(session, query.team_id)
    today = query.data_through.astimezone(reporting.zone).date()
    counting = window(
        people,
        first_of_month(query.first_day),
        reporting.history_start,
        today,
        is_over=query.last_day < today,
    )
    if counting is None:
        return []
    return [
        Occurrence(kind="leaver", person_id=person_id, last_day=date.fromordinal(day))
        for person_id, day in within(people.leavers, counting.first, counting.last).items()
    ]


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
