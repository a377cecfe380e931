"""The page `/`: all teams against all indicators."""

from collections import Counter
from collections.abc import Iterator, Sequence
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
from dashboards import addresses, formatting, shares
from dashboards.asked import Asked, today
from dashboards.cells import Cell, Signal, cell_of, domains, shares_cell, signal_of
from dashboards.periods import picker
from dashboards.sparkline import CELL, WIDE_CELL

FEW_COLUMNS = 4
SIGNALS_AT_FIRST = 6
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
    """One team with its cells, in the order of the columns."""

    team: TeamRow
    address: str
    depth: int
    cells: Sequence[Cell]
    has: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Neighbouring columns that are judged by the same period."""

    words: str
    note: str
    running: bool
    indicators: Sequence[Indicator]


def view(session: Session, settings: Settings, asked: Asked) -> dict[str, object]:
    """What `overview.html` draws. Raises NotFoundError and InvalidValueError for a wrong address."""
    period, variant = asked.get("period"), asked.get("variant")
    known_at = asked.get("as_known_at")
    matrix = queries.matrix(session, settings, period=period, variant=variant, as_known_at=known_at)
    present = None
    if known_at is not None:
        present = queries.matrix(session, settings, period=period, variant=variant)
    return context(matrix, settings, asked, present)


def context(
    matrix: Matrix, settings: Settings, asked: Asked, present: Matrix | None
) -> dict[str, object]:
    """The page of a matrix. present: its present state, if it is one as it was known earlier."""
    zone = settings.reporting.zone
    tolerance = settings.targets.tolerance
    kept = {name: asked.get(name) for name in ("period", "variant", "as_known_at")}
    scales = domains(matrix)
    wide = len(matrix.indicators) <= FEW_COLUMNS
    size = WIDE_CELL if wide else CELL
    told_apart = {
        indicator.key: shares.leading(
            [matrix.cells[team.slug, indicator.key].judged for team in matrix.teams]
        )
        for indicator in matrix.indicators
        if indicator.categorical
    }

    def cell(team: TeamRow, indicator: Indicator) -> Cell:
        if indicator.categorical:
            return shares_cell(
                matrix.cells[team.slug, indicator.key],
                told_apart[indicator.key],
                team.headcount,
                settings.diversity.minimum,
                team_address(team.slug, kept["period"], indicator.key),
            )
        return cell_of(
            matrix.cells[team.slug, indicator.key],
            tolerance,
            scales[indicator.key],
            team_address(team.slug, kept["period"], indicator.key),
            size,
        )

    rows = []
    for team in matrix.teams:
        cells = [cell(team, indicator) for indicator in matrix.indicators]
        rows.append(
            Row(
                team=team,
                address=team_address(team.slug, kept["period"]),
                depth=min(team.depth, DEEPEST),
                cells=cells,
                has=" ".join(
                    sorted({str(c.status) for c in cells if c.status})
                    + ["signal"] * any(c.change for c in cells)
                ),
            )
        )
    leaves = [row for row in rows if not row.team.has_children]
    signals = list(_signals(matrix, leaves, tolerance, kept["period"]))
    every_signal = asked.get("signals") == "all"
    groups = list(_groups(matrix, settings, kept["period"]))
    differing = restated(matrix, present) if present else []
    # What was known earlier may reach less far; which periods can be chosen does not change.
    reached = present.data_through if present else matrix.data_through
    assert reached is not None
    return {
        "matrix": matrix,
        "data_through": matrix.data_through,
        "recorded_at": matrix.recorded_at,
        "share_heads": {key: shares.head_of(names) for key, names in told_apart.items() if names},
        "hidden_somewhere": any(
            cell.judged.reason is Reason.SUPPRESSED for cell in matrix.cells.values()
        ),
        "rows": rows,
        "leaves": len(leaves),
        "wide": wide,
        "groups": groups,
        "first_columns": {group.indicators[0].key for group in groups},
        "tally": {
            status: sum(c.status is status for row in leaves for c in row.cells)
            for status in TALLIED
        },
        "signals": signals if every_signal else signals[:SIGNALS_AT_FIRST],
        "signal_count": len(signals),
        "all_signals": None
        if every_signal or len(signals) <= SIGNALS_AT_FIRST
        else addresses.overview(**kept, signals="all"),
        "picker": picker(
            asked=asked.get("period"),
            today=today(settings, reached),
            history_start=settings.reporting.history_start,
            daily=False,
            address=lambda period: addresses.overview(**{**kept, "period": period}),
            action="/",
            hidden={**kept, "period": None},
        ),
        "kept": kept,
        "varied": [indicator for indicator in matrix.indicators if indicator.variants],
        "exports": [
            (
                indicator.title,
                addresses.api(
                    f"/indicators/{indicator.key}/compare",
                    period=kept["period"],
                    variant=kept["variant"] if indicator.variants else None,
                    format="csv",
                ),
            )
            for indicator in matrix.indicators
        ],
        "known_at": _known_at(kept["as_known_at"], zone),
        # A field for days can hold nothing else.
        "known_day": kept["as_known_at"] if formatting.is_day(kept["as_known_at"] or "") else "",
        "differing": len(differing),
        "why": why(differing),
        "recorded": any(cell.judged.recorded_at for cell in matrix.cells.values()),
        "present": addresses.overview(**{**kept, "as_known_at": None}),
        "zone": zone,
    }


def team_address(slug: str, period: str | None, anchor: str | None = None) -> str:
    """A team's page for the same period, at one indicator."""
    return addresses.team(slug, period=period) + (f"#{anchor}" if anchor else "")


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
    matrix: Matrix, leaves: Sequence[Row], tolerance: float, period: str | None
) -> Iterator[Signal]:
    """The signals of the teams without teams below them: what worsened first."""
    found = []
    for indicator in matrix.indicators:
        for row in leaves:
            address = team_address(row.team.slug, period, indicator.key)
            cell = matrix.cells[row.team.slug, indicator.key]
            signal = signal_of(cell, tolerance, row.team.name, address)
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
