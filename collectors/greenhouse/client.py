"""The way to Harvest v3: tokens by client credentials, pages after a cursor, patience with the limit."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from app.errors import AppError
from app.redaction import Redaction
from app.settings import GreenhouseSettings
from collectors.greenhouse.errors import (
    TokenExpiredError,
    about_status,
    about_token,
    not_harvest,
    unreachable,
)
from collectors.retry import Patience, RetryPolicy, Transient, asked_wait
from collectors.source import Counters

USER_AGENT = f"teamgauge/{version('teamgauge')}"
TIMEOUT = httpx.Timeout(10.0, read=60.0)
PER_PAGE = 500
WINDOW = 30.0
"""Seconds of Greenhouse's window for the rate of requests; it is fixed, so that it ends at a moment."""
MARGIN = 60.0
"""Seconds before its end at which a token is renewed; half of its life where that is shorter."""
UNTOLD_LIFETIME = 600.0
EPOCH_FROM = 1_000_000_000.0
"""X-RateLimit-Reset from here on is a moment, below it is a number of seconds."""


class GreenhouseClient:
    """One Greenhouse account for one run. secret: the client's."""

    def __init__(
        self,
        settings: GreenhouseSettings,
        secret: str,
        counters: Counters,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.base_url = settings.url
        self._token_url = settings.token_url
        self._client = httpx.BasicAuth(settings.client_id, secret)
        self._secret = secret
        self._counters = counters
        self._patience = Patience(policy or RetryPolicy(), counters.retry)
        self._http = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"}, timeout=TIMEOUT
        )
        self._token = ""
        self._renew_at = 0.0

    def close(self) -> None:
        """Closes the connections."""
        self._patience.stop()
        self._http.close()

    def pages(self, name: str, **parameters: str) -> Iterator[list[Any]]:
        """The pages of a list, one after another. parameters: of its first request.

        Raises a GreenhouseError.
        """
        asked: dict[str, str] = {"per_page": str(PER_PAGE), **parameters}
        seen: set[str] = set()
        while True:
            response, records = self._page(name, asked)
            yield records
            link = response.links.get("next", {}).get("url")
            if link is None:
                return
            # The link's cursor goes to our own address: a token is never sent where an answer says.
            cursor = parse_qs(urlsplit(link).query).get("cursor", [""])[0]
            if not cursor or cursor in seen:
                raise not_harvest(self.base_url, "greenhouse.url")
            seen.add(cursor)
            asked = {"cursor": cursor}  # with anything beside it the answer would be 422

    def _page(self, name: str, asked: Mapping[str, str]) -> tuple[httpx.Response, list[Any]]:
        try:
            return self._asked_with_token(name, asked)
        except TokenExpiredError:
            self._token = ""  # revoked, or the clocks differ: a new one, once
            return self._asked_with_token(name, asked)

    def _asked_with_token(
        self, name: str, asked: Mapping[str, str]
    ) -> tuple[httpx.Response, list[Any]]:
        if not self._token or time.monotonic() >= self._renew_at:
            self._patience.call(self._renew)
        return self._patience.call(lambda: self._page_once(name, asked))

    def _page_once(self, name: str, asked: Mapping[str, str]) -> tuple[httpx.Response, list[Any]]:
        response = self._sent(
            name,
            "greenhouse.url",
            self.base_url,
            lambda: self._http.get(
                f"{self.base_url}/v3/{name}",
                params=dict(asked),
                headers={"Authorization": f"Bearer {self._token}"},
            ),
        )
        wrong = not_harvest(self.base_url, "greenhouse.url")
        if response.status_code != 200:
            said = self._said(response)
            error = about_status(response.status_code, self.base_url, name, said)
            raise _judged(response, error)
        records = _json(response)
        if not isinstance(records, list):
            raise Transient(wrong)
        if response.headers.get("x-ratelimit-remaining") == "0":
            # What comes next would be refused: the window's end is waited for instead.
            self._patience.hold(_left_of_window(response.headers))
        return response, records

    def _renew(self) -> None:
        response = self._sent(
            "token",
            "greenhouse.token_url",
            self._token_url,
            lambda: self._http.post(
                self._token_url, data={"grant_type": "client_credentials"}, auth=self._client
            ),
        )
        if response.status_code != 200:
            error = about_token(response.status_code, self._token_url, self._said(response))
            raise _judged(response, error)
        answer = _json(response)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Transient(not_harvest(self._token_url, "greenhouse.token_url"))
        life = _lifetime(answer)
        self._token = token
        self._renew_at = time.monotonic() + life - min(MARGIN, life / 2)

    def _said(self, response: httpx.Response) -> str:
        """Greenhouse's own words, without what it may repeat of our secrets."""
        text = " ".join(Redaction([self._secret, self._token])(_said(response)).split()).rstrip(".")
        return text if len(text) <= 200 else text[:197] + "..."

    def _sent(
        self, kind: str, key: str, address: str, send: Callable[[], httpx.Response]
    ) -> httpx.Response:
        self._counters.request(kind)
        try:
            return send()
        except httpx.HTTPError as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise Transient(unreachable(address, key, reason)) from error


def _judged(response: httpx.Response, final: AppError) -> Exception:
    """Whether asking again may mend an answer, and when."""
    status = response.status_code
    if status == 429:
        wait = asked_wait(response.headers, limited=True)
        if wait is None:
            wait = _left_of_window(response.headers)
        return Transient(final, wait, limited=True)
    if status >= 500 or status in (408, 425):
        return Transient(final, asked_wait(response.headers, limited=False))
    return final


def _left_of_window(headers: Mapping[str, str], now: float | None = None) -> float:
    """Seconds until the window of the rate limit ends; the whole window where it is not told."""
    now = time.time() if now is None else now
    try:
        told = float(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return WINDOW
    left = told - now if told >= EPOCH_FROM else told
    return min(max(left, 0.0), WINDOW)


def _lifetime(answer: Mapping[str, Any]) -> float:
    """Seconds that a token is good for, by `expires_in` or `expires_at`."""
    seconds = answer.get("expires_in")
    if isinstance(seconds, int | float):
        return max(float(seconds), 0.0)
    moment = answer.get("expires_at")
    if isinstance(moment, str):
        try:
            ends = datetime.fromisoformat(moment)
        except ValueError:
            return UNTOLD_LIFETIME
        ends = ends if ends.tzinfo is not None else ends.replace(tzinfo=UTC)
        return max((ends - datetime.now(UTC)).total_seconds(), 0.0)
    return UNTOLD_LIFETIME


def _json(response: httpx.Response) -> Any:
    """The JSON of an answer; None where it has none."""
    try:
        return response.json()
    except ValueError:
        return None


def _said(response: httpx.Response) -> str:
    """Greenhouse's own words in an answer of JSON; nothing where it sent a page or nothing."""
    answer = _json(response)
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    if isinstance(errors, list) and errors:
        said: Any = errors[0]
        said = said.get("message") if isinstance(said, dict) else said
    else:
        said = answer.get("message") or answer.get("error_description") or answer.get("error")
    return str(said or "")
