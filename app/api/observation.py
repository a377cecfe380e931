"""What is noted about every request: the id that its log lines carry, how long it took, and its answer."""

import os
from dataclasses import dataclass
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.instruments import Instruments

log = structlog.get_logger("app.access")

HEADER = b"x-request-id"

REMEMBERED = 4_096
"""Paths whose route is remembered."""


@dataclass(slots=True)
class Observation:
    """What is known of a request while it is answered. route: its template, once there is one."""

    request_id: str
    route: str = ""


def observation_of(scope: Scope) -> Observation:
    """That of the request that is answered."""
    observed: Observation = scope["state"]["observation"]
    return observed


class Observed:
    """Wraps everything: makes the id of each request, counts its answer, and writes its line.

    The id that a client sends is not taken: anybody could send anything. access_log: whether each
    request has a line of its own, with its path and never its query, where secrets may stand.
    """

    def __init__(self, app: ASGIApp, instruments: Instruments, *, access_log: bool) -> None:
        self._app = app
        self._instruments = instruments
        self._access_log = access_log
        # An answer that is kept never reaches the routes; it once did.
        self._routes: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = os.urandom(8).hex()
        observed = Observation(request_id)
        scope.setdefault("state", {})["observation"] = observed
        header = (HEADER, request_id.encode())
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        began = perf_counter()
        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = perf_counter() - began
            route = self._route(scope["path"], observed.route)
            self._instruments.answered(route, scope["method"], status, seconds)
            if self._access_log:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    route=route or None,
                    status=status or None,
                    seconds=round(seconds, 6),
                )
            structlog.contextvars.reset_contextvars(**bound)

    def _route(self, path: str, told: str) -> str:
        if not told:
            return self._routes.get(path, "")
        if path not in self._routes:
            if len(self._routes) >= REMEMBERED:
                self._routes.clear()
            self._routes[path] = told
        return told


class Routed:
    """Wraps the routes alone, and notes which of them a request took."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                observation_of(scope).route = getattr(scope.get("route"), "path", "")
