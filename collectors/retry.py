"""When to ask a source again, and how long to wait before: the one policy for all of them."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from app.errors import AppError

T = TypeVar("T")


class Transient(Exception):
    """An answer that asking again may mend.

    final: what is raised when patience has ended. wait: seconds that the source asked for.
    limited: it refused because of the rate of requests alone.
    lighter: asking for less may mend it sooner than asking again.
    """

    def __init__(
        self,
        final: AppError,
        wait: float | None = None,
        *,
        limited: bool = False,
        lighter: bool = False,
    ) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait = wait
        self.limited = limited
        self.lighter = lighter


class StoppedError(Exception):
    """The run is being ended: nothing more is asked."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient the collector is.

    attempts: how often a request is made; first_attempts: while the source has not answered
        anything yet, so that a wrong address is told soon; limited_attempts: while it limits the rate.
    base, cap: seconds before the second attempt, doubled for each further one up to the cap; up to
        half of it is added at random, so that threads do not come back together.
    longest: the longest wait that the source may ask for.
    """

    attempts: int = 8
    first_attempts: int = 4
    limited_attempts: int = 30
    base: float = 0.5
    cap: float = 30.0
    longest: float = 900.0

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number, counted from 1."""
        wait = min(self.cap, self.base * 2.0 ** (attempt - 1))
        return wait * random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, guards nothing


def asked_wait(
    headers: Mapping[str, str], now: float | None = None, *, limited: bool
) -> float | None:
    """Seconds that an answer asks to wait: Retry-After (seconds or date), else RateLimit-Reset.

    headers: with names in lower case. now: the present by our clock; an answer that tells its own
    time is measured by that. limited: whether it refuses because of the rate of requests. Others
    have RateLimit-Reset as well, but the end of that period does not mend them.
    None where neither is there or can be read.
    """
    sent = date_of(headers.get("date", ""))
    if sent is None:
        sent = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    retry_after = headers.get("retry-after", "").strip()
    if retry_after:
        try:
            return max(0.0, float(retry_after))
        except ValueError:
            date = date_of(retry_after)
        return None if date is None else max(0.0, (date - sent).total_seconds())
    try:
        return max(0.0, float(headers["ratelimit-reset"]) - sent.timestamp()) if limited else None
    except (KeyError, ValueError):
        return None


def date_of(header: str) -> datetime | None:
    """The instant in a header like `Date`; None where there is none."""
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


class Patience:
    """Makes calls again while they fail with Transient; all threads of a client share one.

    When the source asks one of them to wait, the others wait as well before their next request.
    waited: called with the seconds before each repetition.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        waited: Callable[[float], None],
        before: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """before: called before each request; seconds to wait until it is called again, 0: now."""
        self._policy = policy
        self._before = before
        self._waited = waited
        self._lock = Lock()
        self._quiet_until = 0.0
        self._answered = False
        self._stopped = Event()

    def stop(self) -> None:
        """Ends every wait, now and later, with StoppedError, and what fails from now on."""
        self._stopped.set()

    def hold(self, seconds: float) -> None:
        """Lets no request begin for so long, which the source announced before refusing any."""
        with self._lock:
            until = time.monotonic() + min(seconds, self._policy.longest)
            self._quiet_until = max(self._quiet_until, until)

    def call(self, once: Callable[[], T], attempts: int | None = None) -> T:
        """Calls until it succeeds; raises what it raises, or a Transient's `final` in the end.

        attempts: at most so many where asking for less may help, whatever the policy says.
        """
        allowed = self._policy.attempts if self._answered else self._policy.first_attempts
        lighter = min(allowed, attempts or allowed)

        def ended(state: RetryCallState) -> bool:
            error = _transient(state)
            if error.limited:
                return state.attempt_number >= self._policy.limited_attempts
            return state.attempt_number >= (lighter if error.lighter else allowed)

        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=ended,
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            result: T = retrying(self._once, once)
        except Transient as error:
            if self._stopped.is_set():  # which is what failed it
                raise StoppedError from error
            raise error.final from error
        return result

    def _once(self, once: Callable[[], T]) -> T:
        while True:
            quiet = self._quiet_until - time.monotonic()
            if self._stopped.wait(max(0.0, quiet)):
                raise StoppedError
            wait = self._before()
            if not wait:
                break
            if self._stopped.wait(wait):
                raise StoppedError
        result = once()
        self._answered = True
        return result

    def _wait(self, state: RetryCallState) -> float:
        error = _transient(state)
        backoff = self._policy.backoff(state.attempt_number)
        if error.wait is None:
            return backoff
        wait = min(error.wait, self._policy.longest)
        with self._lock:
            self._quiet_until = max(self._quiet_until, time.monotonic() + wait)
        # A little later than asked, each thread at its own moment; and where what GitLab asks for
        # proves too short again and again, as long as without its word.
        return max(wait + random.uniform(0.0, min(1.0, 0.1 + 0.1 * wait)), backoff)  # noqa: S311 - spreads requests, hides nothing

    def _sleep(self, seconds: float) -> None:
        self._waited(seconds)
        if self._stopped.wait(seconds):
            raise StoppedError


def _transient(state: RetryCallState) -> Transient:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, Transient)
    return error
