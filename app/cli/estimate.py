"""How long something will still take, told only when that can be known, and without jumping about."""

from dataclasses import dataclass, field

SECONDS_BEFORE, SHARE_BEFORE = 5.0, 0.02
"""So long, and so much of the whole, has to have been seen before anything is said."""

RISE = 1.2
"""An estimate that was told rises only where the new one is longer by this factor: pages differ."""


@dataclass(slots=True)
class Estimate:
    """The remaining time of one count from where it was first seen with this total."""

    _begun: float = field(default=0.0, init=False)
    _from: int = field(default=0, init=False)
    _total: int | None = field(default=None, init=False)
    _ends: float | None = field(default=None, init=False)

    def seconds_left(self, done: int, total: int | None, now: float) -> float | None:
        """Seconds from now, by the pace so far; None: not known.

        total: None where it is not known. now: of a clock that only goes forward, in seconds.
        """
        if total is None:
            self._total = self._ends = None
            return None
        if self._total is None:
            self._begun, self._from, self._total = now, done, total
        seen, elapsed = done - self._from, now - self._begun
        if done >= total:
            return 0.0
        if elapsed < SECONDS_BEFORE or seen < max(1.0, SHARE_BEFORE * (total - self._from)):
            return None
        left = elapsed / seen * (total - done)
        told = None if self._ends is None else max(0.0, self._ends - now)
        if told is None or left < told or left > RISE * told:
            self._ends = now + left
            return left
        return told


def in_words(seconds: float | None) -> str:
    """`about 3 min left`; coarser the longer it is; empty where nothing is known or left."""
    if not seconds:
        return ""
    if seconds < 50:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} min left"
    return f"about {round(seconds / 3600)} h left"
