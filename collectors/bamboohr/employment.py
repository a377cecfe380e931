"""Rows of employmentStatus → stretches of employment with the kind of their ending."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from collectors.bamboohr.tables import StatusRow

NO_END = date.max
"""Instead of the first day that no longer counts, where there is none."""

INVOLUNTARY = re.compile(r"\binvoluntary|\bnon[- ]?voluntary|\bnot voluntary")
VOLUNTARY = re.compile(r"\bvoluntary|\bresign")


@dataclass(slots=True)
class Stretch:
    """One stretch of employment. last: the last day employed, null while employed.

    termination: voluntary, involuntary or other; null while employed.
    """

    start: date
    last: date | None = None
    termination: str | None = None

    @property
    def end(self) -> date:
        """The first day no longer employed."""
        return NO_END if self.last is None else self.last + timedelta(days=1)


def stretches(rows: Iterable[StatusRow], hired: date | None = None) -> list[Stretch]:
    """The stretches of one employee, the earliest first; they do not overlap.

    rows: in any order. hired: the hire date, for somebody whose only row is the last one.
    A `Terminated` row ends on its day, which is the last one employed; any other status employs from
    its day on. Of several rows of one day the one entered last has the last word: somebody who is
    taken back on the day of the ending never left.
    """
    found: list[Stretch] = []
    for row in sorted(rows, key=lambda row: row.order):
        latest = found[-1] if found else None
        if not row.terminates:
            if latest is None or (latest.last is not None and latest.last < row.day):
                found.append(Stretch(row.day))
            elif latest.last == row.day:
                latest.last = latest.termination = None
        elif latest is None:
            if hired is not None and hired <= row.day:
                found.append(Stretch(hired, row.day, kind_of_ending(row.termination)))
        elif latest.last is None or latest.last == row.day:
            latest.last, latest.termination = row.day, kind_of_ending(row.termination)
        # Terminated again without having come back: the first ending holds.
    return found


def kind_of_ending(words: str) -> str:
    """voluntary or involuntary where the words say so; anything else, or nothing, is other."""
    words = words.casefold()
    if INVOLUNTARY.search(words):
        return "involuntary"
    return "voluntary" if VOLUNTARY.search(words) else "other"
