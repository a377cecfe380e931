"""Everything the indicators compute from, read once from the derived tables into memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.metrics.calendar import Clock
from app.store.tables.organisation import ROOT_TEAM

MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """A counted merge request; instants in microseconds since 1970, None where not happened."""

    author_id: int | None
    project_id: int
    created_at: int
    review_started_at: int | None
    ended_at: int | None
    merged_at: int | None
    community: bool


@dataclass(frozen=True, slots=True)
class TeamDays:
    """Days of a team, as ordinals: from first up to, not including, end."""

    team_id: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Workset:
    """What is needed to compute every period that is not over before `first_day`.

    team_ids: the teams that have values. root_id: the organisation.
    work: counted merge requests that ended (or are open) at or after first_day's begin.
    attribution: the teams of an account's work, by account id.
    members: member-days of each person, by team id.
    owners: the teams that own a project, by project id; the root owns every project.
    """

    clock: Clock
    first_day: date
    history_start: date
    team_ids: Sequence[int]
    root_id: int
    work: Sequence[Work]
    attribution: Mapping[int, Sequence[TeamDays]]
    members: Mapping[int, Sequence[TeamDays]]
    owners: Mapping[int, frozenset[int]]

    def owners_of(self, project_id: int) -> frozenset[int]:
        """The teams that own a project, the organisation always among them."""
        return self.owners.get(project_id, frozenset()) | {self.root_id}


def microseconds(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970."""
    seconds = int(instant.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + instant.microsecond


WORK = text(
    """
    SELECT author_id, project_id,
           (extract(epoch FROM created_at) * 1000000)::bigint,
           (extract(epoch FROM review_started_at) * 1000000)::bigint,
           (extract(epoch FROM ended_at) * 1000000)::bigint,
           (extract(epoch FROM merged_at) * 1000000)::bigint,
           community
    FROM merge_request_facts
    WHERE counted AND (ended_at IS NULL OR ended_at >= :since)
    """
)


def load(session: Session, clock: Clock, first_day: date, history_start: date) -> Workset:
    """Reads the workset for the periods from first_day on."""
    teams = session.execute(
        text("SELECT id, slug FROM teams WHERE removed_at IS NULL ORDER BY id")
    ).all()
    work = session.execute(WORK, {"since": clock.start_of(first_day)})
    attribution: dict[int, list[TeamDays]] = defaultdict(list)
    for account_id, team_id, first, end in session.execute(
        text("SELECT account_id, team_id, first_day, end_day FROM attribution_spans")
    ):
        attribution[account_id].append(TeamDays(team_id, first.toordinal(), end.toordinal()))
    members: dict[int, list[TeamDays]] = defaultdict(list)
    for team_id, first, end in session.execute(
        text("SELECT team_id, first_day, end_day FROM team_member_spans")
    ):
        members[team_id].append(TeamDays(team_id, first.toordinal(), end.toordinal()))
    owners: dict[int, set[int]] = defaultdict(set)
    for project_id, team_id in session.execute(
        text("SELECT project_id, team_id FROM project_owners")
    ):
        owners[project_id].add(team_id)
    return Workset(
        clock=clock,
        first_day=first_day,
        history_start=history_start,
        team_ids=[team.id for team in teams],
        root_id=next(team.id for team in teams if team.slug == ROOT_TEAM),
        work=[Work(*row) for row in work],
        attribution=attribution,
        members=members,
        owners={project: frozenset(teams) for project, teams in owners.items()},
    )
