"""The targets of an indicator over time: for everybody, and for each team that has one of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.metrics.answers import TeamRow
from app.metrics.indicator import Indicator
from app.metrics.targets import Targets
from app.settings import Settings
from dashboards import formatting


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetRow:
    """A line of the target history."""

    since: str
    who: str
    target: str


def target_history(
    indicator: Indicator, teams: Sequence[TeamRow], targets: Targets, settings: Settings
) -> list[TargetRow]:
    """Every change of the target for everybody, and for each team that has one of its own."""
    rows = []
    for team in teams:
        steps = targets.steps(indicator, team.slug)
        if team.parent is not None and steps == targets.steps(indicator, team.parent):
            continue
        above = targets.steps(indicator, team.parent) if team.parent is not None else ()
        rows += [
            TargetRow(
                since=_since(step.valid_from, settings),
                who="everybody" if team.parent is None else team.name,
                target="withdrawn"
                if step.value is None
                else formatting.target(indicator, step.value),
            )
            for step in steps
            if step not in above
        ]
    return rows


def _since(day: date, settings: Settings) -> str:
    if day <= settings.reporting.history_start:
        return "the beginning"
    return formatting.day(day)
