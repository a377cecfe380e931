"""Changes of a company's merge requests, written as the collectors write them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.store.engine import copy_rows, sessions
from benchmarks import company

LAST = datetime.combine(company.END, datetime.min.time(), UTC)
"""The begin of the day that passes."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

SHARES = (("new", 0.3), ("merged", 0.25), ("closed", 0.05), ("asked", 0.2), ("labelled", 0.2))
"""What happens while time passes, as shares of what changes."""

CORRECTIONS = (("asked", 0.25), ("remark", 0.25), ("labelled", 0.2), ("later", 0.2), ("gone", 0.1))
"""What is learned late, as shares of what changes."""


def a_day(engine: Engine, count: int) -> None:
    """The day after the last one passes."""
    _pass(engine, count, LAST, DAY)


def an_hour(engine: Engine, count: int) -> None:
    """The first hour of the day after that passes: no day ends."""
    _pass(engine, count, LAST + DAY, HOUR)


def _pass(engine: Engine, count: int, begin: datetime, length: timedelta) -> None:
    """Time passes: some merge requests are new; of the open ones, the newest first, some are merged,
    closed, labelled, or a review is asked for. The sources are collected up to its end."""
    random = np.random.default_rng(11)
    seconds = int(length.total_seconds())
    with sessions(engine).begin() as session:
        open_ones = list(
            session.scalars(
                text(
                    "SELECT id FROM merge_requests WHERE state = 'opened'"
                    " ORDER BY created_at DESC LIMIT :count"
                ),
                {"count": count},
            )
        )
        portions = dict(_portions(SHARES, count, open_ones))
        _new(session, count - sum(map(len, portions.values())), random, begin, length)
        moments = [begin + timedelta(seconds=int(s)) for s in random.integers(1, seconds, count)]
        for state, column in (("merged", "merged_at"), ("closed", "closed_at")):
            _update(
                session,
                f"state = '{state}', {column} = :moment, updated_at = :moment",
                portions[state],
                moments,
            )
        _toggle_label(session, portions["labelled"])
        _note(session, "review_request", portions["asked"], moments, random)
        through = begin + length
        columns = ("source", "kind", "started_at", "finished_at", "outcome", "data_through")
        runs = [
            (name, "incremental", through, through, "done", through) for name in ("files", "gitlab")
        ]
        copy_rows(session, "runs", columns, runs)


def corrections(engine: Engine, count: int) -> None:
    """What is learned late, after that hour, of merge requests of all ten years, without any time
    passing: requests for review and remarks near their begin, other labels, another end; some were
    deleted."""
    random = np.random.default_rng(13)
    with sessions(engine).begin() as session:
        newest = session.scalar(text("SELECT max(id) FROM merge_requests")) or 0
        chosen = random.choice(np.arange(1, newest + 1), count, replace=False).tolist()
        portions = dict(_portions(CORRECTIONS, count, chosen))
        rows = session.execute(
            text("SELECT id, created_at FROM merge_requests WHERE id = ANY(:ids)"), {"ids": chosen}
        )
        begins = {key: created_at for key, created_at in rows}  # noqa: C416 - rows are not pairs
        for name, kind in (("asked", "review_request"), ("remark", "comment")):
            moments = [begins[key] + timedelta(minutes=5) for key in portions[name]]
            _note(session, kind, portions[name], moments, random)
        _toggle_label(session, portions["labelled"])
        for column in ("merged_at", "closed_at"):
            # Nothing ends after what was collected.
            session.execute(
                text(
                    f"UPDATE merge_requests SET {column} = least({column} + interval '9 hours',"
                    " CAST(:last AS timestamptz))"
                    f" WHERE id = ANY(:ids) AND {column} IS NOT NULL"
                ),
                {"ids": portions["later"], "last": LAST + DAY + HOUR},
            )
        session.execute(
            text("UPDATE merge_requests SET deleted_at = now() WHERE id = ANY(:ids)"),
            {"ids": portions["gone"]},
        )


def _portions(
    shares: tuple[tuple[str, float], ...], count: int, ids: list[int]
) -> Iterator[tuple[str, list[int]]]:
    """Ids for each kind of change but the new ones."""
    first = 0
    for name, share in shares:
        if name != "new":
            size = max(1, round(count * share))
            yield name, ids[first : first + size]
            first += size


def _update(session: Session, change: str, ids: list[int], moments: list[datetime]) -> None:
    """One after another, as the collectors' upsert has them. change: our own SQL with :moment."""
    session.execute(
        text(f"UPDATE merge_requests SET {change} WHERE id = :id"),
        [{"id": key, "moment": at} for key, at in zip(ids, moments, strict=False)],
    )


def _toggle_label(session: Session, ids: list[int]) -> None:
    session.execute(
        text(
            "UPDATE merge_requests SET labels ="
            " CASE WHEN :label = ANY(labels) THEN CAST('{}' AS text[]) ELSE array[:label] END"
            " WHERE id = ANY(:ids)"
        ),
        {"label": company.LABEL, "ids": ids},
    )


def _note(
    session: Session,
    kind: str,
    ids: list[int],
    moments: list[datetime],
    random: np.random.Generator,
) -> None:
    """A note on each; who writes it and who is asked is chosen at random."""
    first = (session.scalar(text("SELECT max(id) FROM notes")) or 0) + 1
    people = session.scalar(text("SELECT count(*) FROM accounts")) or 0
    columns = ("id", "merge_request_id", "author_id", "kind", "created_at", "requested", "names")
    rows = []
    for number, (key, at) in enumerate(zip(ids, moments, strict=False), first):
        author, asked = (int(each) for each in random.integers(1, people + 1, 2))
        names = [f"user-{asked - 1}"] if kind == "review_request" else []
        rows.append((number, key, author, kind, at, names, names))
    copy_rows(session, "notes", columns, rows)


def _new(
    session: Session,
    count: int,
    random: np.random.Generator,
    begin: datetime,
    length: timedelta,
) -> None:
    """Merge requests that were created in the time that passes; of each a review is asked for."""
    half = int(length.total_seconds()) // 2
    first = (session.scalar(text("SELECT max(id) FROM merge_requests")) or 0) + 1
    people = session.scalar(text("SELECT count(*) FROM accounts")) or 0
    projects = session.scalar(text("SELECT count(*) FROM projects")) or 0
    ids = list(range(first, first + count))
    moments = [begin + timedelta(seconds=int(s)) for s in random.integers(1, half, count)]
    columns = (
        "id",
        "project_id",
        "iid",
        "author_id",
        "title",
        "web_url",
        "state",
        "draft",
        "labels",
        "created_at",
        "updated_at",
    )
    copy_rows(
        session,
        "merge_requests",
        columns,
        (
            (
                key,
                int(random.integers(1, projects + 1)),
                key,
                int(random.integers(1, people + 1)),
                f"Change {key}",
                "",
                "opened",
                False,
                [],
                at,
                at,
            )
            for key, at in zip(ids, moments, strict=True)
        ),
    )
    later = [at + length / 12 for at in moments]
    _note(session, "review_request", ids, later, random)
