"""The runner against real Postgres: what is written, what is left alone, and what a failure leaves."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, text

from app.errors import AppError, LockedError
from app.settings import Settings
from app.store.engine import advisory_lock
from app.store.tables import Base, Membership, Person, Reviewer, Team
from collectors import runner
from collectors.gitlab.records import (
    AccountRecord,
    GoneRecord,
    MergeRequestRecord,
    NoteRecord,
    ProjectRecord,
    ReviewerRecord,
)
from collectors.record import Batch, Complete, Reached, Record, Refused
from collectors.source import Context, Progress, Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def source_of(*batches: Batch, failure: BaseException | None = None) -> Source:
    def fetch(context: Context) -> Iterator[Batch]:
        for batch in batches:
            context.counters.request("page")
            yield batch
        if failure is not None:
            raise failure

    return Source(name="made", title="Made up", fetch=fetch)


def collect(
    engine: Engine,
    *batches: Batch,
    failure: BaseException | None = None,
    now: datetime = NOW,
) -> runner.RunReport:
    source = source_of(*batches, failure=failure)
    return runner.run(engine, source, Settings(), full=False, started_at=now)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def clean(engine: Engine) -> None:
    """What a refresh does: takes the marks of change off."""
    with engine.begin() as connection:
        for table in ("accounts", "projects", "merge_requests"):
            connection.execute(text(f"UPDATE {table} SET dirty = false"))


def dirty(engine: Engine) -> dict[str, list[int]]:
    return {
        table: [row[0] for row in rows(engine, f"SELECT id FROM {table} WHERE dirty ORDER BY id")]
        for table in ("accounts", "projects", "merge_requests")
    }


def account(id_: int, username: str, *, bot: bool = False, name: str = "") -> AccountRecord:
    return AccountRecord(id=id_, username=username, name=name or username.title(), bot=bot)


def project(id_: int = 7, path: str = "acme/tools", *, archived: bool = False) -> ProjectRecord:
    return ProjectRecord(
        id=id_, path=path, name="Tools", web_url=f"https://git.test/{path}", archived=archived
    )


def merge_request(id_: int, **changes: Any) -> MergeRequestRecord:
    values: dict[str, Any] = {
        "id": id_,
        "project_id": 7,
        "iid": id_ - 100,
        "author_id": 1,
        "title": "Add a thing",
        "web_url": f"https://git.test/acme/tools/-/merge_requests/{id_ - 100}",
        "state": "opened",
        "draft": False,
        "labels": ("bug", "urgent"),
        "created_at": NOW - timedelta(days=3),
        "updated_at": NOW - timedelta(days=2),
        "merged_at": None,
        "closed_at": None,
        "notes_count": 1,
        "reviewer_rows_read": False,
        "deleted_at": None,
    }
    return MergeRequestRecord(**{**values, **changes})


def note(id_: int, merge_request_id: int, kind: str = "comment") -> NoteRecord:
    return NoteRecord(
        id=id_,
        merge_request_id=merge_request_id,
        author_id=1,
        kind=kind,
        created_at=NOW - timedelta(days=2),
        requested=(),
        removed=(),
        names=(),
    )


def reviewer(merge_request_id: int, account_id: int) -> ReviewerRecord:
    return ReviewerRecord(merge_request_id=merge_request_id, account_id=account_id, created_at=None)


def whole(ids: list[int]) -> list[Complete]:
    return [
        Complete(record=kind, column="merge_request_id", values=ids)
        for kind in (NoteRecord, ReviewerRecord)
    ]


def first_batch() -> Batch:
    return Batch(
        records=[
            note(1001, 101),
            reviewer(101, 2),
            merge_request(101),
            merge_request(102, state="merged", merged_at=NOW),
            account(1, "ada"),
            account(2, "ben"),
            project(),
        ],
        complete=whole([101, 102]),
        reached=[Reached(scope="group:acme", through=NOW, complete=True)],
    )


def test_records_are_stored_in_any_order_with_position_and_report(engine: Engine) -> None:
    report = collect(engine, first_batch())

    assert (report.outcome, report.status, report.failures) == ("done", 0, ())
    assert (report.rows_read, report.rows_new, report.rows_changed) == (7, 7, 0)
    assert report.requests_by_kind == {"page": 1}
    assert report.data_through == NOW
    assert rows(engine, "SELECT id, labels, merged_at FROM merge_requests ORDER BY id") == [
        (101, ["bug", "urgent"], None),
        (102, ["bug", "urgent"], NOW),
    ]
    assert rows(engine, "SELECT source, scope, through, complete FROM positions") == [
        ("made", "group:acme", NOW, True)
    ]
    assert rows(
        engine, "SELECT outcome, kind, data_through, requests, rows_new, message FROM runs"
    ) == [("done", "incremental", NOW, 1, 7, "")]


def test_the_same_again_touches_no_row(engine: Engine) -> None:
    tables = ("accounts", "projects", "merge_requests", "notes", "reviewers", "positions")
    collect(engine, first_batch())
    before = [rows(engine, f"SELECT xmin::text, xmax::text, ctid::text FROM {t}") for t in tables]

    report = collect(engine, first_batch(), now=LATER)

    assert (report.rows_new, report.rows_changed, report.rows_deleted) == (0, 0, 0)
    after = [rows(engine, f"SELECT xmin::text, xmax::text, ctid::text FROM {t}") for t in tables]
    assert after == before


def test_only_what_differs_becomes_dirty(engine: Engine) -> None:
    collect(engine, first_batch())
    everything = dirty(engine)
    clean(engine)
    collect(engine, first_batch())
    unchanged = dirty(engine)

    batch = Batch(
        records=[
            merge_request(101, title="Another"),
            merge_request(102, state="merged", merged_at=NOW),
        ]
    )
    report = collect(engine, batch)

    assert everything == {"accounts": [1, 2], "projects": [7], "merge_requests": [101, 102]}
    assert unchanged == {"accounts": [], "projects": [], "merge_requests": []}
    assert report.rows_changed == 1
    assert dirty(engine) == {"accounts": [], "projects": [], "merge_requests": [101]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (account(1, "ada", name="Ada L."), {"accounts": []}),
        (account(1, "lovelace"), {"accounts": [1]}),
        (account(1, "ada", bot=True), {"accounts": [1]}),
        (project(path="acme/gear"), {"projects": [7]}),
        (project(archived=True), {"projects": [7]}),
        (merge_request(101, notes_count=5), {"merge_requests": []}),
        (merge_request(101, labels=("bug",)), {"merge_requests": [101]}),
    ],
)
def test_the_mark_of_change_is_for_changes_that_decide_something(
    engine: Engine, change: Record, expected: dict[str, list[int]]
) -> None:
    collect(engine, first_batch())
    clean(engine)

    report = collect(engine, Batch(records=[change]))

    assert report.rows_changed == 1
    assert dirty(engine) == {
        "accounts": [],
        "projects": [],
        "merge_requests": [],
        **expected,
    }


def test_notes_and_reviewers_stir_their_merge_request(engine: Engine) -> None:
    collect(engine, first_batch())

    clean(engine)
    collect(engine, Batch(records=[note(1001, 101, "approved")]))
    changed = dirty(engine)["merge_requests"]
    clean(engine)
    collect(engine, Batch(records=[reviewer(102, 2)]))
    made = dirty(engine)["merge_requests"]
    clean(engine)
    report = collect(engine, Batch(complete=whole([101])))
    deleted = dirty(engine)["merge_requests"]

    assert (changed, made, deleted) == ([101], [102], [101])
    assert report.rows_deleted == 2
    assert rows(engine, "SELECT merge_request_id FROM reviewers") == [(102,)]


def test_the_last_of_several_records_for_one_row_holds(engine: Engine) -> None:
    report = collect(engine, Batch(records=[account(1, "ada"), account(1, "lovelace")]))

    assert rows(engine, "SELECT username FROM accounts") == [("lovelace",)]
    assert report.rows_new == 1


def test_a_record_for_known_rows_only_makes_none(engine: Engine) -> None:
    collect(engine, first_batch())
    clean(engine)

    batch = Batch(
        records=[GoneRecord(id=101, deleted_at=LATER), GoneRecord(id=999, deleted_at=LATER)]
    )
    report = collect(engine, batch)

    assert (report.rows_new, report.rows_changed) == (0, 1)
    assert rows(engine, "SELECT id, title, deleted_at FROM merge_requests ORDER BY id") == [
        (101, "Add a thing", LATER),
        (102, "Add a thing", None),
    ]
    assert dirty(engine)["merge_requests"] == [101]


def test_positions_move_forward_only_and_can_be_given_up(engine: Engine) -> None:
    def reached(through: datetime | None, complete: bool) -> Batch:
        return Batch(reached=[Reached(scope="a", through=through, complete=complete)])

    def position() -> list[tuple[Any, ...]]:
        return rows(engine, "SELECT through, complete FROM positions")

    collect(engine, reached(LATER, True), reached(NOW, False), reached(None, False))
    forward = position()
    collect(engine, Batch(forget=["a"]))

    assert forward == [(LATER, True)]
    assert position() == []


def test_quarantine_is_kept_once_and_ends_when_accepted(engine: Engine) -> None:
    refused = Batch(refused=[Refused(kind="note", address="acme/tools!1", reason="body is null")])

    first = collect(engine, refused)
    again = collect(engine, refused, now=LATER)
    kept = rows(engine, "SELECT source, address, kind, reason, seen_at FROM quarantined_records")
    last = collect(engine, Batch(accepted=["acme/tools!1", "acme/tools!2"]))

    assert (first.outcome, first.status, first.quarantined) == ("partial", 1, 1)
    assert first.data_through == NOW
    assert again.quarantined == 1
    assert kept == [("made", "acme/tools!1", "note", "body is null", NOW)]
    assert rows(engine, "SELECT * FROM quarantined_records") == []
    assert last.outcome == "done"


def test_what_was_stored_before_a_failure_stays(engine: Engine) -> None:
    failure = AppError("GitLab does not answer.", "Try later.")

    report = collect(engine, first_batch(), failure=failure)

    assert (report.outcome, report.status, report.data_through) == ("failed", 1, None)
    assert report.failures == (failure,)
    assert rows(engine, "SELECT count(*) FROM merge_requests") == [(2,)]
    assert rows(engine, "SELECT outcome, message, rows_new FROM runs") == [
        ("failed", "GitLab does not answer. Try later.", 7)
    ]


@pytest.mark.parametrize("holds_back", [True, False])
def test_a_part_that_failed_makes_the_run_partial(engine: Engine, holds_back: bool) -> None:
    def fetch(context: Context) -> Iterator[Batch]:
        context.fail(AppError("No group acme."), holds_back=holds_back)
        context.remark("Reviewer rows are not there.")
        context.remark("Reviewer rows are not there.")
        yield first_batch()

    source = Source(name="made", title="Made up", fetch=fetch)
    report = runner.run(engine, source, Settings(), full=True, started_at=NOW)

    assert (report.outcome, report.kind) == ("partial", "full")
    assert report.data_through == (None if holds_back else NOW)
    assert rows(engine, "SELECT message, kind FROM runs") == [
        ("No group acme.\nReviewer rows are not there.", "full")
    ]


def test_a_batch_is_stored_whole_or_not_at_all(engine: Engine) -> None:
    broken = Batch(
        records=[account(3, "cleo"), merge_request(103, author_id=99)],
        reached=[Reached(scope="group:acme", through=LATER, complete=True)],
    )

    report = collect(engine, first_batch(), broken)

    assert report.outcome == "failed"
    assert "foreign key" in str(report.failures[0])
    assert rows(engine, "SELECT id FROM accounts ORDER BY id") == [(1,), (2,)]
    assert rows(engine, "SELECT through FROM positions") == [(NOW,)]
    assert rows(engine, "SELECT outcome, rows_new FROM runs") == [("failed", 7)]


def test_an_interruption_travels_on_and_is_recorded(engine: Engine) -> None:
    with pytest.raises(KeyboardInterrupt):
        collect(engine, first_batch(), failure=KeyboardInterrupt())

    assert rows(engine, "SELECT outcome, message FROM runs") == [
        ("failed", "The run was ended by KeyboardInterrupt.")
    ]


def test_the_collector_is_closed_when_storing_fails(engine: Engine) -> None:
    closed = []

    def fetch(context: Context) -> Iterator[Batch]:
        try:
            yield Batch(records=[merge_request(103)])
            yield first_batch()
        finally:
            closed.append(True)

    source = Source(name="made", title="Made up", fetch=fetch)
    report = runner.run(engine, source, Settings(), full=False, started_at=NOW)

    assert report.outcome == "failed"
    assert closed == [True]


def test_a_second_run_of_the_source_is_turned_away(engine: Engine) -> None:
    with advisory_lock(engine, "collect:made", "the source made"), pytest.raises(LockedError) as e:
        collect(engine, first_batch())

    assert e.value.status == 75
    assert rows(engine, "SELECT count(*) FROM runs") == [(0,)]
    assert collect(engine, first_batch()).outcome == "done"


def test_the_row_of_a_killed_process_is_marked_failed(engine: Engine, database_url: str) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from datetime import UTC, datetime
        from app.settings import Settings
        from app.store.engine import make_engine
        from collectors import runner
        from collectors.record import Batch, Reached
        from collectors.source import Source

        def fetch(context):
            yield Batch(reached=[Reached(scope="a", through=context.started_at, complete=False)])
            print("stored", flush=True)
            time.sleep(600)

        runner.run(make_engine(sys.argv[1]), Source(name="made", title="Made up", fetch=fetch),
            Settings(), full=False, started_at=datetime(2026, 1, 1, tzinfo=UTC))
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "stored":
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()

    # The server frees the lock once it notices that the connection is gone.
    for _ in range(100):
        try:
            report = collect(engine)
            break
        except LockedError:
            with engine.connect() as connection:
                connection.execute(text("SELECT pg_sleep(0.05)"))

    assert report.outcome == "done"
    assert rows(engine, "SELECT outcome, message FROM runs ORDER BY id") == [
        ("failed", "The process ended before the run was over."),
        ("done", ""),
    ]
    assert rows(engine, "SELECT scope, complete FROM positions") == [("a", False)]


def test_progress_is_reported_with_the_counters(engine: Engine) -> None:
    seen: list[Progress] = []

    def fetch(context: Context) -> Iterator[Batch]:
        context.counters.request("page")
        context.counters.retry(1.5)
        yield first_batch()
        context.tell("merge requests", 2, 10)

    source = Source(name="made", title="Made up", fetch=fetch)
    report = runner.run(engine, source, Settings(), full=False, started_at=NOW, report=seen.append)

    assert seen == [
        Progress(
            source="made",
            what="merge requests",
            done=2,
            total=10,
            requests=1,
            rows_read=7,
            rows_new=7,
            rows_changed=0,
        )
    ]
    assert (report.retries, report.waited_seconds) == (1, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow(Record):
    """A team, as files tell it."""

    table: ClassVar[type[Base]] = Team
    key: ClassVar[tuple[str, ...]] = ("slug",)
    retires: ClassVar[str | None] = "removed_at"

    slug: str
    name: str
    parent: str | None
    owns: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow(Record):
    """A person, as files tell it."""

    table: ClassVar[type[Base]] = Person

    person_id: str
    name: str
    email: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRow(Record):
    """A membership, as files tell it."""

    table: ClassVar[type[Base]] = Membership

    person_id: str
    team: str
    valid_from: date
    valid_to: date | None
    role: str


def organisation(
    teams: list[TeamRow], people: list[str], memberships: list[tuple[str, str]]
) -> Batch:
    return Batch(
        records=[
            *(
                MembershipRow(
                    person_id=person,
                    team=team,
                    valid_from=date(2026, 1, 1),
                    valid_to=None,
                    role="member",
                )
                for person, team in memberships
            ),
            *(
                PersonRow(person_id=one, name=one, email=None, attributes={"gender": "x"})
                for one in people
            ),
            *teams,
        ],
        complete=[
            Complete(record=PersonRow),
            Complete(record=TeamRow, spare=["organisation"]),
            Complete(record=MembershipRow),
        ],
    )


def team(slug: str, parent: str | None = "organisation") -> TeamRow:
    return TeamRow(slug=slug, name=slug.title(), parent=parent, owns=["acme/**"])


def test_complete_lists_delete_or_retire_what_vanished(engine: Engine) -> None:
    def teams() -> list[tuple[Any, ...]]:
        return rows(engine, "SELECT slug, parent, removed_at FROM teams ORDER BY slug")

    # The child comes before its parent in the batch.
    collect(
        engine,
        organisation([team("db", "core"), team("core")], ["a", "b"], [("a", "db"), ("b", "core")]),
    )
    both = teams()
    gone = collect(engine, organisation([team("core")], ["a"], [("a", "core")]), now=LATER)
    retired = teams()
    again = collect(engine, organisation([team("core"), team("db")], ["a"], [("a", "core")]))

    assert both == [
        ("core", "organisation", None),
        ("db", "core", None),
        ("organisation", None, None),
    ]
    assert retired == [
        ("core", "organisation", None),
        ("db", "core", LATER),
        ("organisation", None, None),
    ]
    # b, both old memberships and the retired team; the new membership of a.
    assert (gone.rows_new, gone.rows_changed, gone.rows_deleted) == (1, 0, 4)
    assert teams() == [
        ("core", "organisation", None),
        ("db", "organisation", None),
        ("organisation", None, None),
    ]
    assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 1, 0)
    assert rows(engine, "SELECT person_id, attributes FROM people") == [("a", {"gender": "x"})]
    assert rows(engine, "SELECT person_id, team FROM memberships") == [("a", "core")]


def test_the_organisation_again_touches_no_row(engine: Engine) -> None:
    batch = organisation([team("core")], ["a"], [("a", "core")])
    collect(engine, batch)
    before = rows(engine, "SELECT xmin::text, ctid::text FROM teams")

    report = collect(engine, batch)

    assert (report.rows_new, report.rows_changed, report.rows_deleted) == (0, 0, 0)
    assert rows(engine, "SELECT xmin::text, ctid::text FROM teams") == before


def test_identities_follow_the_primary_key_of_their_table() -> None:
    assert ReviewerRecord.identity() == ("merge_request_id", "account_id")
    assert TeamRow.identity() == ("slug",)
    assert ReviewerRecord.table is Reviewer
