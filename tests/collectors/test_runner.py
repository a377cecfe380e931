"""The runner against real Postgres: lock, position, report, and what a failure leaves."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from app.errors import AppError, LockedError
from app.settings import Settings
from app.store.engine import advisory_lock
from collectors import runner
from collectors.record import Batch, Reached, Refused
from collectors.source import Context, Progress, Source
from tests.collectors.made import (
    LATER,
    NOW,
    account,
    collect,
    first_batch,
    merge_request,
    rows,
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


def test_the_log_tells_what_the_run_s_row_tells(engine: Engine) -> None:
    refused = Refused(kind="note", address="https://git.test/1", reason="odd")
    with capture_logs() as events:
        report = collect(engine, first_batch(), Batch(refused=[refused]))
    [told] = [each for each in events if each["event"] == "collect.finished"]
    columns: tuple[str, ...] = (
        *("requests", "requests_by_kind", "rows_read", "rows_new", "rows_changed"),
        *("rows_deleted", "quarantined", "retries", "waited_seconds", "seconds"),
    )
    [row] = rows(engine, f"SELECT {', '.join(columns)} FROM runs")
    assert row[:-1] == tuple(getattr(report, name) for name in columns[:-1])
    assert row[:2] == (2, {"page": 2})
    assert row[-1] == report.seconds > 0
    logged = [told.get(name, told.get(name.removeprefix("rows_"))) for name in columns]
    assert logged[:-1] == list(row[:-1])
    assert logged[-1] == pytest.approx(row[-1], abs=0.001)
    assert (told["source"], told["kind"], told["outcome"]) == ("made", "incremental", "partial")


def test_what_was_asked_before_a_failure_is_counted(engine: Engine) -> None:
    def fetch(context: Context) -> Iterator[Batch]:
        context.counters.request("page")
        yield first_batch()
        context.counters.request("page")
        context.counters.request("survey")
        context.counters.retry(0.5)
        raise AppError("It ended.")

    made = Source(name="made", title="Made up", fetch=fetch)
    runner.run(engine, made, Settings(), full=False, started_at=NOW)

    assert rows(
        engine, "SELECT outcome, requests, requests_by_kind, retries, waited_seconds FROM runs"
    ) == [("failed", 3, {"page": 2, "survey": 1}, 1, 0.5)]


def test_a_run_ends_when_its_lock_is_lost(engine: Engine) -> None:
    """The database went away and came back: by now another run may be at work."""
    lost = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks"
        " WHERE locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )

    def fetch(context: Context) -> Iterator[Batch]:
        yield Batch(records=[account(1, "ada")])
        assert rows(engine, lost) == [(1,)]
        yield Batch(records=[account(2, "ben")])

    made = Source(name="made", title="Made up", fetch=fetch)
    report = runner.run(engine, made, Settings(), full=False, started_at=NOW)

    assert report.outcome == "failed"
    assert "The database did not store what made sent" in str(report.failures[0])
    assert rows(engine, "SELECT id FROM accounts") == [(1,)]
    assert rows(engine, "SELECT outcome FROM runs") == [("failed",)]


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
    held = "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database()"
    while rows(engine, f"{held} WHERE locktype = 'advisory'"):
        pass
    report = collect(engine)

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
