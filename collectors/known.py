"""What is stored already, for collectors that read only what differs: answers, never a session."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Semaphore
from typing import Any

from sqlalchemy import Engine, Row, text

LOOKUPS_AT_ONCE = 4
"""The threads of a collector must not use up the engine's connections."""

PORTION = 5_000
"""Merge requests of a project that are told at a time."""

CREATED = """
    deleted_at IS NULL AND project_id = ANY(:project_ids)
    AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)
"""
"""What of some projects is not deleted and was created in a stretch of time."""


@dataclass(frozen=True, slots=True)
class KnownPosition:
    """How far a list was read; see `positions`."""

    through: datetime | None
    complete: bool


@dataclass(frozen=True, slots=True)
class KnownMergeRequest:
    """A merge request as it is stored. reviewers: when each one's row was made, null if not read."""

    id: int
    project_id: int
    iid: int
    title: str
    state: str
    draft: bool
    labels: Sequence[str]
    updated_at: datetime
    notes_count: int
    reviewer_rows_read: bool
    deleted: bool
    reviewers: Mapping[int, datetime | None]

    @property
    def open(self) -> bool:
        """Whether it was open when it was last collected."""
        return self.state in ("opened", "locked") and not self.deleted


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project as it is stored. merge_requests: how many of its merge requests are not deleted.
    unreachable: whether they were out of reach when they were looked for last."""

    id: int
    path: str
    web_url: str
    merge_requests: int
    unreachable: bool


@dataclass(frozen=True, slots=True)
class KnownTeam:
    """A team that is shown. parent: its slug, null for the root. source: who said so last."""

    slug: str
    name: str
    parent: str | None
    source: str


@dataclass(frozen=True, slots=True)
class KnownOpening:
    """An opening as it is stored."""

    team: str | None
    opened_on: date
    target_start_on: date | None
    closed_on: date | None
    close_reason: str | None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as one source tells of them. username: of the account, null where none is told."""

    attributes: Mapping[str, Any]
    username: str | None


class Known:
    """Read-only answers about what is stored; each is a snapshot of its own, from any thread."""

    def __init__(self, engine: Engine, source: str) -> None:
        self._engine = engine
        self._source = source
        self._lookups = Semaphore(LOOKUPS_AT_ONCE)

    def _rows(self, query: str, **parameters: Any) -> list[Row[Any]]:
        with self._lookups, self._engine.connect() as connection:
            return list(connection.execute(text(query), parameters))

    def positions(self) -> dict[str, KnownPosition]:
        """How far each scope of this source was read."""
        rows = self._rows(
            "SELECT scope, through, complete FROM positions WHERE source = :source",
            source=self._source,
        )
        return {row.scope: KnownPosition(row.through, row.complete) for row in rows}

    def quarantined(self) -> set[str]:
        """Addresses of this source's records that could not be read."""
        rows = self._rows(
            "SELECT address FROM quarantined_records WHERE source = :source", source=self._source
        )
        return {row.address for row in rows}

    def finished_runs(self) -> int:
        """How many runs of this source there were before this one, without those of marks alone."""
        rows = self._rows(
            "SELECT count(*) AS n FROM runs"
            " WHERE source = :source AND outcome <> 'running' AND kind <> 'marked'",
            source=self._source,
        )
        return int(rows[0].n)

    def teams(self) -> list[KnownTeam]:
        """All teams that are shown, whichever source they are from, by slug; the root is one."""
        rows = self._rows(
            "SELECT slug, name, parent, source FROM teams WHERE removed_at IS NULL ORDER BY slug"
        )
        return [KnownTeam(row.slug, row.name, row.parent, row.source) for row in rows]

    def openings(self) -> dict[str, KnownOpening]:
        """The openings that this source told of, by opening_id."""
        rows = self._rows(
            "SELECT opening_id, team, opened_on, target_start_on, closed_on, close_reason"
            " FROM openings WHERE source = :source",
            source=self._source,
        )
        return {
            row.opening_id: KnownOpening(
                team=row.team,
                opened_on=row.opened_on,
                target_start_on=row.target_start_on,
                closed_on=row.closed_on,
                close_reason=row.close_reason,
            )
            for row in rows
        }

    def people(self) -> dict[str, KnownPerson]:
        """The people of this source by person_id."""
        rows = self._rows(
            "SELECT p.person_id, p.attributes, min(i.username) AS username"
            " FROM people p LEFT JOIN identities i USING (source, person_id)"
            " WHERE p.source = :source GROUP BY p.source, p.person_id",
            source=self._source,
        )
        return {row.person_id: KnownPerson(row.attributes, row.username) for row in rows}

    def marks(self) -> dict[int, dict[int, datetime]]:
        """What this source said has changed: by project the numbers of merge requests, and when."""
        found: dict[int, dict[int, datetime]] = {}
        for row in self._rows(
            "SELECT project_id, iid, seen_at FROM marks WHERE source = :source",
            source=self._source,
        ):
            found.setdefault(row.project_id, {})[row.iid] = row.seen_at
        return found

    def accounts(self) -> list[int]:
        """Ids of all accounts, ascending."""
        return [row.id for row in self._rows("SELECT id FROM accounts ORDER BY id")]

    def vanished_accounts(self) -> set[int]:
        """Ids of the accounts that GitLab did not have any more when it was asked for them."""
        return {
            row.id for row in self._rows("SELECT id FROM accounts WHERE vanished_at IS NOT NULL")
        }

    def merge_requests_naming(
        self, account_ids: Collection[int], project_ids: Collection[int]
    ) -> dict[int, dict[int, int]]:
        """By project, the merge requests not deleted that one of the accounts wrote, merged, reviews
        or has a note on: id by number."""
        rows = self._rows(
            """
            SELECT project_id, id, iid FROM merge_requests
            WHERE deleted_at IS NULL AND project_id = ANY(:project_ids) AND id IN (
                SELECT id FROM merge_requests WHERE author_id = ANY(:account_ids)
                UNION SELECT id FROM merge_requests WHERE merge_user_id = ANY(:account_ids)
                UNION SELECT merge_request_id FROM reviewers WHERE account_id = ANY(:account_ids)
                UNION SELECT merge_request_id FROM notes WHERE author_id = ANY(:account_ids))
            """,
            account_ids=list(account_ids),
            project_ids=list(project_ids),
        )
        found: dict[int, dict[int, int]] = {}
        for row in rows:
            found.setdefault(row.project_id, {})[row.iid] = row.id
        return found

    def projects(self) -> dict[int, KnownProject]:
        """All projects by id, with the number of their merge requests."""
        rows = self._rows(
            """
            SELECT p.id, p.path, p.web_url, coalesce(m.n, 0) AS n,
                p.unreachable_since IS NOT NULL AS unreachable
            FROM projects p LEFT JOIN (
                SELECT project_id, count(*) AS n FROM merge_requests
                WHERE deleted_at IS NULL GROUP BY project_id
            ) m ON m.project_id = p.id
            """
        )
        return {
            row.id: KnownProject(row.id, row.path, row.web_url, row.n, row.unreachable)
            for row in rows
        }

    def merge_requests(self, ids: Collection[int]) -> dict[int, KnownMergeRequest]:
        """Those of the merge requests that are stored, deleted ones included."""
        return self._merge_requests("m.id = ANY(:ids)", ids=list(ids))

    def open_merge_requests(self, project_ids: Collection[int]) -> dict[int, KnownMergeRequest]:
        """The merge requests of these projects that are open as far as is known."""
        return self._merge_requests(
            "m.state IN ('opened', 'locked') AND m.deleted_at IS NULL"
            " AND m.project_id = ANY(:project_ids)",
            project_ids=list(project_ids),
        )

    def merged_without_paths(self, project_ids: Collection[int]) -> dict[int, dict[int, int]]:
        """By project, the merged merge requests whose changed paths were not read: number by id."""
        rows = self._rows(
            """
            SELECT project_id, id, iid FROM merge_requests
            WHERE project_id = ANY(:project_ids) AND state = 'merged' AND deleted_at IS NULL
              AND NOT changed_paths_read
            ORDER BY project_id, id
            """,
            project_ids=list(project_ids),
        )
        found: dict[int, dict[int, int]] = {}
        for row in rows:
            found.setdefault(row.project_id, {})[row.id] = row.iid
        return found

    def _merge_requests(self, condition: str, **parameters: Any) -> dict[int, KnownMergeRequest]:
        rows = self._rows(
            f"""
            SELECT m.id, m.project_id, m.iid, m.title, m.state, m.draft, m.labels, m.updated_at,
                m.notes_count, m.reviewer_rows_read, m.deleted_at IS NOT NULL AS deleted,
                r.accounts, r.times
            FROM merge_requests m LEFT JOIN LATERAL (
                SELECT array_agg(account_id) AS accounts, array_agg(created_at) AS times
                FROM reviewers WHERE merge_request_id = m.id
            ) r ON true
            WHERE {condition}
            """,  # noqa: S608 - the condition is one of the two above
            **parameters,
        )
        return {
            row.id: KnownMergeRequest(
                id=row.id,
                project_id=row.project_id,
                iid=row.iid,
                title=row.title,
                state=row.state,
                draft=row.draft,
                labels=row.labels,
                updated_at=row.updated_at,
                notes_count=row.notes_count,
                reviewer_rows_read=row.reviewer_rows_read,
                deleted=row.deleted,
                reviewers=dict(zip(row.accounts or (), row.times or (), strict=True)),
            )
            for row in rows
        }

    def merge_requests_of(self, project_id: int) -> Iterator[dict[int, str]]:
        """The web addresses by id of a project's merge requests not deleted, in portions: there may
        be more of them than a run should hold at once."""
        after = 0
        while True:
            rows = self._rows(
                "SELECT id, web_url FROM merge_requests"
                " WHERE project_id = :project_id AND deleted_at IS NULL AND id > :after"
                " ORDER BY id LIMIT :most",
                project_id=project_id,
                after=after,
                most=PORTION,
            )
            if rows:
                after = rows[-1].id
                yield {row.id: row.web_url for row in rows}
            if len(rows) < PORTION:
                return

    def created(
        self, project_ids: Collection[int], since: datetime | None, until: datetime | None
    ) -> dict[int, tuple[int, int]]:
        """(project, number in it) by id, of what is not deleted and was created from `since` to
        before `until`; None: from the beginning, to the end."""
        rows = self._rows(
            f"SELECT id, project_id, iid FROM merge_requests WHERE {CREATED}",  # noqa: S608 - a condition of our own
            project_ids=list(project_ids),
            since=since,
            until=until,
        )
        return {row.id: (row.project_id, row.iid) for row in rows}

    def numbers_stored(self, project_id: int, numbers: Collection[int]) -> set[int]:
        """Those of the numbers under which the project has a merge request that is not deleted."""
        rows = self._rows(
            "SELECT DISTINCT iid FROM merge_requests WHERE deleted_at IS NULL"
            " AND project_id = :project_id AND iid = ANY(:numbers)",
            project_id=project_id,
            numbers=list(numbers),
        )
        return {row.iid for row in rows}

    def stretches(
        self, project_id: int, since: datetime | None, until: datetime | None, most: int
    ) -> list[tuple[datetime, int]]:
        """What `created` finds in one project, in stretches of time with about as many in each.

        Answers the beginning of each stretch with the number in it, oldest first; at most `most`.
        A stretch ends where the next begins. What was created at one instant is never parted.
        """
        rows = self._rows(
            f"""
            WITH found AS (SELECT created_at FROM merge_requests WHERE {CREATED}),
            tiles AS (SELECT created_at, ntile(:most) OVER (ORDER BY created_at) AS tile FROM found),
            starts AS (SELECT DISTINCT min(created_at) AS start FROM tiles GROUP BY tile),
            ends AS (SELECT start, lead(start) OVER (ORDER BY start) AS following FROM starts)
            SELECT start, count(*) AS n FROM ends JOIN found
              ON created_at >= start AND (following IS NULL OR created_at < following)
            GROUP BY start ORDER BY start
            """,  # noqa: S608 - a condition of our own
            project_ids=[project_id],
            since=since,
            until=until,
            most=most,
        )
        return [(row.start, row.n) for row in rows]
