"""The table of the overview as CSV: the teams, the order and the values of the page at that address."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from app import spreadsheet
from app.metrics.answers import Matrix
from app.metrics.indicator import Indicator, Point
from app.settings import Settings
from dashboards.arrangement import arrangement
from dashboards.asked import Asked
from dashboards.overview import matrix_of, rows_of

TEAM = ("team", "name", "parent", "people")
BESIDE = ("status", "signal", "period")


def view(session: Session, settings: Settings, asked: Asked) -> str:
    """The table of an address. Raises NotFoundError and InvalidValueError for a wrong one."""
    return table(matrix_of(session, settings, asked), settings, asked)


def table(matrix: Matrix, settings: Settings, asked: Asked) -> str:
    """One row for each team that the page shows, in its order; for each indicator its exact value.

    Beside a value stand its status (no_data and suppressed where there is none; empty for a month
    that is not over), whether it is a signal, and its period. Shares have one column for each
    category of theirs, in percent; where they are hidden these are empty.
    """
    how = arrangement(asked, matrix)
    shown = [row.team for row in rows_of(matrix, settings, asked, how) if row.shown]
    points = {
        indicator.key: [matrix.cells[team.slug, indicator.key].judged for team in shown]
        for indicator in matrix.indicators
    }
    categories = {
        indicator.key: _categories(points[indicator.key])
        for indicator in matrix.indicators
        if indicator.categorical
    }

    def of_team(place: int) -> list[object]:
        team = shown[place]
        row: list[object] = [team.slug, team.name, team.parent, team.headcount]
        for indicator in matrix.indicators:
            point = points[indicator.key][place]
            row += _values(point, categories.get(indicator.key))
            row += [point.status, point.signal, point.period]
        return row

    head = [*TEAM, *(n for each in matrix.indicators for n in _names(each, categories))]
    return spreadsheet.table(head, map(of_team, range(len(shown))))


def _categories(points: Iterable[Point]) -> list[str]:
    """Every category that is shown of somebody, by name."""
    return sorted({each.category for point in points for each in point.categories or ()})


def _names(indicator: Indicator, categories: dict[str, list[str]]) -> list[str]:
    own = categories.get(indicator.key)
    values = [indicator.key] if own is None else [f"{indicator.key}.{name}" for name in own]
    return [*values, *(f"{indicator.key}.{name}" for name in BESIDE)]


def _values(point: Point, categories: Sequence[str] | None) -> list[float | None]:
    if categories is None:
        return [point.value]
    shares = {each.category: each.share for each in point.categories or ()}
    return [shares.get(name) for name in categories]
