"""The files that say what is wanted: headcount per month, openings and targets, each checked by itself."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from app.metrics import INDICATORS
from app.store.tables import Base, Opening, PlannedHeadcount, Target
from collectors.files.problems import Problems
from collectors.files.sheet import Cells, near, read_sheet, rows
from collectors.record import Batch, Complete, Reached, Record

SOURCE = "files"
PLAN = ("team", "month", "planned_headcount")
OPENINGS = ("opening_id", "team", "opened_on", "target_start_on", "closed_on", "close_reason")
TARGETS = ("team", "indicator", "valid_from", "value")

NO_TARGET_EVER = frozenset({"diversity"})
"""A target for the share of a group would be a quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord(Record):
    """A row of plan.csv."""

    table: ClassVar[type[Base]] = PlannedHeadcount

    team: str
    month: date
    planned_headcount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRecord(Record):
    """A row of openings.csv."""

    table: ClassVar[type[Base]] = Opening

    source: str = SOURCE
    opening_id: str
    team: str
    opened_on: date
    target_start_on: date | None
    closed_on: date | None
    close_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord(Record):
    """A row of targets.csv; without a value it withdraws the target."""

    table: ClassVar[type[Base]] = Target

    indicator: str
    team: str
    valid_from: date
    value: float | None


def read_plan(path: Path, teams: Collection[str], problems: Problems) -> list[Record]:
    """The planned headcounts, at most one for each team and month. teams: slugs of those there are."""
    records: list[Record] = []
    lines: dict[tuple[str, date], int] = {}
    for cells in rows(read_sheet(path, problems, PLAN)):
        team = _team(cells, teams)
        month = cells.month("month")
        planned = cells.whole("planned_headcount")
        if month is None:
            continue
        if (team, month) in lines:
            reason = f"{team} already has a plan for {month:%Y-%m} (line {lines[team, month]})"
            cells.refuse("month", reason)
            continue
        lines[team, month] = cells.row.line
        if planned is not None:
            records.append(PlanRecord(team=team, month=month, planned_headcount=planned))
    return records


def read_openings(path: Path, teams: Collection[str], problems: Problems) -> list[Record]:
    """The openings, each once. teams: slugs of those there are."""
    records: list[Record] = []
    lines: dict[str, int] = {}
    for cells in rows(read_sheet(path, problems, OPENINGS)):
        opening = cells.needed("opening_id")
        if opening in lines:
            cells.refuse("opening_id", f"{opening} is already there (line {lines[opening]})")
        elif opening:
            lines[opening] = cells.row.line
        team = _team(cells, teams)
        opened = cells.day("opened_on", needed=True)
        target_start = cells.day("target_start_on")
        closed = cells.day("closed_on")
        reason = cells.text("close_reason")
        if opened and closed and closed < opened:
            cells.refuse("closed_on", f"{closed} is before the opened_on {opened}")
        elif reason and not cells.text("closed_on"):
            cells.refuse("close_reason", "there is one, but the closed_on is empty")
        if opened is None:
            continue
        records.append(
            OpeningRecord(
                opening_id=opening,
                team=team,
                opened_on=opened,
                target_start_on=target_start,
                closed_on=closed,
                close_reason=reason or None,
            )
        )
    return records


def read_targets(path: Path, teams: Collection[str], problems: Problems) -> list[Record]:
    """The targets, at most one for each team, indicator and day. teams: slugs of those there are."""
    possible = {indicator.key: indicator.possible for indicator in INDICATORS}
    records: list[Record] = []
    lines: dict[tuple[str, str, date], int] = {}
    for cells in rows(read_sheet(path, problems, TARGETS)):
        team = _team(cells, teams)
        indicator = cells.needed("indicator")
        if indicator in NO_TARGET_EVER:
            cells.refuse("indicator", f"{indicator} never has a target, it would be a quota")
        elif indicator and indicator not in possible:
            known = near(indicator.lower(), list(possible)) or f", there are {', '.join(possible)}"
            cells.refuse("indicator", f"there is no indicator {indicator}{known}")
        valid_from = cells.day("valid_from", needed=True)
        value = cells.number("value", *possible.get(indicator, (0.0, None)))
        if valid_from is None:
            continue
        key = (team, indicator, valid_from)
        if key in lines:
            reason = f"{team} already has a target from {valid_from} on (line {lines[key]})"
            cells.refuse("valid_from", reason)
            continue
        lines[key] = cells.row.line
        records.append(
            TargetRecord(indicator=indicator, team=team, valid_from=valid_from, value=value)
        )
    return records


@dataclass(frozen=True, slots=True)
class Planning:
    """A kind of file: what reads it, and what it becomes. complete: the rows that are all its own."""

    read: Callable[[Path, Collection[str], Problems], list[Record]]
    complete: Complete


PLANNING: Mapping[str, Planning] = {
    "plan": Planning(read_plan, Complete(record=PlanRecord)),
    "openings": Planning(
        read_openings, Complete(record=OpeningRecord, column="source", values=[SOURCE])
    ),
    "targets": Planning(read_targets, Complete(record=TargetRecord)),
}
"""By the key of `[files]`, in the order in which they are read."""


def read_planning(key: str, path: Path, teams: Collection[str]) -> Batch:
    """What one of the files says, complete. teams: slugs of those there are.

    Raises InvalidFileError with the first mistake (and all others in `problems`) if there is one.
    """
    problems = Problems()
    records = PLANNING[key].read(path, teams, problems)
    problems.refuse()
    return Batch(
        records=records,
        complete=[PLANNING[key].complete],
        reached=[Reached(scope=key, through=None, complete=True)],
    )


def without_planning(key: str) -> Batch:
    """What there is without a file: nothing of it."""
    return Batch(complete=[PLANNING[key].complete], forget=[key])


def _team(cells: Cells, teams: Collection[str]) -> str:
    team = cells.needed("team")
    if team and team not in teams:
        cells.refuse("team", f"there is no team {team}{near(team, list(teams))}")
    return team
