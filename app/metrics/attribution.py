"""Who was in which team on which day: the one answer for every indicator.

Pure functions from dated memberships and the team tree to spans of days; `derive` stores them,
every indicator joins with them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

FOREVER = date.max
"""End of a span that is open: greater than every day."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A person in one team from valid_from up to, not including, valid_to (None while open)."""

    person_id: str
    team_id: int
    valid_from: date
    valid_to: date | None

    @property
    def end_day(self) -> date:
        """The first day that no longer belongs to it."""
        return self.valid_to or FOREVER


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days from first_day up to, not including, end_day, of one team and what belongs to it."""

    team_id: int
    first_day: date
    end_day: date
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """The team tree by id; parent of the root is None."""

    parents: Mapping[int, int | None]

    def children(self) -> Mapping[int, Sequence[int]]:
        """The teams directly below each team that has any."""
        below: dict[int, list[int]] = defaultdict(list)
        for team_id, parent in self.parents.items():
            if parent is not None:
                below[parent].append(team_id)
        return below

    def with_ancestors(self, team_ids: Iterable[int]) -> frozenset[int]:
        """The teams and every team above them."""
        found: set[int] = set()
        for team_id in team_ids:
            above: int | None = team_id
            while above is not None and above not in found:
                found.add(above)
                above = self.parents[above]
        return frozenset(found)


def _segments(
    memberships: Sequence[Membership],
) -> Iterator[tuple[date, date, frozenset[int], bool]]:
    """(first day, end day, teams, orphaned) without gaps from a person's first membership on."""
    cuts = sorted({m.valid_from for m in memberships} | {m.end_day for m in memberships})
    for first, end in zip(cuts, [*cuts[1:], FOREVER], strict=True):
        if first == FOREVER:
            return
        present = frozenset(m.team_id for m in memberships if m.valid_from <= first < m.end_day)
        if present:
            yield first, end, present, False
            continue
        ended = [m for m in memberships if m.end_day <= first]
        last = max(m.end_day for m in ended)
        yield first, end, frozenset(m.team_id for m in ended if m.end_day == last), True


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans of the same team that touch become one."""
    joined: list[Span] = []
    for span in sorted(spans):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.team_id == span.team_id
            and before.end_day == span.first_day
            and before.orphaned == span.orphaned
        ):
            joined[-1] = Span(span.team_id, before.first_day, span.end_day, span.orphaned)
        else:
            joined.append(span)
    return joined


def attribution_spans(memberships: Sequence[Membership], tree: Tree) -> list[Span]:
    """To which teams (ancestors included) one person's work belongs, day by day.

    On a day within a membership: every team with such a membership. After the last one ended: the
    teams of the membership that ended last, marked orphaned. Before the first: nothing.
    """
    return _joined(
        Span(team_id, first, end, orphaned)
        for first, end, teams, orphaned in _segments(memberships)
        for team_id in tree.with_ancestors(teams)
    )


def member_spans(memberships: Sequence[Membership], tree: Tree) -> list[Span]:
    """In which teams (ancestors included) one person is a member, day by day."""
    return _joined(
        Span(team_id, first, end)
        for first, end, teams, orphaned in _segments(memberships)
        if not orphaned
        for team_id in tree.with_ancestors(teams)
    )


def by_person(memberships: Iterable[Membership]) -> dict[str, list[Membership]]:
    """Memberships grouped by person."""
    grouped: dict[str, list[Membership]] = defaultdict(list)
    for membership in memberships:
        grouped[membership.person_id].append(membership)
    return dict(grouped)


def differences(old: Iterable[Span], new: Iterable[Span]) -> list[Span]:
    """The days, team by team, of which two sets of spans do not say the same.

    Spans that begin alike differ where one has ended and the other has not, spans that end alike
    where one has begun: who leaves changes nothing before that day.
    """
    before, after = set(old), set(new)
    before, after = before - after, after - before
    found: list[Span] = []
    for key in (_begin, _end):
        others = {key(span): span for span in after}
        for span in list(before):
            if (other := others.get(key(span))) is not None:
                before.discard(span)
                after.discard(other)
                found.append(_between(span, other))
    return sorted([*found, *before, *after])


def _begin(span: Span) -> tuple[int, date, bool]:
    return span.team_id, span.first_day, span.orphaned


def _end(span: Span) -> tuple[int, date, bool]:
    return span.team_id, span.end_day, span.orphaned


def _between(one: Span, other: Span) -> Span:
    """The days of two spans of a team that begin or end alike, and that only one of them has."""
    if one.first_day == other.first_day:
        first, end = sorted((one.end_day, other.end_day))
    else:
        first, end = sorted((one.first_day, other.first_day))
    return Span(one.team_id, first, end, one.orphaned)
