"""Which shares of categories may be shown so that nobody can be found, by reading or by subtraction.

Pure: from how many people are in the same teams and declared the same, to what is shown of which
team in one month. `minimum` people is the smallest group that may be told.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

OTHER = "other"
NOT_DECLARED = "not_declared"

Team = int
Alike = tuple[frozenset[Team], str]
"""People who are in the same teams, those above included, and declared the same."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """The people of one day.

    root: the team that holds all others. children: the teams directly below each team. slugs: by
    team. people: how many are alike; nobody is told apart by anything else.
    """

    root: Team
    children: Mapping[Team, Sequence[Team]]
    slugs: Mapping[Team, str]
    people: Mapping[Alike, int]

    def counts(self) -> dict[Team, dict[str, int]]:
        """By team how many people declared what; a team of nobody is absent."""
        counts: dict[Team, dict[str, int]] = defaultdict(dict)
        for (teams, category), people in self.people.items():
            for team in teams:
                own = counts[team]
                own[category] = own.get(category, 0) + people
        return counts


def fold(declared: Mapping[str, int], minimum: int) -> dict[str, int]:
    """The categories as they are shown, with their people; at least `minimum` people in all.

    A category of fewer than `minimum` becomes part of `other`; while `other` has some but too few
    people, the smallest of the rest does too, the first by name of those that are equal.
    """
    named = {name: count for name, count in declared.items() if count}
    other = named.pop(OTHER, 0)
    for name in [name for name, count in named.items() if count < minimum]:
        other += named.pop(name)
    while named and 0 < other < minimum:
        other += named.pop(min(named, key=lambda name: (named[name], name)))
    return named | {OTHER: other} if other else named


def shown_categories(organisation: Organisation, minimum: int) -> dict[Team, dict[str, int]]:
    """What may be shown: by team its categories with their people. Absent teams are suppressed.

    From the root down. Of a shown team's children those with `minimum` members are shown, less the
    smallest of them, one after the other, until nobody is found by subtraction; what is below a
    suppressed team is suppressed with it.
    """
    counts = organisation.counts()
    size = {team: sum(own.values()) for team, own in counts.items()}
    root, slugs = organisation.root, organisation.slugs
    shown: dict[Team, dict[str, int]] = {}
    if size.get(root, 0) < minimum:
        return shown
    told = Told(organisation.people, minimum)
    told.look_at({root})
    shown[root] = fold(counts[root], minimum)
    told.show(root, _buckets(counts[root], shown[root]))
    level = [root]
    while level:
        large = {
            team: [
                child
                for child in organisation.children.get(team, ())
                if size.get(child, 0) >= minimum
            ]
            for team in sorted(level, key=lambda team: slugs[team])
        }
        candidates = {child for children in large.values() for child in children}
        if not candidates:
            break
        told.look_at(candidates)
        level = []
        for team, children in large.items():
            folded = {child: fold(counts[child], minimum) for child in children}
            buckets = {child: _buckets(counts[child], folded[child]) for child in children}
            while buckets and (told.is_found(team, buckets) or told.would_tell(buckets)):
                del buckets[min(buckets, key=lambda child: (size[child], slugs[child]))]
            for child in sorted(buckets, key=lambda child: (-size[child], slugs[child])):
                told.show(child, buckets[child])
                shown[child] = folded[child]
                level.append(child)
    return shown


Bucket = frozenset[str]
"""The categories, as declared, of one category as it is shown: one, or those folded into `other`."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """What a team shows. named: categories under their own name. folded: those within `other`."""

    named: Bucket
    folded: Bucket

    def __iter__(self) -> Iterator[Bucket]:
        yield from (frozenset({name}) for name in self.named)
        if self.folded:
            yield self.folded


def _buckets(declared: Mapping[str, int], shown: Mapping[str, int]) -> Buckets:
    named = frozenset(shown.keys() - {OTHER})
    return Buckets(named, frozenset(declared.keys() - named))


@lru_cache(maxsize=100_000)
def _telling(named: Bucket, folded: Bucket, within: Bucket) -> Sequence[str]:
    """The categories, as declared, of the buckets of a team that lie within another bucket."""
    return [*(named & within), *(folded if folded <= within else ())]


class Told:
    """What the teams that are shown tell together.

    A team in which a category is folded tells nothing about that category alone: how many people of
    it are there can be what is left of a team above, once its siblings are subtracted. So, for
    every bucket that is shown of any team, its people are grouped by the teams that tell of them
    within that bucket; whatever is added and subtracted, unions of such groups come out. None may
    be few.

    People who are alike in all the teams that were looked at so far are one block; a block is a
    number. Never is anything done for each person.
    """

    def __init__(self, people: Mapping[Alike, int], minimum: int) -> None:
        self._people = people
        self._minimum = minimum
        self._looked_at: frozenset[Team] = frozenset()
        self._blocks: dict[Alike, int] = {}
        self._size: list[int] = []
        self._of: dict[Team, dict[str, list[int]]] = {}
        """By team and category its blocks."""
        self._teams: list[frozenset[Team]] = []
        self._shown: dict[Team, Buckets] = {}
        self._told: set[Bucket] = set()
        self._groups: dict[Bucket, _Groups] = {}

    def look_at(self, teams: Set[Team]) -> None:
        """Tells people apart by these teams too: nothing can be asked of a team before."""
        before, known = self._looked_at, self._blocks
        self._looked_at = before | teams
        self._blocks, self._size, self._teams = {}, [], []
        self._of = {team: {} for team in self._looked_at}
        origin: list[int] = []
        for (own, category), people in self._people.items():
            alike = (own & self._looked_at, category)
            block = self._blocks.setdefault(alike, len(self._size))
            if block == len(self._size):
                self._size.append(0)
                self._teams.append(alike[0])
                origin.append(known.get((own & before, category), 0))
                for team in alike[0]:
                    self._of[team].setdefault(category, []).append(block)
            self._size[block] += people
        for groups in self._groups.values():
            groups.divide(origin)

    def show(self, team: Team, buckets: Buckets) -> None:
        """Notes that a team is shown."""
        self._shown[team] = buckets
        self._told.update(buckets)
        for bucket, groups in self._groups.items():
            groups.part(self._told_of(team, buckets, bucket), self._size)

    def is_found(self, team: Team, children: Mapping[Team, Buckets]) -> bool:
        """Whether few people of a category, as declared, are left over or shared.

        Left over: in the team and in none of the children. Shared: in two of the children.
        """
        siblings = frozenset(children)
        for blocks in self._of[team].values():
            rest = 0
            shared: dict[tuple[Team, ...], int] = defaultdict(int)
            for block in blocks:
                inside = self._teams[block] & siblings
                if not inside:
                    rest += self._size[block]
                elif len(inside) > 1:
                    for pair in combinations(sorted(inside), 2):
                        shared[pair] += self._size[block]
            if self._is_few(rest) or any(map(self._is_few, shared.values())):
                return True
        return False

    def would_tell(self, children: Mapping[Team, Buckets]) -> bool:
        """Whether few people would be found if these siblings were shown too."""
        told = {bucket for own in children.values() for bucket in own}
        return any(self._finds_few(bucket, children) for bucket in told | self._told)

    def _is_few(self, people: int) -> bool:
        return 0 < people < self._minimum

    def _told_of(self, team: Team, buckets: Buckets, within: Bucket) -> Iterator[int]:
        """The blocks of a team whose bucket lies within another."""
        blocks = self._of[team]
        for category in _telling(buckets.named, buckets.folded, within):
            yield from blocks.get(category, ())

    def _groups_in(self, bucket: Bucket) -> "_Groups":
        """The people by the shown teams that tell of them within a bucket."""
        if bucket not in self._groups:
            groups = self._groups[bucket] = _Groups(self._size)
            for team, buckets in self._shown.items():
                groups.part(self._told_of(team, buckets, bucket), self._size)
        return self._groups[bucket]

    def _finds_few(self, bucket: Bucket, children: Mapping[Team, Buckets]) -> bool:
        """Whether a group of the bucket that the siblings have a part in would hold few people."""
        telling: dict[int, int] = {}
        """By block: which of the siblings tell of it, as bits."""
        for place, (child, buckets) in enumerate(children.items()):
            for block in self._told_of(child, buckets, bucket):
                telling[block] = telling.get(block, 0) | 1 << place
        groups = self._groups_in(bucket)
        parts: dict[tuple[int, int], int] = defaultdict(int)
        left: dict[int, int] = {}
        for block, siblings in telling.items():
            group, people = groups.of[block], self._size[block]
            parts[group, siblings] += people
            if group:
                left[group] = left.get(group, groups.people[group]) - people
        return any(map(self._is_few, parts.values())) or any(map(self._is_few, left.values()))


class _Groups:
    """Blocks in disjoint groups by number; group 0 are those of whom no team tells.

    of: the group of each block. people: how many each group has.
    """

    def __init__(self, size: Sequence[int]) -> None:
        self.of = [0] * len(size)
        self.people = [sum(size)]

    def divide(self, origin: Sequence[int]) -> None:
        """Blocks were divided. origin: which each was part of."""
        self.of = [self.of[block] for block in origin]

    def part(self, blocks: Iterator[int], size: Sequence[int]) -> None:
        """One more team tells of these blocks: of each group they are part of, they are one now."""
        parted: dict[int, int] = {}
        for block in blocks:
            before = self.of[block]
            after = parted.setdefault(before, len(self.people))
            if after == len(self.people):
                self.people.append(0)
            self.of[block] = after
            self.people[after] += size[block]
            self.people[before] -= size[block]
