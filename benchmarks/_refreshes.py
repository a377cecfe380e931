"""Refreshes of a company in order: the first, one of nothing, those of what changed; and what is stored."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from benchmarks._changes import a_day, an_hour, corrections
from benchmarks._database import Sizes, settle, sizes
from benchmarks._document import brief, table
from benchmarks._processes import address, say, told

VALUE_TABLES = ("daily_values", "indicator_values")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh. new, replaced, restated: rows that it wrote."""

    name: str
    seconds: float
    peak_mb: float
    facts_changed: int
    new: int
    replaced: int
    restated: int

    @property
    def written(self) -> int:
        """All rows."""
        return self.new + self.replaced + self.restated


def refreshed(engine: Engine, name: str, *, everything: bool = False) -> Refreshed:
    """One refresh in a process of its own."""
    job = {"database": address(engine), "everything": everything}
    done = Refreshed(name, **told([sys.executable, "-m", "benchmarks._refreshing"], job))
    say(
        f"refresh: {name}: {brief(done.seconds)} s, {done.peak_mb:.0f} MB, {done.written:,} written"
    )
    return done


FIRST = "first, everything"


@dataclass(frozen=True, slots=True)
class Refreshes:
    """All refreshes of a company in order. incremental: those after changes, each followed by a whole
    one that must write nothing. before, after: sizes when all was computed once, and in the end."""

    all: Sequence[Refreshed]
    incremental: Sequence[tuple[Refreshed, Refreshed]]
    before: Sizes
    after: Sizes

    @property
    def first(self) -> Refreshed:
        """The one that computed everything from nothing."""
        return self.all[0]

    @property
    def whole(self) -> float:
        """Seconds of the fastest one that computed everything again."""
        return min(each.seconds for _, each in self.incremental)

    @property
    def differs(self) -> bool:
        """Whether a refresh of what changed has left anything that a whole one would write."""
        return any(whole.written for _, whole in self.incremental)


def measure_refreshes(engine: Engine, first: Refreshed, changes: int) -> Refreshes:
    """What comes after the first refresh: nothing, a day, an hour, late corrections."""
    before = sizes(engine, *VALUE_TABLES)
    unchanged = refreshed(engine, UNCHANGED)
    done = [first, unchanged]
    pairs: list[tuple[Refreshed, Refreshed]] = []
    for title, change in (
        (a_day_of(changes), a_day),
        (f"an hour with {changes:,} changes", an_hour),
        (f"{changes:,} late corrections over ten years", corrections),
    ):
        if pairs:  # before the first one nothing was written since all was settled
            settle(engine)
        change(engine, changes)
        incremental = refreshed(engine, title)
        whole = refreshed(engine, "everything again, after it", everything=True)
        pairs.append((incremental, whole))
        done += [incremental, whole]
    return Refreshes(done, pairs, before, sizes(engine, *VALUE_TABLES))


def measure_a_day(engine: Engine, first: Refreshed, changes: int) -> list[Refreshed]:
    """The first refresh, one of nothing, and one of a day."""
    unchanged = refreshed(engine, UNCHANGED)
    a_day(engine, changes)
    return [first, unchanged, refreshed(engine, a_day_of(changes))]


UNCHANGED = "nothing changed"


def a_day_of(changes: int) -> str:
    """What the refresh after a day is called."""
    return f"a day with {changes:,} changes"


def refresh_table(found: Sequence[Refreshed], whole: float) -> str:
    """Refreshes in order. whole: seconds of the one to which the ratio is."""
    cells = [
        (
            each.name,
            brief(each.seconds),
            f"{whole / each.seconds:.1f}",
            f"{each.facts_changed:,}",
            f"{each.written:,}",
            f"{each.restated:,}",
            f"{each.peak_mb:,.0f} MB",
        )
        for each in found
    ]
    return table(
        (
            "refresh",
            "seconds",
            "faster than a whole one by",
            "merge requests that differ",
            "values written",
            "restated",
            "peak memory",
        ),
        cells,
    )


def size_table(found: Refreshes) -> str:
    """Megabytes of the database and of the tables of values."""
    rows = []
    for name, index in (("the table", 0), ("its indexes", 1)):
        rows += [
            (
                f"{each}: {name}",
                *(_mb(sized.tables[each][index]) for sized in (found.before, found.after)),
            )
            for each in VALUE_TABLES
        ]
    whole = ("the database", _mb(found.before.database), _mb(found.after.database))
    head = ("", "computed once", "after all of the above")
    return table(head, [whole, *sorted(rows)])


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"
