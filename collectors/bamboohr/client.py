"""The way to BambooHR: JSON over HTTP with the key as user name, patient, every request counted."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from app.redaction import Redaction
from collectors.bamboohr.errors import BambooHRError, UnreachableError, about_status
from collectors.retry import Patience, RetryPolicy, Transient, asked_wait, date_of
from collectors.source import Counters

USER_AGENT = f"teamgauge/{version('teamgauge')}"
TIMEOUT = httpx.Timeout(10.0, read=120.0)
"""Seconds to connect and between two pieces of an answer; a whole table of everybody takes a while."""


class BambooHRClient:
    """One company's BambooHR for one run; safe to use from several threads.

    told_at: the server's time when it answered first; None until then.
    """

    def __init__(
        self, url: str, key: str, counters: Counters, policy: RetryPolicy | None = None
    ) -> None:
        self.url = url
        self.told_at: datetime | None = None
        self._base = api_base(url)
        self._hide = Redaction([key])
        self._counters = counters
        self._patience = Patience(policy or RetryPolicy(), counters.retry)
        self._http = httpx.Client(
            auth=(key, "x"),  # BambooHR ignores the password
            headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            timeout=TIMEOUT,
        )

    def close(self) -> None:
        """Ends waiting threads and closes the connections."""
        self._patience.stop()
        self._http.close()

    def get(self, path: str, kind: str, *, about: str, **parameters: str) -> Any:
        """The JSON of an answer. path: below the API's base, `v1/employees`. kind: for the counters.

        about: what is asked for, for sentences. Raises a BambooHRError.
        """
        return self._call("GET", path, kind, about, parameters, None)

    def post(self, path: str, kind: str, content: Mapping[str, Any], *, about: str) -> Any:
        """The same for a question that is put in a body; BambooHR changes nothing by it."""
        return self._call("POST", path, kind, about, {}, content)

    def _call(
        self,
        method: str,
        path: str,
        kind: str,
        about: str,
        parameters: Mapping[str, str],
        content: Mapping[str, Any] | None,
    ) -> Any:
        request = self._http.build_request(
            method, f"{self._base}/{path}", params=parameters or None, json=content
        )
        return self._patience.call(lambda: self._once(request, kind, about))

    def _once(self, request: httpx.Request, kind: str, about: str) -> Any:
        self._counters.request(kind)
        try:
            response = self._http.send(request)
        except httpx.HTTPError as error:
            raise Transient(self._unreachable(error)) from error
        self._note_time(response)
        if response.status_code >= 300:
            raise self._about_status(response, about)
        try:
            return json.loads(response.content)
        except ValueError as error:
            kind_told = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind_told in ("", "application/json"):
                raise Transient(self._not_json()) from error  # cut off on the way
            raise self._not_json() from error

    def _note_time(self, response: httpx.Response) -> None:
        if self.told_at is None:
            self.told_at = date_of(response.headers.get("date", ""))

    def _about_status(self, response: httpx.Response, about: str) -> Exception:
        status = response.status_code
        final = about_status(status, self.url, about, _shortened(self._hide(_said(response))))
        wait = asked_wait(
            {name.lower(): value for name, value in response.headers.items()}, limited=status == 429
        )
        if status == 429 or (status == 503 and wait is not None):
            # Until September 2026 BambooHR limited the rate with 503.
            return Transient(final, wait, limited=True)
        if status >= 500 or status in (408, 425):
            return Transient(final, wait)
        return final

    def _unreachable(self, error: httpx.HTTPError) -> BambooHRError:
        reason = _shortened(str(error)) or type(error).__name__
        return UnreachableError(
            f"BambooHR at {self.url} cannot be reached: {reason}.",
            "Check bamboohr.url, the network and, behind a proxy, HTTPS_PROXY.",
        )

    def _not_json(self) -> BambooHRError:
        return UnreachableError(
            f"BambooHR at {self.url} does not answer with JSON.",
            "Check bamboohr.url: https://api.bamboohr.com/api/gateway.php/COMPANY.",
        )


def api_base(url: str) -> str:
    """The address below which `v1/…` lies: the gateway's is complete, a company's own lacks `/api`."""
    url = re.sub(r"/v[0-9_]+$", "", url.rstrip("/"))
    return url if urlsplit(url).path.strip("/") else f"{url}/api"


def in_path(part: str) -> str:
    """One part of a path, with nothing in it that could lead elsewhere."""
    return quote(part, safe="")


def _said(response: httpx.Response) -> str:
    """BambooHR's own words: a header of v1, `detail` of v2, `error.message` of the newest lists."""
    told = response.headers.get("x-bamboohr-error-message", "")
    if not told:
        try:
            content = json.loads(response.content)
        except ValueError:
            return ""
        if isinstance(content, dict):
            error = content.get("error")
            told = error.get("message") if isinstance(error, dict) else content.get("detail")
    return told if isinstance(told, str) else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 300 else text[:297] + "..."
