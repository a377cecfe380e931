"""GitLab's clock beside ours, read off the `Date` of its first good answer: positions are in its time."""

from datetime import UTC, datetime, timedelta
from threading import Lock

ONE_SECOND = timedelta(seconds=1)
"""`Date` is written in whole seconds."""

IMPLAUSIBLE = timedelta(days=1)
"""Clocks so far apart let no certificate be checked: the answer came out of some cache."""


class ServerClock:
    """How far GitLab's clock is ahead of ours; nothing as long as the two can be the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offset: timedelta | None = None

    def note(self, date: datetime | None, sent: datetime, received: datetime) -> None:
        """Takes over what an answer tells; the first one decides, it is next to the run's beginning.

        date: the answer's; None: it has none. sent, received: by our clock.
        """
        if date is None:
            return
        # GitLab wrote the date between the two, and cut off what there was of a second.
        at_least, at_most = date - received, date + ONE_SECOND - sent
        with self._lock:
            if self._offset is None:
                agrees = at_least <= timedelta(0) <= at_most or abs(at_least) > IMPLAUSIBLE
                self._offset = timedelta(0) if agrees else at_least

    @property
    def offset(self) -> timedelta:
        """By how much GitLab's clock is ahead at least; negative: it is behind."""
        with self._lock:
            return self._offset or timedelta(0)

    def now(self) -> datetime:
        """The present by GitLab's clock, in UTC; rather too early than too late."""
        return datetime.now(UTC) + self.offset
