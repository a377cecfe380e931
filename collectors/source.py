"""A source and what it is given for a run: settings, what is known already, and where to report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Any, Protocol

import structlog

from app.errors import AppError
from app.settings import Settings
from collectors.known import Known
from collectors.pace import Pace
from collectors.record import Batch

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. done, total: of what is read now, in its own unit; total None: not known."""

    source: str
    what: str
    done: int
    total: int | None
    requests: int
    rows_read: int
    rows_new: int
    rows_changed: int


class Counters:
    """What a source's transport counts; threads share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: dict[str, int] = {}
        self._retries = 0
        self._waited = 0.0

    def request(self, kind: str) -> None:
        """Counts one request, whatever its answer. kind: what it asks for."""
        with self._lock:
            self._requests[kind] = self._requests.get(kind, 0) + 1

    def retry(self, waited: float) -> None:
        """Counts one repetition and the seconds that were waited before it."""
        with self._lock:
            self._retries += 1
            self._waited += waited

    def add(self, requests: Mapping[str, int], retries: int, waited: float) -> None:
        """Adds what others counted."""
        with self._lock:
            for kind, number in requests.items():
                self._requests[kind] = self._requests.get(kind, 0) + number
            self._retries += retries
            self._waited += waited

    def take(self) -> tuple[dict[str, int], int, float]:
        """Requests by kind, retries and seconds waited so far; from here it counts anew."""
        with self._lock:
            taken = (self._requests, self._retries, self._waited)
            self._requests, self._retries, self._waited = {}, 0, 0.0
        return taken

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests by kind, so far."""
        with self._lock:
            return MappingProxyType(dict(self._requests))

    @property
    def retries(self) -> int:
        """Repeated requests, so far."""
        return self._retries

    @property
    def waited(self) -> float:
        """Seconds waited between repetitions, so far, summed over all threads."""
        return self._waited


@dataclass(frozen=True, slots=True)
class Handed:
    """A piece of a run that another process can do. fields: what JSON can carry."""

    kind: str
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Context:
    """What the collector of one source is given for one run.

    known: read-only answers about what is stored.
    full: read everything again, whatever is known. marked: read only what was marked.
    started_at: the run's beginning, by our clock. ahead: how far the source's clock is ahead of it.
    tell: called with (what is being read, done, total) for progress bars.
    hand_out: has pieces of the run done by whoever has time, and comes back when all are done; what
        they could not read is noted here. Raises AppError where one ended the run. None: there is
        nobody else, the run does them itself.
    pace: makes what keeps the rate limit of a token at an address, together with others that use it.
    on_stop: takes a method to be called when the process is told to end.
    """

    settings: Settings
    known: Known
    full: bool
    started_at: datetime
    counters: Counters = field(default_factory=Counters)
    tell: Callable[[str, int, int | None], None] = lambda what, done, total: None
    failures: list[AppError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    held_back: bool = False
    ahead: timedelta = timedelta(0)
    marked: bool = False
    hand_out: Callable[[Sequence[Handed]], None] | None = None
    on_stop: Callable[[Callable[[], None]], None] = lambda call: None
    pace: Callable[[str, str], Pace | None] = lambda address, token: None

    @property
    def kind(self) -> str:
        """That of the run, as in `runs.kind`."""
        if self.marked:
            return "marked"
        return "full" if self.full else "incremental"

    def fail(self, error: AppError, *, holds_back: bool) -> None:
        """Notes that part of the source could not be read; the rest goes on.

        holds_back: what is stored of that part is no longer up to date, so that the run must
            not count as having brought the source up to its beginning.
        """
        log.warning("collect.failed_part", message=str(error))
        self.failures.append(error)
        self.held_back = self.held_back or holds_back

    def remark(self, sentence: str) -> None:
        """Says something about the run once; it is no failure."""
        if sentence not in self.remarks:
            log.warning("collect.remark", message=sentence)
            self.remarks.append(sentence)


class Helper(Protocol):
    """Does pieces of one run in a process that is not the run's own; several threads may call it."""

    def work(self, context: Context, handed: Handed, put: Callable[[Batch], None]) -> None:
        """Does one piece. context: of this piece alone; its `put` stores.

        Raises AppError when the whole run cannot go on, StoppedError after `stop`.
        """

    def stop(self) -> None:
        """Makes every `work` under way, and every later one, raise StoppedError soon."""

    def close(self) -> None:
        """Ends threads and connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that can be collected.

    name: as on the command line and in `runs.source`. title: as people call it.
    fetch: yields what there is to store; raises AppError when it cannot go on at all.
    marked: yields only what was marked to be read next; None: it has no marks.
    helper: makes what does the pieces that `fetch` hands out, for one run in one process. Its context
        counts what all of them ask for. None: it hands out none.
    """

    name: str
    title: str
    fetch: Callable[[Context], Iterator[Batch]]
    helper: Callable[[Context], Helper] | None = None
    marked: Callable[[Context], Iterator[Batch]] | None = None
