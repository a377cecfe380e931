"""Which target holds for a team on a day, and what a value is against it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import isclose

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.metrics.answers import TargetInForce
from app.metrics.indicator import Better, Indicator, Reason, Status, TargetStep
from app.store.tables import Target


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target that a file sets for a team from a day on; None withdraws it."""

    indicator: str
    team: str
    valid_from: date
    value: float | None


class Targets:
    """Every target: the built-in ones from the start of history, and those of the files on top.

    A team without a row in force inherits its parent's; the root falls back to the built-in one. A
    row without a value withdraws the target for the team and for those that inherit from it.
    """

    def __init__(
        self,
        rows: Iterable[TargetRow],
        parents: Mapping[str, str | None],
        history_start: date,
    ) -> None:
        """parents: slug of the parent by slug, None for the root."""
        self._rows: dict[tuple[str, str], list[TargetRow]] = {}
        for row in sorted(rows, key=lambda row: row.valid_from):
            self._rows.setdefault((row.indicator, row.team), []).append(row)
        self._parents = parents
        self._history_start = history_start
        self._steps: dict[tuple[str, str], tuple[TargetStep, ...]] = {}

    def _lineage(self, team: str) -> Iterable[str]:
        slug: str | None = team
        while slug is not None:
            yield slug
            slug = self._parents.get(slug)

    def in_force(self, indicator: Indicator, team: str, day: date) -> TargetInForce | None:
        """The target of a team on a day; None where there is none or it was withdrawn.

        Shares of categories have none, whatever a file says: a target for them would be a quota.
        """
        if indicator.categorical:
            return None
        for slug in self._lineage(team):
            rows = [
                row for row in self._rows.get((indicator.key, slug), ()) if row.valid_from <= day
            ]
            if not rows:
                continue
            last = rows[-1]
            if last.value is None:
                return None
            source = "targets file" if slug == team else f"targets file, set for {slug}"
            return TargetInForce(
                indicator=indicator.key,
                value=last.value,
                valid_from=last.valid_from,
                source=source,
            )
        if indicator.target is None or day < self._history_start:
            return None
        return TargetInForce(
            indicator=indicator.key,
            value=indicator.target.value,
            valid_from=self._history_start,
            source=indicator.target.source,
        )

    def value(self, indicator: Indicator, team: str, day: date) -> float | None:
        """The number of the target in force on a day, in the indicator's unit."""
        steps = self.steps(indicator, team)
        index = bisect_right(steps, day, key=lambda step: step.valid_from) - 1
        return steps[index].value if index >= 0 else None

    def steps(self, indicator: Indicator, team: str) -> tuple[TargetStep, ...]:
        """Every change of the team's target, oldest first; a null value withdraws it."""
        key = (indicator.key, team)
        if key not in self._steps:
            self._steps[key] = tuple(self._changes(indicator, team))
        return self._steps[key]

    def _changes(self, indicator: Indicator, team: str) -> Iterator[TargetStep]:
        changes = {self._history_start}
        for slug in self._lineage(team):
            changes |= {row.valid_from for row in self._rows.get((indicator.key, slug), ())}
        before: float | None = None
        for day in sorted(changes):
            target = self.in_force(indicator, team, day)
            value = None if target is None else target.value
            if value != before:
                yield TargetStep(valid_from=day, value=value)
            before = value


def load_targets(
    session: Session, parents: Mapping[str, str | None], history_start: date
) -> Targets:
    """The targets of the database."""
    rows = session.execute(select(Target.indicator, Target.team, Target.valid_from, Target.value))
    return Targets([TargetRow(*row) for row in rows], parents, history_start)


def status_of(
    indicator: Indicator,
    value: float | None,
    reason: Reason | None,
    target: float | None,
    tolerance: float,
    *,
    partial_month: bool = False,
) -> Status | None:
    """A value against its target.

    tolerance: the configured share of the target by which a value may miss it and be `attention`,
    for an indicator without one of its own. None for a month that is not over and for a null that is
    `not_meaningful`.
    """
    if partial_month or reason is Reason.NOT_MEANINGFUL:
        return None
    if reason is Reason.SUPPRESSED:
        return Status.SUPPRESSED
    if value is None and not (indicator.categorical and reason is None):
        return Status.NO_DATA
    if value is None or target is None:
        return Status.NO_TARGET
    miss = value - target if indicator.better is Better.LOWER else target - value
    if miss <= 0:
        return Status.ON_TARGET
    allowed = indicator.tolerated(tolerance) * abs(target)
    # 0.55 - 0.44 is a little more than 20 % of 0.55 in doubles.
    if miss <= allowed or isclose(miss, allowed, rel_tol=1e-9):
        return Status.ATTENTION
    return Status.PROBLEM
