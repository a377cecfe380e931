"""What is too long, too large or too often to be answered: refused before anything is asked for it.

How long a head may be, and how long it may take to send, is seen to where connections are
(`app.cli.connections`).
"""

from hashlib import blake2b
from http import HTTPStatus
from ipaddress import IPv6Address

from fastapi import HTTPException, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Draw, Failure, tell
from app.api.proxies import address
from app.api.rates import Rate
from app.api.sign_in import BACK_CHANNEL

LONGEST_ADDRESS = 8_000
"""Bytes of a path with its query."""

LARGEST = 64 * 1024
"""Bytes of a body: forms of ours have a few fields, and a provider sends a token."""

LARGEST_EVENT = 2 * 1024 * 1024
"""Bytes of a body that a system sends as an event, by the beginning of its address."""

EVENTS = "/webhooks/"

SIGN_IN = "/sign-in"
MINUTE = 60.0

SIGN_INS_PER_MINUTE = 60
"""Of one address. Signing in takes two; a company behind one address has many who sign in."""

ENDED_PER_MINUTE = 600
"""Sessions of which one address says that they are over: a provider may end all of them at once."""

TOKEN_PER_MINUTE = 600
"""Requests of one token."""

WRONG_TOKENS_PER_MINUTE = 30
"""Requests of one address with a token that is worth nothing; then none of its tokens is looked at."""


class TooLargeError(HTTPException):
    """More was sent than is read. HTTP 413."""

    def __init__(self, most: int) -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"This address takes at most {most // 1024:,} KB.",
            headers={"Connection": "close"},
        )


class Limits:
    """Wraps everything that is asked for an answer. How often is counted by each process for itself."""

    def __init__(self, app: ASGIApp, draw: Draw) -> None:
        self._app = app
        self._draw = draw
        self._sign_ins = Rate(SIGN_INS_PER_MINUTE, MINUTE)
        self._ended = Rate(ENDED_PER_MINUTE, MINUTE)
        self._tokens = Rate(TOKEN_PER_MINUTE, MINUTE)
        self._wrong_tokens = Rate(WRONG_TOKENS_PER_MINUTE, MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = LARGEST_EVENT if scope["path"].startswith(EVENTS) else LARGEST
        failure = _too_long(scope) or _too_large(headers, most) or self._too_often(scope, headers)
        if failure is not None:
            await tell(Request(scope), failure, self._draw)(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > most:
                    raise TooLargeError(most)
            return message

        async def heard(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._wrong_tokens.take(asker(scope))
            await send(message)

        await self._app(scope, limited, heard if "authorization" in headers else send)

    def _too_often(self, scope: Scope, headers: Headers) -> Failure | None:
        if scope["path"].startswith(SIGN_IN):
            rate = self._ended if scope["path"] == BACK_CHANNEL else self._sign_ins
            wait = rate.take(asker(scope))
            return _later("signs in", wait) if wait else None
        shown = headers.get("authorization")
        if shown is None:
            return None
        wait = self._wrong_tokens.wait(asker(scope))
        if wait:
            return _later("shows tokens that are worth nothing", wait)
        wait = self._tokens.take(blake2b(shown.encode(), digest_size=16).digest())
        return _later("asks with this token", wait) if wait else None


def asker(scope: Scope) -> str:
    """Whom a request is counted for: its address, of IPv6 the network that one customer has."""
    client = scope.get("client")
    found = address(client[0]) if client else None
    if isinstance(found, IPv6Address):
        return f"{int(found) >> 64:x}"
    return str(found)


def _too_long(scope: Scope) -> Failure | None:
    raw = scope.get("raw_path") or scope["path"].encode()
    if len(raw) + len(scope["query_string"]) <= LONGEST_ADDRESS:
        return None
    return Failure(
        status=HTTPStatus.REQUEST_URI_TOO_LONG,
        message=f"This address has more than {LONGEST_ADDRESS:,} characters.",
    )


def _too_large(headers: Headers, most: int) -> Failure | None:
    length = headers.get("content-length", "")
    if not (length.isdecimal() and int(length[:20]) > most):
        return None
    error = TooLargeError(most)
    return Failure(
        status=error.status_code, message=str(error.detail), headers=dict(error.headers or {})
    )


def _later(what: str, wait: int) -> Failure:
    return Failure(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        message=f"Somebody {what} too often from here.",
        hint=f"Ask again in {wait} seconds.",
        headers={"Retry-After": str(wait)},
    )
