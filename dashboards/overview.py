"""The page `/`: all teams against all indicators."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.metrics import queries
from app.metrics.answers import Matrix, MatrixCell, TeamRow
from app.metrics.calendar import MONTH_PATTERN
from app.metrics.indicator import Cadence, Indicator, Reason, Restated, Status
from app.metrics.periods import parse_instant
from app.settings import Settings
from dashboards import addresses, arrangement, formatting, shares
from dashboards.arrangement import Arrangement
from dashboards.asked import Asked, today
from dashboards.cells import Cell, Signal, cell_of, domains, shares_cell, signal_of
from dashboards.periods import picker
from dashboards.sparkline import CELL

SIGNALS_AT_FIRST = 6
SIGNALS = {"first": SIGNALS_AT_FIRST, "all": None}
DEEPEST = 3
TALLIED = (Status.PROBLEM, Status.ATTENTION, Status.ON_TARGET)
RESTATED_BY = {
    Restated.LATE_DATA: "late data",
    Restated.MEMBERSHIP: "changed memberships",
    Restated.CONFIGURATION: "a changed configuration",
    Restated.DEFINITION: "a changed definition",
    Restated.TIME_PASSED: "the passing of time",
    None: "the rest of a period that was not over",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One team with its cells, in the order of the columns.

    has: what its cells have, see `arrangement.STATUSES`. place: in the order of the organisation.
    rank: by name. shown: the filter and the view let it through.
    """

    team: TeamRow
    address: str
    depth: int
    cells: Sequence[Cell]
    has: Sequence[str]
    place: int
    rank: int
    shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Neighbouring columns that are judged by the same period."""

    words: str
    note: str
    running: bool
    indicators: Sequence[Indicator]


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `overview.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    matrix = matrix_of(session, settings, asked)
    present = None
    if asked.get("as_known_at") is not None:
        present = queries.matrix(
            session, settings, period=asked.get("period"), variant=asked.get("variant")
        )
    return context(matrix, settings, asked, present)


def matrix_of(session: Session, settings: Settings, asked: Asked) -> Matrix:
    """The values that an address asks for."""
    return queries.matrix(
        session,
        settings,
        period=asked.get("period"),
        variant=asked.get("variant"),
        as_known_at=asked.get("as_known_at"),
    )


def context(
    matrix: Matrix, settings: Settings, asked: Asked, present: Matrix | None
) -> dict[str, object]:
    """The page of a matrix. present: its present state, if it is one as it was known earlier."""
    zone = settings.reporting.zone
    tolerance = settings.targets.tolerance
    how = arrangement.arrangement(asked, matrix)
    rows = rows_of(matrix, settings, asked, how)
    period, variant = asked.get("period"), asked.get("variant")
    known_at = asked.get("as_known_at")
    kept = {
        "period": period,
        "variant": variant,
        "as_known_at": known_at,
        "signals": asked.get("signals"),
        **how.query(),
    }
    leaves = [row.team for row in rows if not row.team.has_children]
    signals = list(_signals(matrix, tolerance, period, variant))
    every_signal = asked.one_of("signals", SIGNALS, "first") == "all"
    groups = list(_groups(matrix, settings, period))
    differing = restated(matrix, present) if present else []
    # What was known earlier may reach less far; which periods can be chosen does not change.
    reached = present.data_through if present else matrix.data_through
    assert reached is not None
    return {
        "matrix": matrix,
        "data_through": matrix.data_through,
        "recorded_at": matrix.recorded_at,
        "share_heads": {
            key: shares.head_of(names) for key, names in _told_apart(matrix).items() if names
        },
        "hidden_somewhere": any(
            cell.judged.reason is Reason.SUPPRESSED for cell in matrix.cells.values()
        ),
        "rows": rows,
        "shown": sum(row.shown for row in rows),
        "how": how,
        "statuses": arrangement.STATUSES,
        "views": [
            (key, words, addresses.overview(**{**kept, "view": _unless(key, arrangement.TREE)}))
            for key, words in arrangement.VIEWS.items()
        ],
        "leaves": len(leaves),
        "groups": groups,
        "first_columns": {group.indicators[0].key for group in groups},
        "tally": {
            status: sum(c.status is status for row in rows for c in row.cells if _is_leaf(row))
            for status in TALLIED
        },
        "signals": signals if every_signal else signals[:SIGNALS_AT_FIRST],
        "signal_count": len(signals),
        "all_signals": None
        if every_signal or len(signals) <= SIGNALS_AT_FIRST
        else addresses.overview(**{**kept, "signals": "all"}),
        "picker": picker(
            asked=period,
            today=today(settings, reached),
            history_start=settings.reporting.history_start,
            daily=False,
            address=lambda other: addresses.overview(**{**kept, "period": other}),
            action="/",
            hidden={**kept, "period": None},
        ),
        "kept": kept,
        "varied": [indicator for indicator in matrix.indicators if indicator.variants],
        "csv": addresses.overview(**{**kept, "signals": None, "format": "csv"}),
        "exports": [
            (
                indicator.title,
                addresses.api(
                    f"/indicators/{indicator.key}/compare",
                    period=period,
                    variant=variant if indicator.variants else None,
                    format="csv",
                ),
            )
            for indicator in matrix.indicators
        ],
        "known_at": _known_at(known_at, zone),
        # A field for days can hold nothing else.
        "known_day": known_at if formatting.is_day(known_at or "") else "",
        "differing": len(differing),
        "why": why(differing),
        "recorded": any(cell.judged.recorded_at for cell in matrix.cells.values()),
        "present": addresses.overview(**{**kept, "as_known_at": None}),
        "zone": zone,
    }


def rows_of(matrix: Matrix, settings: Settings, asked: Asked, how: Arrangement) -> list[Row]:
    """Every team with its cells, in the order that is asked for."""
    period, variant = asked.get("period"), asked.get("variant")
    scales = domains(matrix)
    told_apart = _told_apart(matrix)

    def cell(team: TeamRow, indicator: Indicator) -> Cell:
        found = matrix.cells[team.slug, indicator.key]
        address = team_address(team.slug, period, indicator.key, variant)
        if indicator.categorical:
            names, minimum = told_apart[indicator.key], settings.diversity.minimum
            return shares_cell(found, names, team.headcount, minimum, address)
        scale = scales[indicator.key]
        return cell_of(found, settings.targets.tolerance, scale, address, CELL)

    cells = {
        team.slug: [cell(team, indicator) for indicator in matrix.indicators]
        for team in matrix.teams
    }
    has = {
        slug: sorted({str(c.status) for c in of if c.status in arrangement.STATUSES})
        + ["signal"] * any(c.change for c in of)
        for slug, of in cells.items()
    }
    shown = arrangement.shown(matrix.teams, has, how)
    places = {team.slug: place for place, team in enumerate(matrix.teams)}
    ranks = arrangement.ranks(matrix.teams)
    return [
        Row(
            team=team,
            address=team_address(team.slug, period, variant=variant),
            depth=min(team.depth, DEEPEST),
            cells=cells[team.slug],
            has=has[team.slug],
            place=places[team.slug],
            rank=ranks[team.slug],
            shown=team.slug in shown,
        )
        for team in in_order(matrix, how)
    ]


def in_order(matrix: Matrix, how: Arrangement) -> list[TeamRow]:
    """Every team in the order that is asked for."""
    values: Mapping[str, float | None] = {}
    if how.sort == arrangement.BY_NAME:
        values = arrangement.ranks(matrix.teams)
    elif how.sort:
        values = {
            team.slug: matrix.cells[team.slug, how.sort].judged.value for team in matrix.teams
        }
    return arrangement.ordered(matrix.teams, values, how)


def _told_apart(matrix: Matrix) -> dict[str, Sequence[str]]:
    """The categories that the cells of a column tell apart, by indicator key."""
    return {
        indicator.key: shares.leading(
            [matrix.cells[team.slug, indicator.key].judged for team in matrix.teams]
        )
        for indicator in matrix.indicators
        if indicator.categorical
    }


def _is_leaf(row: Row) -> bool:
    return not row.team.has_children


def _unless(value: str, usual: str) -> str | None:
    return None if value == usual else value


def team_address(
    slug: str, period: str | None, anchor: str | None = None, variant: str | None = None
) -> str:
    """A team's page for the same period and variant, at one indicator."""
    return addresses.team(slug, period=period, variant=variant) + (f"#{anchor}" if anchor else "")


def restated(then: Matrix, present: Matrix) -> list[Restated | None]:
    """Why each shown value that differs between two states of the same matrix was superseded.

    None where nothing superseded it: it is of a period that was not over then.
    """
    return [
        cell.judged.restated
        for key, cell in then.cells.items()
        if key in present.cells
        and cell.judged.recorded_at is not None
        and cell.judged.period == present.cells[key].judged.period
        and cell.judged.value != present.cells[key].judged.value
    ]


def why(reasons: Sequence[Restated | None]) -> str:
    """`late data (8) and changed memberships (4)`: the most frequent first; bare if there is one."""
    counts = Counter(RESTATED_BY[reason] for reason in reasons)
    if len(counts) == 1:
        return next(iter(counts))
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return formatting.listed([f"{words} ({count:,})" for words, count in ranked])


def _known_at(text: str | None, zone: ZoneInfo) -> str | None:
    """`22 Nov 2026` for a day, `October 2026` for a month, `22 Nov 2026, 06:10` for an instant."""
    if text is None:
        return None
    if formatting.is_day(text) or MONTH_PATTERN.fullmatch(text):
        return formatting.period(text)
    return formatting.instant(parse_instant(text, zone, "as_known_at"), zone)


def _signals(
    matrix: Matrix, tolerance: float, period: str | None, variant: str | None
) -> Iterator[Signal]:
    """The signals of the teams without teams below them: what worsened first."""
    found = []
    for indicator in matrix.indicators:
        for team in matrix.teams:
            if team.has_children:
                continue
            address = team_address(team.slug, period, indicator.key, variant)
            cell = matrix.cells[team.slug, indicator.key]
            signal = signal_of(cell, tolerance, team.name, address)
            if signal is not None:
                found.append(signal)
    yield from sorted(found, key=lambda signal: signal.improved)


def _groups(matrix: Matrix, settings: Settings, asked: str | None) -> Iterator[Group]:
    root = matrix.teams[0].slug

    def judged(indicator: Indicator) -> tuple[Cadence, str, bool]:
        point = matrix.cells[root, indicator.key].judged
        return indicator.cadence, point.period, point.partial

    for (cadence, period, partial), members in groupby(matrix.indicators, judged):
        indicators = list(members)
        words, note = formatting.period(period), ""
        if cadence is Cadence.DAILY and partial:
            if matrix.data_through is not None:
                words = formatting.instant(matrix.data_through, settings.reporting.zone)
            words += ", day not over"
        elif partial:
            words += ", not over: no status yet"
        elif cadence is Cadence.MONTHLY and asked is None:
            words += ", the last whole month"
        running = _running(matrix.cells[root, indicators[0].key])
        if running:
            note = f"(hollow point: {running} so far)"
        yield Group(words=words, note=note, running=partial, indicators=indicators)


def _running(cell: MatrixCell) -> str | None:
    """Name of the running month beside the judged one."""
    last = cell.trail[-1] if cell.trail else None
    if last is None or not last.partial or cell.judged_index == len(cell.trail) - 1:
        return None
    return formatting.period(last.period).split()[0]
