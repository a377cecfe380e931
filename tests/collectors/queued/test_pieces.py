"""A run that hands out pieces and whoever does them, in one process: results, failures, and who may write."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.errors import AppError
from app.settings import Settings
from app.store import queue
from app.store.engine import sessions
from collectors import runner
from collectors.queued.handing_out import HandingOut
from collectors.queued.helping import Helping
from collectors.record import Batch, Refused
from collectors.retry import StoppedError
from collectors.source import Context, Handed, Helper, Source
from collectors.storing import Stored
from tests.collectors.made import NOW, account, rows

Work = Callable[[Context, Handed, Callable[[Batch], None]], None]


def one_account(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
    """What an ordinary piece does: it asks, and puts what it was told."""
    put(Batch(records=[account(handed.fields["id"], f"user{handed.fields['id']}")]))


@dataclass
class Made:
    """A source whose runs hand out one piece for each number, and what does them."""

    engine: Engine
    numbers: range
    work: Work = one_account
    stopping: Event = field(default_factory=Event)
    silent: float = 60.0

    def source(self) -> Source:
        def fetch(context: Context) -> Iterator[Batch]:
            context.counters.request("list")
            assert context.hand_out is not None
            context.hand_out([Handed("one", {"id": number}) for number in self.numbers])
            yield Batch(records=[account(1_000, "last")])

        return Source(name="made", title="Made up", fetch=fetch, helper=self.helper)

    def helper(self, context: Context) -> Helper:
        made = self

        class Counting:
            def work(self, own: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
                context.counters.request("piece")
                made.work(own, handed, put)

            def stop(self) -> None:
                raise AssertionError

            def close(self) -> None:
                context.counters.request("closed")

        return Counting()

    def helping(self) -> Helping:
        return Helping(self.engine, Settings(), {"made": self.source()}, lambda call: None)

    def run(self) -> runner.RunReport:
        def prepare(run_id: int, context: Context, total: Stored) -> None:
            context.hand_out = HandingOut(
                self.engine, run_id, context, total, silent=self.silent, stopping=self.stopping
            )

        return runner.run(
            self.engine, self.source(), Settings(), full=False, started_at=NOW, prepare=prepare
        )

    @contextmanager
    def running(self) -> Iterator[Callable[[], runner.RunReport]]:
        """A run in another thread, whose pieces are in the queue; what gives its report."""
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(self.run)
            pause = Event()
            while len(self.pieces()) < len(self.numbers):
                assert not report.done(), report.result()
                pause.wait(0.01)
            try:
                yield lambda: report.result(timeout=30)
            finally:
                self.stopping.set()

    def pieces(self) -> list[int]:
        return [row[0] for row in rows(self.engine, "SELECT id FROM work_items ORDER BY id")]


@pytest.fixture
def made(engine: Engine) -> Made:
    return Made(engine, range(1, 6))


def accounts(engine: Engine) -> list[int]:
    return [row[0] for row in rows(engine, "SELECT id FROM accounts ORDER BY id")]


def test_pieces_are_done_by_others_and_counted_with_the_run(made: Made, engine: Engine) -> None:
    one, other = made.helping(), made.helping()
    with made.running() as report:
        jobs = rows(engine, "SELECT task_name, queue_name, args FROM queue.procrastinate_jobs")
        pieces = made.pieces()
        assert jobs == [("work", "items", {"item": piece}) for piece in pieces]
        for piece in pieces[:3]:
            one.work(piece)
        for piece in pieces:
            other.work(piece)  # the first three are done already
        done = report()
    assert (done.outcome, done.failures) == ("done", ())
    assert done.requests_by_kind == {"list": 1, "piece": 5}
    assert (done.rows_read, done.rows_new) == (6, 6)
    assert accounts(engine) == [*made.numbers, 1_000]
    assert rows(engine, "SELECT requests, rows_new, outcome FROM runs") == [(6, 6, "done")]
    assert made.pieces() == []


def test_what_a_piece_could_not_read_is_the_runs(made: Made, engine: Engine) -> None:
    def work(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        number = handed.fields["id"]
        if number == 2:
            context.fail(AppError("Two is out.", "Ask again."), holds_back=True)
        if number == 3:
            put(Batch(refused=[Refused(kind="made", address="three", reason="odd")]))
        if number == 4:
            context.remark("Four was late.")

    made.work = work
    helping = made.helping()
    with made.running() as report:
        for piece in made.pieces():
            helping.work(piece)
        done = report()
    assert (done.outcome, done.data_through, done.quarantined) == ("partial", None, 1)
    assert [str(each) for each in done.failures] == ["Two is out. Ask again."]
    assert done.remarks == ("Four was late.",)
    assert rows(engine, "SELECT address FROM quarantined_records") == [("three",)]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            AppError("The token has expired.", "Make another."),
            "The token has expired. Make another.",
        ),
        (KeyError("odd"), "A piece of the run (one) was ended by KeyError"),
    ],
)
def test_a_piece_that_cannot_go_on_ends_the_run(
    made: Made, engine: Engine, error: Exception, sentence: str
) -> None:
    def work(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        put(Batch(records=[account(handed.fields["id"], "kept")]))
        raise error

    made.work = work
    helping = made.helping()
    with made.running() as report:
        first, second, *_ = made.pieces()
        helping.work(first)
        done = report()
    assert done.outcome == "failed"
    assert str(done.failures[-1]).startswith(sentence)
    assert done.requests_by_kind == {"list": 1, "piece": 1}
    # What was read until then is kept; the rest was taken back, and is not done any more.
    helping.work(second)
    assert accounts(engine) == [1]


def test_who_was_taken_for_dead_and_is_not_stores_nothing(made: Made, engine: Engine) -> None:
    one, other = made.helping(), made.helping()
    begun: list[int] = []

    def work(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        begun.append(handed.fields["id"])
        if len(begun) == 1:  # silent for so long that another one does it, who is done first
            other.work(piece)
            put(Batch(records=[account(1, "outdated")]))
            raise AssertionError("It was told that it is not the one any more.")
        put(Batch(records=[account(1, "present")]))

    made.numbers = range(1, 2)
    made.work = work
    with made.running() as report:
        [piece] = made.pieces()
        one.work(piece)
        assert report().outcome == "done"
    assert begun == [1, 1]
    assert rows(engine, "SELECT username FROM accounts WHERE id = 1") == [("present",)]


def test_a_process_that_ends_gives_its_piece_back(made: Made, engine: Engine) -> None:
    stopped = True

    def work(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        if stopped:
            raise StoppedError
        one_account(context, handed, put)

    made.work = work
    helping = made.helping()
    with made.running() as report:
        pieces = made.pieces()
        with pytest.raises(StoppedError):
            helping.work(pieces[0])
        stopped = False
        for piece in pieces:
            helping.work(piece)
        assert report().outcome == "done"
    assert accounts(engine) == [*made.numbers, 1_000]


def test_a_run_that_is_told_to_end_takes_its_pieces_back(made: Made, engine: Engine) -> None:
    helping = made.helping()
    with made.running() as report:
        pieces = made.pieces()
        made.stopping.set()
        with pytest.raises(StoppedError):
            report()
    helping.work(pieces[0])
    assert accounts(engine) == []
    assert rows(engine, "SELECT outcome, message FROM runs") == [
        ("failed", "The run was ended by StoppedError.")
    ]


def test_the_pieces_of_a_run_that_died_are_not_done_any_more(made: Made, engine: Engine) -> None:
    """A helper stores for a run whose process is gone until the next run begins, and not after that."""
    helping = made.helping()
    with sessions(engine).begin() as session:
        session.execute(
            text(
                "INSERT INTO runs (source, kind, started_at, outcome)"
                " VALUES ('made', 'incremental', now(), 'running')"
            )
        )
        session.execute(
            text("INSERT INTO work_items (run_id, kind, fields) VALUES (1, 'one', '{\"id\": 77}')")
        )
    [orphan] = made.pieces()

    def work(context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        if handed.fields["id"] == 77:
            with made.running() as report:
                second = made.helping()
                for piece in made.pieces():
                    second.work(piece)
                assert report().outcome == "done"
        one_account(context, handed, put)

    made.work = work
    helping.work(orphan)
    assert accounts(engine) == [*made.numbers, 1_000]


def test_a_piece_whose_job_is_gone_is_put_into_the_queue_again(made: Made, engine: Engine) -> None:
    made.silent = 0.1
    made.numbers = range(1, 2)
    with made.running() as report:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL search_path TO queue"))
            connection.execute(text("DELETE FROM procrastinate_jobs"))
        pause = Event()
        while not rows(engine, "SELECT 1 FROM queue.procrastinate_jobs"):
            pause.wait(0.02)
        [(arguments,)] = rows(engine, "SELECT args FROM queue.procrastinate_jobs")
        made.helping().work(arguments["item"])
        assert report().outcome == "done"


def test_jobs_of_a_silent_worker_are_given_back_and_no_others(engine: Engine) -> None:
    with sessions(engine).begin() as session:
        ids = queue.enqueue(session, queue.WORK, [{"item": n} for n in range(4)])
        session.execute(text("SET LOCAL search_path TO queue"))
        for heartbeat, job in (("1 hour", ids[0]), ("1 second", ids[1])):
            worker = session.scalar(
                text("SELECT worker_id FROM procrastinate_register_worker_v1()")
            )
            session.execute(
                text(
                    "UPDATE procrastinate_workers SET last_heartbeat = now() - :ago ::interval"
                    " WHERE id = :worker"
                ),
                {"ago": heartbeat, "worker": worker},
            )
            session.execute(
                text(
                    "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"
                    " WHERE id = :job"
                ),
                {"worker": worker, "job": job},
            )
        # Of one whose worker has been forgotten altogether.
        session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :job"), {"job": ids[2]}
        )
    with sessions(engine).begin() as session:
        assert queue.give_back(session, 30) == 2
    found = rows(engine, "SELECT status::text FROM queue.procrastinate_jobs ORDER BY id")
    assert [status for (status,) in found] == ["todo", "doing", "todo", "todo"]
    with sessions(engine).begin() as session:
        assert queue.give_back(session, 30) == 0


def test_what_waits_already_is_not_put_in_again_and_spoils_nothing(engine: Engine) -> None:
    with sessions(engine).begin() as session:
        assert queue.enqueue_run(session, "made", full=False)
    with sessions(engine).begin() as session:
        session.execute(
            text(
                "INSERT INTO runs (source, kind, started_at, outcome)"
                " VALUES ('made', 'full', now(), 'done')"
            )
        )
        assert not queue.enqueue_run(session, "made", full=True)
    found: list[Any] = rows(engine, "SELECT args FROM queue.procrastinate_jobs")
    assert found == [({"source": "made", "full": False},)]
    assert rows(engine, "SELECT kind FROM runs") == [("full",)]
