"""Everything the indicators compute from, read once from the derived tables into memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.attribution import Tree
from app.metrics.calendar import Clock
from app.metrics.indicator import Input
from app.metrics.people import People, load_people
from app.metrics.planning import Offer, Opening, load_planning
from app.metrics.stretches import Stretch, handbook_within, held_within, open_within
from app.metrics.work_columns import Attribution, Presence, WorkColumns
from app.settings import Settings
from app.store.columns import TEXT, read_portion
from app.store.tables.organisation import ROOT_TEAM

ONE_DAY = timedelta(days=1)
A_YEAR = timedelta(days=366)


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
class Workset:
    """What is needed to compute some periods of indicators.

    team_ids: the teams that have values. root_id: the organisation. tree: who is above whom.
    slugs: by team id.
    work: counted merge requests that were open, ended or came to review in the periods. handbook:
    those merged then into handbook scope, product scope or not. community: those whose clock started.
    attribution: the teams of an account's work; a team's index is its place in team_ids.
    presence: the days of all members, for headcounts; a team's index is as above.
    people: what happened to them, and who they are; a team's index is as above; None: nobody asks.
    employed: the days on which an account's person was employed, by account, of those who answered;
    None: nobody is known at all.
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
    owners: Mapping[int, frozenset[int]]
    settings: Settings = field(default_factory=Settings)
    tree: Tree = field(default_factory=lambda: Tree({}))
    slugs: Mapping[int, str] = field(default_factory=dict)
    handbook: WorkColumns = field(default_factory=lambda: WorkColumns.of(()))
    community: Sequence[CommunityWork] = ()
    people: People | None = None
    employed: Mapping[int, Sequence[Days]] | None = None
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
    WHERE counted AND community
      AND coalesce(ready_at, created_at) >= :first AND coalesce(ready_at, created_at) < :last
      AND EXISTS (
        SELECT 1 FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
            AS stretch(begin_at, end_at)
        WHERE coalesce(ready_at, created_at) >= begin_at AND coalesce(ready_at, created_at) < end_at)
    """
)


def load(
    session: Session,
    clock: Clock,
    settings: Settings,
    needed: Mapping[Input, Sequence[Stretch]],
) -> Workset:
    """Reads the workset for what is to be computed.

    needed: by each input that is read at all, the stretches of days of which; ascending.
    """
    # Who reads merge requests without their authors' teams has them in another field.
    work = needed.get(Input.ATTRIBUTION, ())
    planning = load_planning(
        session,
        settings,
        [*needed.get(Input.PLAN, ()), *needed.get(Input.HIRING, ())],
    )
    team_ids = list(planning.slugs)
    root_id = next(id_ for id_, slug in planning.slugs.items() if slug == ROOT_TEAM)
    asked = needed.get(Input.RESPONDERS, ())
    community = community_work(
        session,
        [(clock.start_of(each.first), clock.start_of(each.last + ONE_DAY)) for each in asked],
    )
    people = None
    # Who they are is asked by the indicators of people alone.
    if Input.EMPLOYMENT in needed or Input.ATTRIBUTES in needed:
        people = load_people(session, team_ids, root_id)
    employed = load_responders(session, {who for each in community for _, who in each.responses})
    return Workset(
        clock=clock,
        history_start=settings.reporting.history_start,
        team_ids=team_ids,
        root_id=root_id,
        work=WorkColumns.read(session, open_within(clock, work), most=_are_long(work))
        if work
        else WorkColumns.of(()),
        attribution=Attribution.read(
            session, team_ids, held_within(needed.get(Input.ATTRIBUTION, ()))
        ),
        presence=Presence(people.stays.team, people.stays.first, people.stays.end)
        if people is not None
        else Presence.read(session, team_ids, held_within(needed.get(Input.MEMBERS, ()))),
        owners=_owners(session) if Input.OWNERSHIP in needed else {},
        settings=settings,
        tree=planning.tree,
        slugs=planning.slugs,
        handbook=WorkColumns.read(session, handbook_within(clock, work), most=_are_long(work))
        if work
        else WorkColumns.of(()),
        community=community,
        people=people,
        employed=employed,
        plan=planning.plan,
        openings=planning.openings,
        offers=planning.offers,
        attributes=_attributes(session) if Input.ATTRIBUTES in needed else {},
    )


def _are_long(stretches: Sequence[Stretch]) -> bool:
    """Whether stretches are so long that what lies in them is read in portions."""
    return sum(((each.last - each.first + ONE_DAY) for each in stretches), timedelta()) > A_YEAR


def community_work(
    session: Session, within: Sequence[tuple[datetime, datetime]]
) -> list[CommunityWork]:
    """The counted community merge requests whose clock started within one of the spans of time.

    within: (from, up to, not including, which instant) of each.
    """
    if not within:
        return []
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
            {
                "begins": [begin for begin, _ in within],
                "ends": [end for _, end in within],
                # What all of them lie in is found by the index.
                "first": min(begin for begin, _ in within),
                "last": max(end for _, end in within),
            },
        )
    ]


def load_responders(
    session: Session, accounts: Collection[int]
) -> Mapping[int, Sequence[Days]] | None:
    """The days on which the persons of these accounts were employed, by account; None where nobody
    is known at all."""
    found = session.execute(
        text(
            "SELECT kind, key, content FROM considered"
            " WHERE kind = 'people' OR kind = 'employed' AND key = ANY(:accounts)"
        ),
        {"accounts": [str(account) for account in accounts]},
    ).all()
    if not any(row.kind == "people" for row in found):
        return None
    return {
        int(row.key): [Days(first, end) for first, end in row.content]
        for row in found
        if row.kind == "employed"
    }


def _attributes(session: Session) -> dict[str, str]:
    found = read_portion(
        session,
        sql.SQL("SELECT key, content ->> 0 FROM considered WHERE kind = 'attribute'"),
        {"person": TEXT, "declared": TEXT},
    )
    return {
        person.decode(): declared.decode()
        for person, declared in zip(found["person"], found["declared"], strict=True)
    }


def _owners(session: Session) -> dict[int, frozenset[int]]:
    owners: dict[int, set[int]] = defaultdict(set)
    for project_id, team_id in session.execute(
        text("SELECT project_id, team_id FROM project_owners")
    ):
        owners[project_id].add(team_id)
    return {project: frozenset(teams) for project, teams in owners.items()}
