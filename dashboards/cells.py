"""MatrixCell → what a cell of the overview, a dot or a small multiple shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.metrics.answers import Matrix, MatrixCell, TeamRow
from app.metrics.indicator import Indicator, Reason, Status
from dashboards import formatting, shares
from dashboards.scale import Domain, column_domain
from dashboards.sentences import (
    Judged,
    missing,
    missing_sentence,
    signal_line,
    status_words,
    tip,
)
from dashboards.sparkline import STATUS_CLASS, Size, sparkline


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One team and indicator as it is shown.

    empty: why there is no value, in at most three words; None where there is one. figures: shares in
    place of a value. mark: name of the symbol. change: `↑ 17.4`, only for a signal. sort: the exact
    value, empty without one.
    """

    key: str
    address: str
    mark: str
    colour: str
    shown: str
    spoken: str
    empty: str | None
    change: str | None
    tip: str
    spark: Markup
    sort: str
    status: Status | None
    figures: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """A change that is a signal, in words."""

    change: str
    team: str
    address: str
    words: str
    improved: bool


def mark_of(status: Status | None) -> str:
    """The symbol of a status; a running month has the half circle."""
    return str(status) if status else "half"


def colour_of(status: Status | None) -> str:
    """The class that gives a symbol its colour."""
    return STATUS_CLASS[status] if status else "none"


def judged_of(cell: MatrixCell, tolerance: float) -> Judged:
    """A cell's point with everything that its words need."""
    running = cell.trail[-1] if cell.judged_index < len(cell.trail) - 1 else None
    return Judged(
        indicator=cell.indicator,
        point=cell.judged,
        limits=cell.limits,
        target=cell.target,
        at=formatting.borders(cell.indicator, cell.target, tolerance),
        running=running if running is not None and running.partial else None,
    )


def shares_cell(
    cell: MatrixCell, names: Sequence[str], headcount: int, minimum: int, address: str
) -> Cell:
    """What one team shows of the shares of an attribute. names: the categories told apart."""
    point = cell.judged
    parts = shares.in_a_cell(point, names)
    status = point.status or (Status.NO_TARGET if parts else Status.NO_DATA)
    empty = None
    if not parts:
        empty = missing(cell.indicator, point)
        if point.reason is Reason.SUPPRESSED and headcount < minimum:
            empty = f"fewer than {minimum}"
    words = ", ".join(share.words for share in shares.shares_of(point))
    told = words or missing_sentence(cell.indicator, point)
    return Cell(
        key=cell.indicator.key,
        address=address,
        mark=mark_of(status),
        colour=colour_of(status),
        shown="",
        spoken=words,
        empty=empty,
        change=None,
        tip="|".join([status_words(point).capitalize() if empty else "Shares", told]),
        spark=shares.bar(parts, css="shb") if parts else Markup(),
        sort="",
        status=None,
        figures=shares.figures_of(parts, names),
    )


def cell_of(cell: MatrixCell, tolerance: float, domain: Domain, address: str, size: Size) -> Cell:
    """What one team shows for one indicator."""
    judged, point = judged_of(cell, tolerance), cell.judged
    if point.value is None:
        status = point.status or Status.NO_DATA
        return Cell(
            key=cell.indicator.key,
            address=address,
            mark=mark_of(status),
            colour=colour_of(status),
            shown="",
            spoken=status_words(point),
            empty=missing(cell.indicator, point),
            change=None,
            tip="|".join(tip(judged)),
            spark=Markup(),
            sort="",
            status=status,
        )
    return Cell(
        key=cell.indicator.key,
        address=address,
        mark=mark_of(point.status),
        colour=colour_of(point.status),
        shown=formatting.short(cell.indicator, point.value, judged.at),
        spoken=status_words(point),
        empty=None,
        change=change_of(judged),
        tip="|".join(tip(judged)),
        spark=sparkline(cell.trail, cell.judged_index, domain, cell.target, size),
        sort=repr(point.value),
        status=point.status,
    )


def change_of(judged: Judged) -> str | None:
    """The change against the centre line, for a signal only."""
    if not judged.point.signal or judged.difference is None:
        return None
    return formatting.change(judged.indicator, judged.difference)


def signal_of(cell: MatrixCell, tolerance: float, team: str, address: str) -> Signal | None:
    """The line of a signal; None where the point is none."""
    judged = judged_of(cell, tolerance)
    change = change_of(judged)
    if change is None:
        return None
    return Signal(
        change=change,
        team=team,
        address=address,
        words=signal_line(judged),
        improved=judged.improved,
    )


def domains(matrix: Matrix) -> Mapping[str, Domain]:
    """One scale for each column, by indicator key."""
    return {
        indicator.key: domain_of(_cells(matrix, indicator, matrix.teams))
        for indicator in matrix.indicators
    }


def domain_of(cells: Iterable[MatrixCell]) -> Domain:
    """The scale on which the trails of these cells can be compared."""
    values, targets = [], []
    for cell in cells:
        values += [point.value for point in cell.trail if point.value is not None]
        targets += [cell.target] if cell.target is not None else []
    return column_domain(values, targets)


def _cells(matrix: Matrix, indicator: Indicator, teams: Sequence[TeamRow]) -> Iterable[MatrixCell]:
    return (matrix.cells[team.slug, indicator.key] for team in teams)
