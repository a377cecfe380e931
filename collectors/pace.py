"""The rate limit of a token, kept in the database for every process that asks with it.

What a source tells about its limit is known after an answer; by then other threads, other processes and
other machines have begun requests of their own. So where a limit comes near, each request takes its place
in the window from one row before it begins. Far from the limit nothing is looked up.
"""

import hashlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Engine, text

from collectors.retry import asked_wait, date_of

SMALL = 200
"""Requests in a window: below it the first ones that are under way at once may be all there are."""

WHOLE_SECONDS = 1.0
"""What the source's times leave out: a window ends so much later at most than they say."""

LENGTH = 60.0
"""Seconds that a window is taken to last until an answer tells."""

LONGEST = 1.0
"""Seconds after which whoever waits for a place looks again."""

TAKE = """
    UPDATE rate_limits SET
        remaining = CASE WHEN now() >= resets_at THEN per_window - per_window / 20 ELSE remaining END - 1,
        guessed = guessed OR now() >= resets_at,
        resets_at = CASE WHEN now() >= resets_at THEN now() + make_interval(secs => :length)
                    ELSE resets_at END
    WHERE fingerprint = :fingerprint AND now() >= quiet_until
      AND (per_window = 0 OR now() >= resets_at OR remaining > 0)
    RETURNING remaining
"""
"""Takes a place. Where a window has ended, a twentieth of the next is left for requests of the last that
arrive late, until an answer tells what is really left."""

LOOK = """
    SELECT extract(epoch FROM greatest(
               quiet_until,
               CASE WHEN per_window > 0 AND remaining <= 0 THEN resets_at ELSE quiet_until END
           ) - now())::double precision AS wait,
           per_window > 0 AND resets_at > now() AS limited
    FROM rate_limits WHERE fingerprint = :fingerprint
"""

NOTE = """
    INSERT INTO rate_limits AS r
        (fingerprint, per_window, remaining, resets_at, "window", guessed, quiet_until)
    VALUES (:fingerprint, :per_window, :remaining, now() + make_interval(secs => :left), :window, false,
        now())
    ON CONFLICT (fingerprint) DO UPDATE SET
        per_window = excluded.per_window,
        remaining = CASE
            WHEN r.guessed OR excluded."window" <= r."window" + 1.5
            THEN least(r.remaining, excluded.remaining)
            ELSE excluded.remaining END,
        resets_at = CASE WHEN excluded."window" <= r."window" + 1.5 THEN r.resets_at
                    ELSE excluded.resets_at END,
        "window" = greatest(r."window", excluded."window"),
        guessed = false
    WHERE excluded."window" >= r."window" - 1.5
      AND NOT (r.guessed AND excluded."window" <= r."window" + 1.5)
"""
"""An answer's word on the window it came in: of a window that is over it counts no more. Places that
were taken and not used yet stay taken. Windows are told apart by their ends, which waver by a second."""

QUIET = """
    INSERT INTO rate_limits AS r (fingerprint, resets_at, quiet_until)
    VALUES (:fingerprint, now(), now() + make_interval(secs => :wait))
    ON CONFLICT (fingerprint) DO UPDATE SET
        quiet_until = greatest(r.quiet_until, excluded.quiet_until)
"""


@dataclass(frozen=True, slots=True)
class _Window:
    """What the headers of an answer tell: requests in all and still left, when it ends by the source's
    clock, and in how many seconds."""

    requests: int
    remaining: int
    ends: float
    left: float


class Pace:
    """When a request with one token may begin; threads share it, and so do processes with its row.

    look_every: seconds after which a process that met no limit looks whether another one did; None:
        it looks once.
    """

    def __init__(
        self, engine: Engine, address: str, token: str, *, look_every: float | None = None
    ) -> None:
        self._engine = engine
        self._fingerprint = fingerprint(address, token)
        self._look_every = look_every
        self._lock = Lock()
        self._look_at = 0.0
        self._near = False
        self._taken: int | None = None
        self._ends = 0.0

    def before(self) -> float:
        """Seconds to wait before asking here again; 0: a request may begin, and has its place."""
        if not self._is_near():
            return 0.0
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            given = {"fingerprint": self._fingerprint, "length": LENGTH}
            remaining = connection.scalar(text(TAKE), given)
            if remaining is not None:
                self._taken = int(remaining)
                return 0.0
            found = connection.execute(text(LOOK), {"fingerprint": self._fingerprint}).one_or_none()
        if found is None:
            return 0.0
        # Not for long: an answer may tell that the window ends sooner. And each a little later than
        # another, so that they do not all come to the row at once.
        return min(max(float(found.wait), 0.0), LONGEST) + random.uniform(0.01, 0.1)  # noqa: S311 - spreads load

    def noted(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes over what an answer tells. headers: with names in lower case."""
        window = _window(headers)
        if status == 429:
            self._near = True
            self._write(QUIET, wait=asked_wait(headers, limited=True) or 1.0)
            return
        if window is None:
            return
        self._near = window.requests <= SMALL or window.remaining * 2 <= window.requests
        # Of a window that is known it says nothing new as long as it says no less than was taken.
        known = self._taken is not None and abs(window.ends - self._ends) <= WHOLE_SECONDS
        if self._near and not (known and window.remaining >= (self._taken or 0)):
            self._ends = window.ends
            self._write(
                NOTE,
                per_window=window.requests,
                remaining=window.remaining,
                left=window.left + WHOLE_SECONDS,
                window=window.ends,
            )

    def _is_near(self) -> bool:
        """Whether places have to be taken; looks for what others met when it is time to."""
        if self._near:
            return True
        with self._lock:
            if time.monotonic() < self._look_at:
                return self._near
            every = self._look_every
            self._look_at = float("inf") if every is None else time.monotonic() + every
            with self._engine.connect() as connection:
                found = connection.execute(
                    text(LOOK), {"fingerprint": self._fingerprint}
                ).one_or_none()
            self._near = found is not None and (found.limited or found.wait > 0)
            return self._near

    def _write(self, statement: str, **values: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), {"fingerprint": self._fingerprint, **values})


def fingerprint(address: str, token: str) -> str:
    """The name of a token's row, from which neither can be found: guessing is slow as well."""
    return hashlib.scrypt(token.encode(), salt=address.encode(), n=2**12, r=8, p=1, dklen=16).hex()


def _window(headers: Mapping[str, str]) -> _Window | None:
    """What `RateLimit-*` tell; None where they are not there, or of a window that has ended."""
    try:
        remaining = int(headers["ratelimit-remaining"])
        requests = int(headers.get("ratelimit-observed", 0)) + remaining
        if "ratelimit-observed" not in headers:
            requests = int(headers["ratelimit-limit"])
        resets = float(headers["ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    sent = date_of(headers.get("date", "")) or datetime.now(UTC)
    left = resets - sent.timestamp()
    return _Window(requests, remaining, resets, left) if requests > 0 and left >= 0 else None
