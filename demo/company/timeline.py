"""What happens at the company in the order of time, up to the moment at which the demo begins."""

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime

from demo.gitlab import MergeRequest

Event = Callable[[datetime], object]
Step = Callable[[MergeRequest, datetime], object]


class Timeline:
    """Events that are planned in any order and happen in the order of time.

    end: nothing that is planned for then or later happens.
    """

    def __init__(self, end: datetime) -> None:
        self.end = end
        self._events: list[tuple[datetime, int, Event]] = []
        self._planned = 0

    def plan(self, at: datetime, event: Event) -> None:
        """Plans an event; among those of one moment the first that was planned comes first."""
        if at < self.end:
            heapq.heappush(self._events, (at, self._planned, event))
            self._planned += 1

    def plan_story(
        self,
        at: datetime,
        begin: Callable[[datetime], MergeRequest],
        steps: Iterable[tuple[datetime, Step]],
    ) -> None:
        """Plans the opening of a merge request and what happens to it afterwards."""

        def open_it(now: datetime) -> None:
            change = begin(now)
            for later, step in steps:
                self.plan(later, _with(change, step))

        self.plan(at, open_it)

    def run(self) -> None:
        """Lets everything happen, what events plan on their way included."""
        while self._events:
            at, _, event = heapq.heappop(self._events)
            event(at)


def _with(change: MergeRequest, step: Step) -> Event:
    return lambda now: step(change, now)
