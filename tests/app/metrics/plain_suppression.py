"""The suppression of shares person by person, as its rules read: what the fast one is held against."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from app.metrics.suppression import NOT_DECLARED, OTHER, Organisation, fold

Team = int


@dataclass(frozen=True, slots=True)
class People:
    """The people of one day.

    root: the team that holds all others. children: the teams directly below each team. slugs: by
    team. members: person ids by team, those of the teams below it included. declared: what a person
    declared; who is absent did not.
    """

    root: Team
    children: Mapping[Team, Sequence[Team]]
    slugs: Mapping[Team, str]
    members: Mapping[Team, Collection[str]]
    declared: Mapping[str, str]

    def category(self, person: str) -> str:
        """What a person declared."""
        return self.declared.get(person, NOT_DECLARED)

    def counts(self, people: Iterable[str]) -> Counter[str]:
        """How many of these people declared what."""
        return Counter(map(self.category, people))

    def organisation(self) -> Organisation:
        """The same as the application has it: who is alike is counted."""
        teams: dict[str, set[Team]] = defaultdict(set)
        for team, people in self.members.items():
            for person in people:
                teams[person].add(team)
        return Organisation(
            root=self.root,
            children=self.children,
            slugs=self.slugs,
            people=Counter(
                (frozenset(own), self.category(person)) for person, own in teams.items()
            ),
        )


def plain_categories(organisation: People, minimum: int) -> dict[Team, dict[str, int]]:
    """What may be shown: by team its categories with their people. Absent teams are suppressed.

    From the root down. Of a shown team's children those with `minimum` members are shown, less the
    smallest of them, one after the other, until nobody is found by subtraction; what is below a
    suppressed team is suppressed with it.
    """
    shown: dict[Team, dict[str, int]] = {}
    told = Told(organisation, minimum)
    level = [organisation.root]
    if len(organisation.members.get(organisation.root, ())) < minimum:
        return shown
    shown[organisation.root] = told.show(organisation.root)
    while level:
        below: list[Team] = []
        for team in sorted(level, key=lambda team: organisation.slugs[team]):
            children = _shown_children(organisation, team, minimum, told)
            shown |= {child: told.show(child) for child in children}
            below += children
        level = below
    return shown


def _shown_children(organisation: People, team: Team, minimum: int, told: "Told") -> list[Team]:
    size = {child: len(organisation.members.get(child, ())) for child in _below(organisation, team)}
    children = sorted(
        (child for child in size if size[child] >= minimum),
        key=lambda child: (-size[child], organisation.slugs[child]),
    )
    while children:
        smallest = min(children, key=lambda child: (size[child], organisation.slugs[child]))
        if not _is_found(organisation, team, children, minimum) and not told.would_tell(children):
            break
        children.remove(smallest)
    return children


def _below(organisation: People, team: Team) -> Sequence[Team]:
    return organisation.children.get(team, ())


def _is_few(count: int, minimum: int) -> bool:
    return 0 < count < minimum


def _is_found(organisation: People, team: Team, children: Sequence[Team], minimum: int) -> bool:
    """Whether few people of a category, as declared, are left over or shared.

    Left over: in the team and in none of the children. Shared: in two of the children.
    """
    inside: dict[str, list[Team]] = defaultdict(list)
    for child in children:
        for person in organisation.members[child]:
            inside[person].append(child)
    rest = organisation.counts(p for p in organisation.members[team] if p not in inside)
    shared: dict[tuple[Team, Team], list[str]] = defaultdict(list)
    for person, teams in inside.items():
        for pair in combinations(teams, 2):
            shared[pair].append(person)
    groups = [rest, *(organisation.counts(people) for people in shared.values())]
    return any(_is_few(count, minimum) for group in groups for count in group.values())


Pattern = tuple[Team, ...]
Bucket = frozenset[str]
"""The categories, as declared, of one category as it is shown: one, or those folded into `other`."""


class Told:
    """What the teams that are shown tell together.

    A team in which a category is folded tells nothing about that category alone: how many people of
    it are there can be what is left of a team above, once its siblings are subtracted. So, for
    every bucket that is shown of any team, its people are grouped by the teams that tell of them
    within that bucket; whatever is added and subtracted, unions of such groups come out. None may
    be few.
    """

    def __init__(self, organisation: People, minimum: int) -> None:
        self._organisation = organisation
        self._minimum = minimum
        self._shown: dict[Team, Mapping[str, Bucket]] = {}
        self._told: set[Bucket] = set()
        self._patterns: dict[Bucket, dict[str, Pattern]] = {}

    def show(self, team: Team) -> dict[str, int]:
        """Notes that a team is shown; its categories with their people."""
        buckets = self._buckets(team)
        self._shown[team] = buckets
        self._told |= set(buckets.values())
        for bucket, patterns in self._patterns.items():
            for person in self._told_of(team, buckets, bucket):
                patterns[person] = (*patterns.get(person, ()), team)
        return self._categories(team)

    def would_tell(self, children: Sequence[Team]) -> bool:
        """Whether few people would be found if these siblings were shown too."""
        buckets = {child: self._buckets(child) for child in children}
        told = {bucket for own in buckets.values() for bucket in own.values()}
        return any(self._finds_few(bucket, buckets) for bucket in told | self._told)

    def _categories(self, team: Team) -> dict[str, int]:
        counts = self._organisation.counts(self._organisation.members[team])
        return fold(counts, self._minimum)

    def _buckets(self, team: Team) -> Mapping[str, Bucket]:
        """In which bucket of a team each category is shown."""
        declared = self._organisation.counts(self._organisation.members[team])
        named = fold(declared, self._minimum).keys() - {OTHER}
        folded = frozenset(declared.keys() - named)
        return {name: frozenset({name}) if name in named else folded for name in declared}

    def _told_of(self, team: Team, buckets: Mapping[str, Bucket], within: Bucket) -> Iterator[str]:
        """The people of a team whose bucket lies within another."""
        telling = {name for name, bucket in buckets.items() if bucket <= within}
        if telling:
            for person in self._organisation.members[team]:
                if self._organisation.category(person) in telling:
                    yield person

    def _patterns_in(self, bucket: Bucket) -> dict[str, Pattern]:
        """By person: the shown teams that tell of them within a bucket."""
        if bucket not in self._patterns:
            patterns: dict[str, Pattern] = {}
            for team, buckets in self._shown.items():
                for person in self._told_of(team, buckets, bucket):
                    patterns[person] = (*patterns.get(person, ()), team)
            self._patterns[bucket] = patterns
        return self._patterns[bucket]

    def _finds_few(self, bucket: Bucket, children: Mapping[Team, Mapping[str, Bucket]]) -> bool:
        """Whether a group of the bucket that the siblings have a part in would hold few people."""
        patterns = self._patterns_in(bucket)
        added: dict[str, Pattern] = {}
        for child, buckets in children.items():
            for person in self._told_of(child, buckets, bucket):
                added[person] = (*added.get(person, ()), child)
        groups = Counter((*patterns.get(person, ()), *teams) for person, teams in added.items())
        parted = {patterns[person] for person in added if person in patterns}
        groups.update(
            pattern
            for person, pattern in patterns.items()
            if pattern in parted and person not in added
        )
        return any(_is_few(count, self._minimum) for count in groups.values())
