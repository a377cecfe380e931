"""Which merge requests matter for some days: the conditions under which a refresh reads them.

What is stale lies in few stretches of days; whatever ended before them or began after them is not read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import LiteralString

from psycopg import sql

from app.metrics.calendar import Clock

TOGETHER = timedelta(days=31)
"""Stretches that are no further apart than this are read as one."""
MOST = 12
"""Of more stretches, those that are nearest to each other are read as one: each lengthens the query."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from first to last, both included."""

    first: date
    last: date


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches that cover the given ones, in order, apart from each other, MOST of them at most."""
    found: list[Stretch] = []
    for each in sorted(stretches, key=lambda each: each.first):
        if found and each.first - found[-1].last <= TOGETHER:
            found[-1] = Stretch(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    while len(found) > MOST:
        at = min(range(1, len(found)), key=lambda at: found[at].first - found[at - 1].last)
        found[at - 1 : at + 1] = [Stretch(found[at - 1].first, found[at].last)]
    return found


def open_within(clock: Clock, stretches: Sequence[Stretch]) -> sql.Composable:
    """Counted merge requests that were open, ended or came to review in one of the stretches."""
    open_still = "(ended_at IS NULL OR ended_at >= {begin} OR review_started_at >= {begin})"
    found = [
        # Nothing is known of later days: a bound would only hide that an index serves.
        _filled(
            open_still if each.last >= clock.today else f"created_at <= {{end}} AND {open_still}",
            clock,
            each,
        )
        for each in stretches
    ]
    return sql.SQL("counted AND ({})").format(sql.SQL(" OR ").join(found))


def held_within(stretches: Sequence[Stretch]) -> sql.Composable:
    """Spans of days (first_day up to, not including, end_day) that hold a day of one of the stretches."""
    if not stretches:
        return sql.SQL("false")
    return sql.SQL("({})").format(
        sql.SQL(" OR ").join(
            sql.SQL("(first_day <= {last} AND end_day > {first})").format(
                first=sql.Literal(each.first), last=sql.Literal(each.last)
            )
            for each in stretches
        )
    )


def handbook_within(clock: Clock, stretches: Sequence[Stretch]) -> sql.Composable:
    """Merge requests into handbook scope that were merged in one of the stretches."""
    found = [
        _filled("merged_at >= {begin} AND merged_at <= {end}", clock, each) for each in stretches
    ]
    return sql.SQL("handbook AND (counted OR left_out = 'out_of_scope') AND ({})").format(
        sql.SQL(" OR ").join(found)
    )


def _filled(condition: LiteralString, clock: Clock, stretch: Stretch) -> sql.Composable:
    """A condition on the instants of a stretch, in brackets."""
    return sql.SQL("({})").format(
        sql.SQL(condition).format(
            begin=sql.Literal(clock.start_of(stretch.first)),
            end=sql.Literal(clock.start_of(stretch.last + timedelta(days=1))),
        )
    )
