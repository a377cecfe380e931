"""Records made up for the tests of the runner and of storing, and a run that collects them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import runner
from collectors.gitlab.records import (
    AccountRecord,
    MergeRequestRecord,
    NoteRecord,
    ProjectRecord,
    ReviewerRecord,
)
from collectors.record import Batch, Complete, Reached
from collectors.source import Context, Source

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


def account(id_: int, username: str, *, bot: bool = False, name: str = "") -> AccountRecord:
    return AccountRecord(
        id=id_, username=username, name=name or username.title(), email=None, bot=bot
    )


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
        "merge_user_id": None,
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
