"""Switches for what goes wrong: each is used up by the requests that it meets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any

from demo.gitlab.answer import Request


class Kind(Enum):
    """What a fault does to an answer."""

    ANSWER = "another status instead"
    DROP = "the connection ends in the middle of the body"
    TRUNCATE = "the body ends in the middle, as if it were whole"
    TIME_OUT = "GraphQL gives up on its first field"
    CHANGE = "the JSON of the answer is another"
    LATE = "the answer comes so many seconds later"


@dataclass(slots=True)
class Fault:
    """One switched fault.

    times: how many requests it meets, None for all; skip: how many it lets through before.
    only: graphql, rest or empty for both; match: a further condition.
    change: from the JSON of the answer to what is sent instead. seconds: of a late answer.
    """

    kind: Kind
    times: int | None = 1
    skip: int = 0
    only: str = ""
    match: Callable[[Request], bool] | None = None
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    change: Callable[[Any], Any] | None = None
    seconds: float = 0.0

    def meets(self, request: Request) -> bool:
        """Whether this request is of the sort that the fault is for."""
        if self.only and request.kind != self.only:
            return False
        return self.match is None or self.match(request)


class Faults:
    """The faults that are switched on; the first that fits a request is taken."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switches a fault on, after those that are on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switches all faults off."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> int:
        """How many faults are still on."""
        with self._lock:
            return len(self._faults)

    def next(self, request: Request) -> Fault | None:
        """The fault that this request meets, counted as used."""
        with self._lock:
            for fault in self._faults:
                if not fault.meets(request):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None
