"""Several jobs in threads, their results in one stream: the reader of the stream sets the pace."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event
from typing import Generic, TypeVar

from collectors.retry import StoppedError

T = TypeVar("T")

Put = Callable[[T], None]
"""Hands a result on; waits while the reader of the stream is behind."""

BEHIND = 0.1
"""Seconds after which a job that waits for the reader looks whether the stream has ended."""


@dataclass(frozen=True, slots=True)
class _Ended(Generic[T]):
    """A job has ended, by itself or with an error."""

    error: BaseException | None


def side_by_side(
    jobs: Sequence[Callable[[Put[T]], None]], threads: int, stop: Callable[[], None]
) -> Iterator[list[T]]:
    """Runs the jobs and yields what they put, as much at a time as is ready, each job's in order.

    The first error of a job is raised here and ends the others. stop: called before their end is
    waited for, when the stream ends early; it must make them give up soon.
    """
    results: Queue[T | _Ended[T]] = Queue(maxsize=2 * threads)
    closed = Event()

    def put(result: T | _Ended[T]) -> None:
        while not closed.is_set():
            try:
                results.put(result, timeout=BEHIND)
                return
            except Full:
                continue
        raise StoppedError

    def run(job: Callable[[Put[T]], None]) -> None:
        error: BaseException | None = None
        try:
            job(put)
        except BaseException as raised:  # noqa: BLE001 - raised again where the stream is read
            error = raised
        if not closed.is_set():
            put(_Ended(error))

    pool = ThreadPoolExecutor(threads, thread_name_prefix="gitlab")
    running = len(jobs)
    try:
        for job in jobs:
            pool.submit(run, job)
        while running:
            ready, ended = _ready(results)
            running -= len(ended)
            if ready:
                yield ready
            for each in ended:
                if each.error is not None:
                    raise each.error
    finally:
        closed.set()
        if running:
            stop()
        pool.shutdown(cancel_futures=True)


def _ready(results: "Queue[T | _Ended[T]]") -> tuple[list[T], list[_Ended[T]]]:
    """Waits for one result and takes what else is there."""
    ready: list[T] = []
    ended: list[_Ended[T]] = []
    result = results.get()
    while True:
        if isinstance(result, _Ended):
            ended.append(result)
        else:
            ready.append(result)
        try:
            result = results.get_nowait()
        except Empty:
            return ready, ended
