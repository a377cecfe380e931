"""The outermost layer: who may be addressed, the headers of every answer, and the last resort."""

import asyncio
import re
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.observation import observation_of
from app.api.problems import Draw, Failure, tell
from app.settings import Settings

log = structlog.get_logger()

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
KEPT_NOWHERE = {"Cache-Control": "no-store"}
"""Of an answer that says nothing else."""

POLICY_HEADER = b"content-security-policy"
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""For a year browsers come over https only: where that is how people open it."""

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:/@\[\]]+)\.?(:\d+)?", re.IGNORECASE)
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

ENDING = Failure(
    status=503,
    message="This server is about to end.",
    hint="Ask again: another one answers.",
    headers={"Retry-After": "1"},
)

INCOMPLETE = Failure(status=400, message="The request ended before it was complete.")


class Guard:
    """Wraps the whole application.

    hosts: the names under which it may be addressed; None: any. Where nobody signs in, a page of
    another site must not reach it under a name of its own that points here (DNS rebinding).
    secure: people open it over https.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] | None, draw: Draw, *, secure: bool = False
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._draw = draw
        headers = HEADERS | KEPT_NOWHERE | (STRICT_TRANSPORT if secure else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        # With 304 a policy would take the place of the one that the answer itself came with.
        self._unchanging = [each for each in self._headers if each[0] != POLICY_HEADER]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        # HEAD is GET without the body: no route needs to know it.
        only_head = scope["method"] == "HEAD"
        if only_head:
            scope = {**scope, "method": "GET"}

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = list(message.get("headers", ()))
                own = {name.lower() for name, _ in given}
                unchanged = message["status"] == HTTPStatus.NOT_MODIFIED
                ours = self._unchanging if unchanged else self._headers
                given += (each for each in ours if each[0] not in own)
                message = {**message, "headers": given}
            elif only_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        request = Request(scope, receive)
        if not self._may_be_addressed(scope):
            names = ", ".join(sorted(self._hosts or ("one name at a time",)))
            refusal = Failure(status=400, message=f"This server only answers to {names}.")
            await tell(request, refusal, self._draw)(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except asyncio.CancelledError:
            if started:
                raise
            # The web server is told to end, and gives up what takes too long; then it would say 500.
            await tell(request, ENDING, self._draw)(scope, receive, guarded)
        except ClientDisconnect:
            # Whoever hangs up in the middle of a body is no failure of ours, and hears no answer.
            if not started:
                await tell(request, INCOMPLETE, self._draw)(scope, receive, guarded)
        except Exception:
            request_id = observation_of(scope).request_id
            log.exception("request.failed", path=request.url.path)
            if started:
                raise  # half an answer cannot be taken back
            failure = Failure(
                status=500,
                message="Something went wrong here that should not have.",
                hint=f"The log has it under {request_id}.",
                request_id=request_id,
            )
            await tell(request, failure, self._draw)(scope, receive, guarded)

    def _may_be_addressed(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("host")
        # Of two, a proxy may have believed the other one; none at all is of a time before HTTP/1.1.
        if len(given) != 1:
            return not given and scope["http_version"] == "1.0"
        if self._hosts is None:
            return True
        [host] = given
        match = HOST.fullmatch(host)
        return match is not None and match["name"].lower().rstrip(".") in self._hosts


def hosts_of(settings: Settings) -> tuple[str, ...]:
    """The names under which a server may be addressed: those of this machine, and where people sign in
    that of the address that they open."""
    if settings.auth.mode == "oidc":
        own = urlsplit(settings.auth.base_url).hostname or ""
    else:
        own = settings.server.host.strip("[]")
    return (*LOOPBACK, f"[{own}]" if ":" in own else own)
