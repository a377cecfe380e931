"""How often somebody may ask: a window that slides, in a process's own memory."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic

REMEMBERED = 10_000
"""Askers that are remembered; whoever asked least recently is forgotten first."""


@dataclass(slots=True)
class _Window:
    """number: which one it is since the clock's beginning. count: asked in it, before: in the last."""

    number: int
    count: int = 0
    before: int = 0


class Rate:
    """At most so many questions of one asker in so many seconds. For one thread.

    What was asked in the window before counts by the share of it that the sliding window still covers:
    two numbers for each asker, however much they ask. A question that is refused does not count.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        *,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._remembered = remembered
        self._clock = clock
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

    def take(self, asker: Hashable) -> int:
        """Counts a question; answers 0, or in how many whole seconds they may ask it again."""
        wait = self.wait(asker)
        if wait == 0:
            self._window(asker).count += 1
        return wait

    def wait(self, asker: Hashable) -> int:
        """In how many whole seconds they may ask; 0: now. Counts nothing."""
        passed = self._clock() / self._seconds
        window = self._window(asker)
        into = passed - window.number
        if window.before * (1 - into) + window.count < self._most:
            return 0
        if window.count < self._most:
            free_at = 1 - (self._most - window.count) / window.before
        else:
            free_at = 1 + 1 - self._most / window.count
        # The whole second after it: at that very moment it is not free yet.
        return max(1, math.floor((free_at - into) * self._seconds + 1e-6) + 1)

    def _window(self, asker: Hashable) -> _Window:
        number = math.floor(self._clock() / self._seconds)
        window = self._windows.get(asker)
        if window is None:
            window = self._windows[asker] = _Window(number)
            if len(self._windows) > self._remembered:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(asker)
        if window.number != number:
            window.before = window.count if window.number == number - 1 else 0
            window.number, window.count = number, 0
        return window

    def __len__(self) -> int:
        """How many askers are remembered."""
        return len(self._windows)
