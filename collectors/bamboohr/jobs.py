"""Rows of jobInfo → the stretches of days that each holds, cut to the time employed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from collectors.bamboohr.employment import NO_END, Stretch
from collectors.bamboohr.records import MembershipRecord
from collectors.bamboohr.tables import JobRow


@dataclass(frozen=True, slots=True)
class Job:
    """A stretch of days of one employee under one row, up to, not including, `end`."""

    row: JobRow
    first: date
    end: date


def jobs(rows: Iterable[JobRow], employment: Sequence[Stretch]) -> Iterator[Job]:
    """The stretches of one employee in order; none where no row holds.

    rows: in any order. A row holds until the next one; of one day's rows the one entered last does.
    """
    by_day = {row.day: row for row in sorted(rows, key=lambda row: row.order)}
    held = list(by_day.values())
    ends = [later.day for _, later in pairwise(held)] + [NO_END]
    for row, end in zip(held, ends, strict=True):
        for stretch in employment:
            first, last = max(row.day, stretch.start), min(end, stretch.end)
            if first < last:
                yield Job(row, first, last)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stretch of days of one person in one team in one role, up to, not including, `end`."""

    person: str
    team: str
    role: str
    first: date
    end: date


def joined(stays: Iterable[Stay]) -> list[Stay]:
    """The same stays with those that touch or overlap made one, where person, team and role agree."""
    found: list[Stay] = []
    for stay in sorted(stays, key=lambda stay: (stay.person, stay.team, stay.role, stay.first)):
        last = found[-1] if found else None
        if (
            last is not None
            and (last.person, last.team, last.role) == (stay.person, stay.team, stay.role)
            and stay.first <= last.end
        ):
            found[-1] = Stay(stay.person, stay.team, stay.role, last.first, max(last.end, stay.end))
        else:
            found.append(stay)
    return found


def memberships(stays: Iterable[Stay]) -> list[MembershipRecord]:
    """The rows to store for stays that were joined."""
    return [
        MembershipRecord(
            person_id=stay.person,
            team=stay.team,
            valid_from=stay.first,
            valid_to=None if stay.end == NO_END else stay.end,
            role=stay.role,
        )
        for stay in stays
    ]
