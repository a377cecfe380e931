"""What keeps a server from a part of its work, and since when: a line of the log when it begins and ends."""

import threading
from collections.abc import Callable
from time import monotonic

import structlog

log = structlog.get_logger()

CLOCK_BEHIND = "clock_behind"
"""Our clock is behind what was collected."""


class Faults:
    """The faults of one process that are there now, each by one word; used by all threads.

    Everybody who meets a fault says so, and who finds it gone as well: the log has one line for each
    change, however many requests there are meanwhile.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._since: dict[str, float] = {}

    def begin(self, fault: str, reason: str) -> bool:
        """Notes that a fault is there; whether that is new. reason: what happened, for the log."""
        with self._turn:
            if fault in self._since:
                return False
            self._since[fault] = self._clock()
        log.warning("fault.began", fault=fault, reason=reason)
        return True

    def end(self, *faults: str) -> None:
        """Notes that faults are not there, or no longer."""
        if not self._since:  # as it is nearly always
            return
        for fault in faults:
            with self._turn:
                since = self._since.pop(fault, None)
            if since is not None:
                log.warning("fault.ended", fault=fault, seconds=round(self._clock() - since, 3))

    @property
    def present(self) -> tuple[str, ...]:
        """The faults that are there, always in the same order."""
        with self._turn:
            return tuple(sorted(self._since))
