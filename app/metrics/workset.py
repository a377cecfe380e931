"""Everything the indicators compute from, read once from the derived tables into memory."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import Tree
from app.metrics.calendar import Clock
from app.metrics.derive_considered import KINDS
from app.metrics.indicator import Input
from app.metrics.stretches import Stretch, handbook_within, open_within
from app.metrics.work_columns import Attribution, Presence, WorkColumns
from app.settings import Settings
from app.store.tables.organisation import ROOT_TEAM


@dataclass(frozen=True, slots=True)
class CommunityWork:
    """A counted community merge request; instants in microseconds since 1970.

    started_at: when the clock of our answer starts. waiting: a draft that nobody marked as ready.
    responses: (instant, account) in order of what may be an answer.
    """

    merge_request_id: int
    project_id: int
    started_at: int
    waiting: bool
    responses: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Days:
    """Days as ordinals: from first up to, not including, end."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class PersonDays:
    """Days of a person, as ordinals: from first up to, not including, end."""

    person_id: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Employment:
    """A stretch of employment, as ordinals. last: the last day employed; None while it lasts.
    ending: voluntary, involuntary or other."""

    first: int
    last: int | None
    ending: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """A place to be filled, of its team and those above; days as ordinals. reference: its id."""

    team_ids: frozenset[int]
    opened: int
    closed: int | None
    team: str | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An accepted offer, of its team and those above; days as ordinals. reference: its id."""

    team_ids: frozenset[int]
    accepted: int
    starts: int | None
    team: str | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """What is to be hired, and for whom; the tree and the slugs by team id."""

    tree: Tree
    slugs: Mapping[int, str]
    plan: Mapping[int, Mapping[date, int]]
    openings: Sequence[Opening]
    offers: Sequence[Offer]


@dataclass(frozen=True, slots=True)
class Workset:
    """What is needed to compute some periods of indicators.

    team_ids: the teams that have values. root_id: the organisation. tree: who is above whom.
    slugs: by team id.
    work: counted merge requests that were open, ended or came to review in the periods. handbook:
    those merged then into handbook scope, product scope or not. community: those whose clock started.
    attribution: the teams of an account's work; a team's index is its place in team_ids.
    presence: the days of all members, for headcounts; a team's index is as above.
    members: days of each person as a member, by team id, teams above included.
    employment: by person. employed: the days on which an account's person was employed, by account.
    people_known: whether anybody is known at all.
    owners: the teams that own a project, by project id; the root owns every project.
    plan: planned headcount by team id and month. attributes: the declared attribute, by person.
    """

    clock: Clock
    history_start: date
    team_ids: Sequence[int]
    root_id: int
    work: WorkColumns
    attribution: Attribution
    presence: Presence
    members: Mapping[int, Sequence[PersonDays]]
    owners: Mapping[int, frozenset[int]]
    settings: Settings = field(default_factory=Settings)
    tree: Tree = field(default_factory=lambda: Tree({}))
    slugs: Mapping[int, str] = field(default_factory=dict)
    handbook: WorkColumns = field(default_factory=lambda: WorkColumns.of(()))
    community: Sequence[CommunityWork] = ()
    employment: Mapping[str, Sequence[Employment]] = field(default_factory=dict)
    employed: Mapping[int, Sequence[Days]] = field(default_factory=dict)
    people_known: bool = False
    plan: Mapping[int, Mapping[date, int]] = field(default_factory=dict)
    openings: Sequence[Opening] = ()
    offers: Sequence[Offer] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def owners_of(self, project_id: int) -> frozenset[int]:
        """The teams that own a project, the organisation always among them."""
        return self.owners.get(project_id, frozenset()) | {self.root_id}


COMMUNITY = text(
    """
    SELECT merge_request_id, project_id,
           (extract(epoch FROM coalesce(ready_at, created_at)) * 1000000)::bigint AS started_at,
           draft AND ready_at IS NULL AS waiting, responses
    FROM merge_request_facts
    WHERE counted AND community AND EXISTS (
        SELECT 1 FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
            AS stretch(begin_at, end_at)
        WHERE coalesce(ready_at, created_at) >= begin_at AND coalesce(ready_at, created_at) < end_at)
    """
)


def load(
    session: Session,
    clock: Clock,
    settings: Settings,
    stretches: Sequence[Stretch],
    reads: Collection[Input] = frozenset(Input),
) -> Workset:
    """Reads the workset for periods that lie in the stretches of days (at least one), ascending.

    reads: what the indicators that are computed need; the rest stays empty.
    """

    def needed(*inputs: Input) -> bool:
        return any(each in reads for each in inputs)

    kinds = [kind for kind, (each, _) in KINDS.items() if needed(each)]
    considered = _considered(session, kinds)
    planning = _planning(session, considered)
    team_ids = list(planning.slugs)
    return Workset(
        clock=clock,
        history_start=settings.reporting.history_start,
        team_ids=team_ids,
        root_id=next(id_ for id_, slug in planning.slugs.items() if slug == ROOT_TEAM),
        # Who reads merge requests without their authors' teams has them in another field.
        work=WorkColumns.read(session, open_within(clock, stretches))
        if needed(Input.ATTRIBUTION)
        else WorkColumns.of(()),
        attribution=Attribution.read(session, team_ids, None if needed(Input.ATTRIBUTION) else ()),
        presence=Presence.read(session, team_ids, stretches[0].first)
        if needed(Input.ATTRIBUTION)
        else Presence.of((), ()),
        # Who they are is asked by the indicators of people alone, and needs an object each.
        members=_members(session) if needed(Input.EMPLOYMENT, Input.ATTRIBUTES) else {},
        owners=_owners(session) if needed(Input.OWNERSHIP) else {},
        settings=settings,
        tree=planning.tree,
        slugs=planning.slugs,
        handbook=WorkColumns.read(session, handbook_within(clock, stretches))
        if needed(Input.ATTRIBUTION)
        else WorkColumns.of(()),
        community=community_work(
            session,
            [
                (clock.start_of(each.first), clock.start_of(each.last + timedelta(days=1)))
                for each in stretches
            ],
        )
        if needed(Input.RESPONDERS)
        else (),
        employment=_employment(considered["employment"]),
        employed=_employed(considered["employed"]),
        people_known=bool(considered["people"]),
        plan=planning.plan,
        openings=planning.openings,
        offers=planning.offers,
        attributes={key: content[0] for key, content in considered["attribute"]},
    )


def load_planning(session: Session) -> Planning:
    """Plan, openings and offers as the last refresh saw them."""
    return _planning(session, _considered(session, ["plan", "opening", "offer"]))


def _planning(session: Session, considered: Mapping[str, Sequence[tuple[str, Any]]]) -> Planning:
    teams = session.execute(
        text("SELECT id, slug, parent FROM teams WHERE removed_at IS NULL ORDER BY id")
    ).all()
    ids = {team.slug: team.id for team in teams}
    tree = Tree({team.id: ids[team.parent] if team.parent else None for team in teams})

    def concerned(team: str | None) -> frozenset[int]:
        return tree.with_ancestors([ids[team]] if team in ids else [])

    return Planning(
        tree=tree,
        slugs={team.id: team.slug for team in teams},
        plan=_plan(considered.get("plan", ()), ids),
        openings=[
            Opening(concerned(team), opened, closed, team, key)
            for key, (team, opened, closed) in considered.get("opening", ())
        ],
        offers=[
            # The key is the source and the id in it.
            Offer(concerned(team), accepted, starts, team, key.partition(" ")[2])
            for key, (team, accepted, starts) in considered.get("offer", ())
        ],
    )


def community_work(
    session: Session, within: Sequence[tuple[datetime, datetime]]
) -> list[CommunityWork]:
    """The counted community merge requests whose clock started within one of the spans of time.

    within: (from, up to, not including, which instant) of each.
    """
    return [
        CommunityWork(
            merge_request_id=row.merge_request_id,
            project_id=row.project_id,
            started_at=row.started_at,
            waiting=row.waiting,
            responses=[(at, who) for at, who in row.responses],
        )
        for row in session.execute(
            COMMUNITY,
            {"begins": [begin for begin, _ in within], "ends": [end for _, end in within]},
        )
    ]


def load_responders(session: Session) -> Mapping[int, Sequence[Days]] | None:
    """The days on which an account's person was employed, by account; None where nobody is known."""
    considered = _considered(session, ["employed", "people"])
    return _employed(considered["employed"]) if considered["people"] else None


def _considered(
    session: Session, kinds: Sequence[str] | None = None
) -> dict[str, list[tuple[str, Any]]]:
    """The small facts by kind, all or some of them; see `derive_considered`."""
    found: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for kind, key, content in session.execute(
        text(
            "SELECT kind, key, content FROM considered"
            " WHERE CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds) ORDER BY kind, key"
        ),
        {"kinds": kinds},
    ):
        found[kind].append((key, content))
    return found


def _members(session: Session) -> dict[int, list[PersonDays]]:
    members: dict[int, list[PersonDays]] = defaultdict(list)
    for team_id, person_id, first, end in session.execute(
        text("SELECT team_id, person_id, first_day, end_day FROM team_member_spans")
    ):
        members[team_id].append(PersonDays(person_id, first.toordinal(), end.toordinal()))
    return members


def _owners(session: Session) -> dict[int, frozenset[int]]:
    owners: dict[int, set[int]] = defaultdict(set)
    for project_id, team_id in session.execute(
        text("SELECT project_id, team_id FROM project_owners")
    ):
        owners[project_id].add(team_id)
    return {project: frozenset(teams) for project, teams in owners.items()}


def _employed(rows: Iterable[tuple[str, Any]]) -> dict[int, list[Days]]:
    return {int(key): [Days(first, end) for first, end in stretches] for key, stretches in rows}


def _employment(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Employment]]:
    employment: dict[str, list[Employment]] = defaultdict(list)
    for _, (person_id, first, last, ending) in rows:
        employment[person_id].append(Employment(first, last, ending))
    return employment


def _plan(rows: Iterable[tuple[str, Any]], ids: Mapping[str, int]) -> dict[int, dict[date, int]]:
    plan: dict[int, dict[date, int]] = defaultdict(dict)
    for _, (team, month, planned) in rows:
        if team in ids:
            plan[ids[team]][date.fromordinal(month)] = planned
    return plan
