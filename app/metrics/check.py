"""The vocabulary of data quality: one kind of finding, and how the cases of all kinds are read at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.settings import Settings

Row = Mapping[str, Any]
"""A row of a check's statement as JSON: days and instants are ISO texts, instants in UTC."""

Item = dict[str, object]
"""A case: `address`, and the `text` that says what is wrong with it; where it is the remedy, the
`line` to add to people.csv; and its `cells`, the columns of the check after the address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a check has found. count: all cases. sums: of its summed columns over all of them. first:
    the first of the cases that were read. open, attributed: merge requests that are open now, and how
    many of them belong to a team. settings: where the remedy depends on them."""

    count: int
    sums: Mapping[str, int]
    first: Row
    open: int
    attributed: int
    settings: Settings

    @property
    def coverage(self) -> str:
        """The share of open merge requests that belong to a team, in percent; 100 only if all do."""
        if not self.open:
            return "–"
        share = 100 * self.attributed / self.open
        return f"{min(round(share), 99) if self.attributed < self.open else 100}%"


Told = Callable[[Found], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One kind of finding.

    statement: of our own, a row for each case in the order in which they are listed. sums: its columns
    that are added up for `effect`, what it does to the numbers, and `remedy`, what to do; both are
    sentences with ISO days. heads: names of the columns of its list, the first of them the address.
    """

    kind: str
    title: str
    statement: str
    item: Callable[[Row], Item]
    effect: str | Told
    remedy: str | Told
    heads: tuple[str, ...]
    sums: tuple[str, ...] = ()


@dataclass(slots=True)
class Read:
    """The cases of a check that were read, how many there are, and the sums over all of them."""

    rows: list[Row] = field(default_factory=list)
    count: int = 0
    sums: Mapping[str, int] = field(default_factory=dict)


# Told by the last refresh, so that it is the coverage that the pages show.
OPEN_NOW = """
    SELECT total AS open, attributed FROM coverages
    WHERE indicator = 'open_mr_age' AND superseded_at IS NULL ORDER BY period DESC LIMIT 1
"""


def read(
    session: Session, checks: Sequence[Check], most: int | None, start: int = 0
) -> tuple[Mapping[str, Read], Mapping[str, int]]:
    """The cases of each check by its kind, from one on and not more than `most` (None: all), and what
    is open now; one statement however many checks there are."""
    branches = [_branch(check) for check in checks]
    open_now = f"(SELECT '', 1::bigint, '{{}}'::jsonb, to_jsonb(s) FROM ({OPEN_NOW}) s)"  # noqa: S608 - statements of our own
    found = {check.kind: Read() for check in checks}
    background: Mapping[str, int] = {"open": 0, "attributed": 0}
    for kind, count, sums, content in session.execute(
        text(" UNION ALL ".join([*branches, open_now])), {"most": most, "start": start}
    ):
        if not kind:
            background = content
            continue
        found[kind].rows.append(content)
        found[kind].count, found[kind].sums = count, sums
    return found, background


def _branch(check: Check) -> str:
    """A check as a part of the one statement; its names are our own, never input."""
    sums = ", ".join(f"'{column}', sum({column}) OVER ()" for column in check.sums)
    return (
        f"(SELECT '{check.kind}' AS kind, count(*) OVER () AS total,"  # noqa: S608 - statements of our own
        f" jsonb_build_object({sums}) AS sums, to_jsonb(s) AS content"
        f" FROM ({check.statement}) s LIMIT :most OFFSET :start)"
    )


def day(written: str | None) -> date | None:
    """A day, or the day of an instant, of a row."""
    return None if written is None else date.fromisoformat(written[:10])


def instant(written: str) -> datetime:
    """An instant of a row."""
    return datetime.fromisoformat(written)


def counted(count: int, noun: str) -> str:
    """`1 merge request`, `1,902 merge requests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def and_(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
