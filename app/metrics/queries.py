"""The answers of the metrics layer, read from stored values: JSON API and pages both call these.

Periods, dates and grains come as they stand in an address. A name that does not exist raises
NotFoundError, a value that cannot be meant InvalidValueError, both with the field's name.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.metrics import INDICATORS, get_indicator, periods
from app.metrics.answers import (
    Cards,
    CompareRow,
    Comparison,
    Matrix,
    MatrixCell,
    Scorecard,
    ScorecardRow,
    ShownAbove,
    TeamRow,
)
from app.metrics.attention import attention
from app.metrics.calendar import first_of_month, months_back
from app.metrics.evidence_query import evidence, evidence_part
from app.metrics.indicator import Cadence, Grain, Indicator, Limits, Reason, Series
from app.metrics.limits import last_whole_month_up_to
from app.metrics.periods import SERIES_MONTHS, Slot
from app.metrics.points import (
    Basis,
    PointReader,
    Shown,
    load_basis,
    running_day,
    variant_of,
)
from app.metrics.restatements import restatements
from app.metrics.runs import count_runs, runs
from app.metrics.stored import load_data_through
from app.metrics.team_query import team
from app.metrics.teams import Node, load_tree, team_rows
from app.settings import Settings


def teams(session: Session, settings: Settings, on: date | None = None) -> list[TeamRow]:
    """Every team with its headcount on a day (by default the running one), parents first."""
    tree = load_tree(session)
    day = on or running_day(settings, load_data_through(session))
    return team_rows(session, tree, day)


def series(
    session: Session,
    settings: Settings,
    key: str,
    *,
    team: str | None = None,
    from_: str | None = None,
    to: str | None = None,
    grain: str | None = None,
    variant: str | None = None,
    as_known_at: str | None = None,
) -> Series:
    """One indicator of one team over time, with its limits and targets.

    A point for every period of the range that has begun. With `as_known_at` the values as they
    stood at that instant; periods of which nothing was known are left out.
    """
    indicator = get_indicator(key)
    of_grain = periods.parse_grain(grain, indicator)
    of_variant = variant_of(indicator, variant)
    basis = load_basis(session, settings, as_known_at)
    node = basis.tree.find(team, "team")
    shown = _shown_over_time(basis, indicator, of_grain, of_variant, from_, to)
    reader = PointReader(session, basis, [shown], [node])
    return _series(reader, basis, node, shown, of_grain)


def cards(
    session: Session,
    settings: Settings,
    *,
    team: str | None = None,
    period: str | None = None,
    from_: str | None = None,
    to: str | None = None,
    grain: str | None = None,
    variant: str | None = None,
) -> Cards:
    """The scorecard of a team together with the series behind it; two statements beside the basis.

    grain: of the daily indicators. variant: for the indicators that have it; the others keep their
    default.
    """
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "slug")
    above = basis.tree.ancestors(node.slug)
    read, over_time = [], {}
    for each in INDICATORS:
        of_grain = periods.parse_grain(grain if each.cadence is Cadence.DAILY else None, each)
        of_variant = _variant_in_matrix(each, variant)
        shown = _shown_over_time(basis, each, of_grain, of_variant, from_, to)
        over_time[each.key] = (shown, of_grain)
        judged = basis.judged_slot(each, period)
        # One that is hidden must not cost another look: the teams above are read at once.
        also = above if each.categorical else ()
        read.append(Shown(each, of_variant, [judged, *shown.slots], also))
    reader = PointReader(session, basis, read, [node])
    found = _scorecard(reader, node, period, read)
    hidden = [
        each
        for each, row in zip(read, found.items, strict=True)
        if row.point.reason is Reason.SUPPRESSED
    ]
    shown_above = {each.indicator.key: _nearest_above(reader, above, each) for each in hidden}
    return Cards(
        scorecard=found,
        series={
            key: _series(reader, basis, node, shown, of_grain)
            for key, (shown, of_grain) in over_time.items()
        },
        above={key: shown for key, shown in shown_above.items() if shown is not None},
    )


def _nearest_above(reader: PointReader, above: Sequence[Node], hidden: Shown) -> ShownAbove | None:
    for node in reversed(above):
        point = reader.point(node, hidden.indicator, hidden.slots[0])
        if point.categories:
            return ShownAbove(team=node.slug, name=node.name, point=point)
    return None


def _shown_over_time(
    basis: Basis,
    indicator: Indicator,
    grain: Grain,
    variant: str,
    from_: str | None,
    to: str | None,
) -> Shown:
    clock = basis.clock(indicator)
    first, last = periods.bounds(from_, to, clock.today)
    slots: list[Slot] = []
    if basis.data_through(indicator) is not None:
        slots = periods.slots(indicator, grain, first, last, clock, basis.history_start)
    return Shown(indicator, variant, slots)


def _series(reader: PointReader, basis: Basis, node: Node, shown: Shown, grain: Grain) -> Series:
    indicator, slots = shown.indicator, shown.slots
    if basis.known_at is not None:
        slots = [slot for slot in slots if reader.stored(node, indicator, slot) is not None]
    return Series(
        indicator=indicator,
        team=node.slug,
        team_name=node.name,
        grain=grain,
        variant=shown.variant or None,
        data_through=basis.data_through(indicator),
        points=[reader.point(node, indicator, slot) for slot in slots],
        limits=_limits_of_series(reader, node, indicator, slots),
        targets=basis.targets.steps(indicator, node.slug),
    )


def _limits_of_series(
    reader: PointReader, node: Node, indicator: Indicator, slots: Sequence[Slot]
) -> Limits | None:
    """The limits of the last whole month that is shown."""
    if not slots:
        return None
    last = slots[-1]
    if last.month and not last.running:
        return reader.limits(node, indicator, last.first)
    if last.month or last.running:
        return reader.limits_for(node, indicator, last)
    return reader.limits(node, indicator, last_whole_month_up_to(last.stored))


def compare(
    session: Session,
    settings: Settings,
    key: str,
    *,
    parent: str | None = None,
    period: str | None = None,
    variant: str | None = None,
) -> Comparison:
    """One indicator of a team and of the teams directly below it, in one period."""
    indicator = get_indicator(key)
    of_variant = variant_of(indicator, variant)
    basis = load_basis(session, settings)
    node = basis.tree.find(parent, "parent")
    children = basis.tree.children(node.slug)
    slot = basis.judged_slot(indicator, period)
    before = periods.before(slot, basis.clock(indicator))
    shown = Shown(indicator, of_variant, [before, slot])
    reader = PointReader(session, basis, [shown], [node, *children])

    def row(team: Node) -> CompareRow:
        point = reader.point(team, indicator, slot)
        return CompareRow(
            team=team.slug,
            name=team.name,
            point=point,
            previous=reader.value(team, indicator, before),
            signal=point.signal,
        )

    return Comparison(
        indicator=indicator,
        variant=of_variant or None,
        period=reader.point(node, indicator, slot).period,
        data_through=basis.data_through(indicator),
        parent=row(node),
        children=[row(child) for child in children],
    )


def scorecard(
    session: Session, settings: Settings, team: str | None, *, period: str | None = None
) -> Scorecard:
    """Every indicator of one team in one period, each in its default variant.

    A day means its month for monthly indicators, a month its last day for daily ones.
    """
    basis = load_basis(session, settings)
    node = basis.tree.find(team, "slug")
    shown = [
        Shown(each, each.default_variant, [basis.judged_slot(each, period)]) for each in INDICATORS
    ]
    return _scorecard(PointReader(session, basis, shown, [node]), node, period, shown)


def _scorecard(
    reader: PointReader, node: Node, period: str | None, shown: Iterable[Shown]
) -> Scorecard:
    """Each indicator in the first of its slots."""
    return Scorecard(
        team=node.slug,
        name=node.name,
        period=period,
        items=[
            ScorecardRow(
                indicator=each.indicator,
                variant=each.variant or None,
                point=reader.point(node, each.indicator, each.slots[0]),
                target=reader.target(node, each.indicator, each.slots[0]),
                limits=reader.limits_for(node, each.indicator, each.slots[0]),
            )
            for each in shown
        ],
    )


def matrix(
    session: Session,
    settings: Settings,
    *,
    period: str | None = None,
    variant: str | None = None,
    as_known_at: str | None = None,
    only: Indicator | None = None,
) -> Matrix:
    """All teams against all indicators but the supporting ones, with the months that led there.

    variant: for the indicators that have it; the others keep their default. only: this indicator
    instead of all, which may be a supporting one.
    """
    basis = load_basis(session, settings, as_known_at)
    shown = [
        _trailed(each, _variant_in_matrix(each, variant), _trail(basis, each, period), period)
        for each in ((only,) if only else INDICATORS)
        if only or not each.supporting
    ]
    if variant is not None and not any(each.variant == variant for each in shown):
        raise NotFoundError(f"No indicator has a variant {variant!r:.40}.", "variant")
    reader = PointReader(session, basis, shown, basis.tree)
    cells: dict[tuple[str, str], MatrixCell] = {}
    for each in shown:
        indicator, slot = each.indicator, each.judged
        assert slot is not None
        index = each.slots.index(slot)
        for node in basis.tree:
            trail = [reader.point(node, indicator, one) for one in each.slots]
            cells[node.slug, indicator.key] = MatrixCell(
                team=node.slug,
                indicator=indicator,
                judged=trail[index],
                trail=trail,
                judged_index=index,
                limits=reader.limits_for(node, indicator, slot),
                target=reader.target(node, indicator, slot),
            )
    recorded = [cell.judged.recorded_at for cell in cells.values() if cell.judged.recorded_at]
    through = [basis.data_through(each.indicator) for each in shown]
    return Matrix(
        period=period,
        data_through=min((instant for instant in through if instant), default=None),
        recorded_at=max(recorded, default=None),
        teams=team_rows(session, basis.tree, _day_of_matrix(basis, period)),
        indicators=[each.indicator for each in shown],
        cells=cells,
    )


def _variant_in_matrix(indicator: Indicator, variant: str | None) -> str:
    known = {each.key for each in indicator.variants}
    return variant if variant in known else indicator.default_variant


def _trail(basis: Basis, indicator: Indicator, period: str | None) -> list[Slot]:
    """Up to 13 periods that end with the asked one, or with the running one.

    Of a daily indicator month ends and the day itself, of a monthly one months.
    """
    judged = basis.judged_slot(indicator, period)
    clock = basis.clock(indicator)
    if indicator.cadence is Cadence.MONTHLY:
        last = (
            judged.first if period is not None else max(judged.first, first_of_month(clock.today))
        )
        first = months_back(last, SERIES_MONTHS - 1)
        slots = periods.slots(indicator, Grain.MONTH, first, last, clock, basis.history_start)
        return slots or [judged]
    last = months_back(judged.stored, 1)
    first = months_back(judged.stored, SERIES_MONTHS - 1)
    return [
        *periods.slots(indicator, Grain.MONTH, first, last, clock, basis.history_start),
        judged,
    ]


def _trailed(
    indicator: Indicator, variant: str, slots: Sequence[Slot], period: str | None
) -> Shown:
    """The judged period with those that led there: it is the last, but for a running month."""
    unfinished = indicator.cadence is Cadence.MONTHLY and slots[-1].running
    judged = slots[-2 if period is None and unfinished and len(slots) > 1 else -1]
    return Shown(indicator, variant, slots, judged=judged)


def _day_of_matrix(basis: Basis, period: str | None) -> date:
    today = running_day(basis.settings, basis.through)
    return today if period is None else min(periods.parse(period, "period").last, today)


__all__ = [
    "attention",
    "cards",
    "compare",
    "count_runs",
    "evidence",
    "evidence_part",
    "matrix",
    "restatements",
    "runs",
    "scorecard",
    "series",
    "team",
    "teams",
]
