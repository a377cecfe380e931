"""What a report has to be read with: what is missing or partial in it, and what was restated."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from app.metrics.answers import Cards, ScorecardRow
from app.metrics.calendar import Clock, next_month
from app.metrics.freshness import STALE_AFTER
from app.metrics.restatements import Restatement
from app.settings import Settings
from dashboards import formatting
from dashboards.overview import RESTATED_BY
from dashboards.sentences import few, missing
from dashboards.trend import FEW


def care_of(
    month: date,
    cards: Cards,
    restated: Sequence[Restatement],
    settings: Settings,
    *,
    reached: datetime,
) -> list[str]:
    """One sentence for each thing.

    restated: newest first. reached: up to when the freshest data reach.
    """
    rows, clock = cards.scorecard.items, Clock(settings.reporting.zone, reached)
    return [
        *_not_over(month, clock),
        *_behind(month, cards, clock),
        *_without_value(rows),
        *_few(rows),
        *_restated(rows, restated, settings),
    ]


def _not_over(month: date, clock: Clock) -> Iterator[str]:
    if clock.is_partial_month(month):
        name = formatting.month(month)
        yield f"{name} is not over: what is measured by the month is so far, and has no status."


def _behind(month: date, cards: Cards, clock: Clock) -> Iterator[str]:
    """Which indicators end before the month does, or long before the freshest data."""
    if clock.is_partial_month(month):
        least = clock.data_through - STALE_AFTER
    else:
        least = clock.start_of(next_month(month))
    ends: dict[datetime, list[str]] = {}
    for row in cards.scorecard.items:
        through = cards.series[row.indicator.key].data_through
        if through is not None and through < least:
            ends.setdefault(through, []).append(row.indicator.title)
    for through, titles in sorted(ends.items()):
        verb = "stops" if len(titles) == 1 else "stop"
        at = formatting.instant(through, clock.zone)
        yield f"{formatting.listed(titles, len(titles))} {verb} at {at}."


def _without_value(rows: Sequence[ScorecardRow]) -> Iterator[str]:
    told = [
        f"{row.indicator.title} ({missing(row.indicator, row.point)})"
        for row in rows
        if row.point.value is None and not row.point.categories
    ]
    if told:
        yield f"Without a value: {formatting.listed(told, len(told))}."


def _few(rows: Sequence[ScorecardRow]) -> Iterator[str]:
    told = [
        f"{row.indicator.title} (n {row.point.n:,})"
        for row in rows
        if row.point.value is not None and few(row.point, row.indicator, FEW)
    ]
    if told:
        yield f"Few cases, so that one moves it a lot: {formatting.listed(told, len(told))}."


def _restated(
    rows: Sequence[ScorecardRow], restated: Sequence[Restatement], settings: Settings
) -> Iterator[str]:
    """The first value that was recorded and the present one, with every reason in between."""
    for row in rows:
        key, point = row.indicator.key, row.point
        found = [
            each
            for each in restated
            if (each.indicator, each.variant, each.period) == (key, row.variant, point.period)
        ]
        if not found:
            continue
        reasons = list(dict.fromkeys(RESTATED_BY[each.reason] for each in reversed(found)))
        why = formatting.listed(reasons)
        last = formatting.instant(found[0].superseded_at, settings.reporting.zone)
        first, now = (
            "no value" if value is None else formatting.full(row.indicator, value)
            for value in (found[-1].value, point.value)
        )
        change = f" from {first} to {now}" if first != now else ""
        yield f"{row.indicator.title} was restated{change}, last on {last}: {why}."
