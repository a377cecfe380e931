"""Answers are not made twice: 304 to who has one that still holds, and the same bytes to all others.

Who has an answer names its ETag; one cheap question to the database tells whether it still holds, and
then nothing is drawn, compressed or sent. The last answers are kept in the process, as they were sent,
and go out again to who may see the same for as long as they hold.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakValueDictionary

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.validators import Present, is_among, validator
from app.auth.access import EVERYTHING, Access
from app.caching import REVALIDATED

OWN_WAYS = (
    "/static/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/webhooks/",
    "/sign-in",
    "/sign-out",
    "/signed-out",
    "/account",
    "/audit",
    "/api/v1/audit",
)
"""Addresses whose answers depend on something else, or on nothing at all."""

KEPT_BYTES = 64 * 1024 * 1024
LARGEST = 4 * 1024 * 1024
"""Bytes of an answer that is kept: a table of everything is asked for once."""

RawHeaders = Sequence[tuple[bytes, bytes]]
NO_STORE = (b"cache-control", b"no-store")


class Place(NamedTuple):
    """What is asked for; what else decides what an answer looks like."""

    scheme: str
    host: str
    path: bytes
    query: bytes
    compressed: bool
    asked_by: bytes
    """What those who are answered alike have in common; empty where nobody signs in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is sent. etag: None for one that cannot be told to hold."""

    status: int
    headers: RawHeaders
    body: bytes
    etag: str | None

    async def send(self, send: Send) -> None:
        """Sends it."""
        start = {
            "type": "http.response.start",
            "status": self.status,
            "headers": list(self.headers),
        }
        await send(start)
        await send({"type": "http.response.body", "body": self.body})

    def unchanged(self) -> "Answer":
        """In place of it to who has it."""
        assert self.etag is not None
        return not_modified(self.etag)


def not_modified(etag: str) -> Answer:
    """304: without a body, and without anything that would take the place of what the answer said."""
    headers = {"etag": etag, "cache-control": REVALIDATED, "vary": "Accept-Encoding"}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Answer(304, raw, b"", etag)


class Kept:
    """The last answers by what was asked for, up to so many bytes."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._answers: OrderedDict[Place, Answer] = OrderedDict()

    def find(self, place: Place, etag: str) -> Answer | None:
        """The answer, if it still holds."""
        found = self._answers.get(place)
        if found is None or found.etag != etag:
            return None
        self._answers.move_to_end(place)
        return found

    def put(self, place: Place, answer: Answer) -> None:
        """Keeps an answer, and lets go of those that were not asked for the longest."""
        before = self._answers.pop(place, None)
        self._bytes -= len(before.body) if before else 0
        if len(answer.body) > LARGEST:
            return
        self._answers[place] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._most:
            _, gone = self._answers.popitem(last=False)
            self._bytes -= len(gone.body)


class Making:
    """One answer, made by one request at a time for all that came before it was begun.

    begun, done: the number of the time at which it is made, and at which `answer` was.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.begun = self.done = 0
        self.answer: Answer | None = None


class Delivery:
    """Wraps the application with its compression. signature: of the program and its configuration."""

    def __init__(self, app: ASGIApp, present: Present, signature: bytes) -> None:
        self._app = app
        self._present = present
        self._signature = signature
        self._kept = Kept()
        self._making: WeakValueDictionary[Place, Making] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or scope["path"].startswith(OWN_WAYS)
        ):
            await self._app(scope, receive, send)
            return
        state = await self._present.state()
        if state is None:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        access: Access = scope.get("state", {}).get("access", EVERYTHING)
        asked_by = b"" if access.everything else access.key
        place = Place(
            scope["scheme"],
            headers.get("host", ""),
            scope["path"].encode(),
            scope["query_string"],
            "gzip" in headers.get("accept-encoding", ""),
            asked_by,
        )
        etag = self._etag(state, place)
        given = headers.getlist("if-none-match")
        # Nobody was given it for an address that does not exist.
        if given and is_among(etag, given):
            await not_modified(etag).send(send)
            return
        answer = self._kept.find(place, etag)
        if answer is None:
            answer = await self._made(place, etag, scope, receive)
        if answer.etag is not None and any(line.strip() == "*" for line in given):
            answer = answer.unchanged()
        await answer.send(send)

    def _etag(self, state: str, place: Place) -> str:
        drawn_from = (place.scheme.encode(), place.host.encode(), place.path, place.query)
        return validator(self._signature, state.encode(), *drawn_from, place.asked_by)

    async def _made(self, place: Place, etag: str, scope: Scope, receive: Receive) -> Answer:
        """The answer, made once for all who ask for it before it is begun.

        While data are collected they change faster than pages are drawn: an answer of the very moment
        of each request would be drawn for each of them, one after the other.
        """
        making = self._making.setdefault(place, Making())
        begun, has_to_wait = making.begun, making.turn.locked()
        async with making.turn:
            if making.answer is not None and making.done > begun:
                return making.answer
            answer = self._kept.find(place, etag)
            if answer is None:
                making.begun += 1
                drawn_from: str | None = etag
                if has_to_wait:
                    state = await self._present.state()
                    drawn_from = None if state is None else self._etag(state, place)
                answer = await self._make(drawn_from, scope, receive)
                if answer.etag is not None:
                    self._kept.put(place, answer)
                    making.answer, making.done = answer, making.begun
            return answer

    async def _make(self, etag: str | None, scope: Scope, receive: Receive) -> Answer:
        start: Message = {}
        body: list[bytes] = []

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        await self._app(scope, receive, gather)
        raw: RawHeaders = start.get("headers", ())
        status: int = start["status"]
        if scope.get("state", {}).get("written_down"):
            return Answer(status, _never_kept(raw), b"".join(body), None)
        if (
            etag is None
            or status != 200
            or Headers(raw=list(raw)).get("cache-control") != REVALIDATED
        ):
            return Answer(status, raw, b"".join(body), None)
        return Answer(status, (*raw, (b"etag", etag.encode())), b"".join(body), etag)


def _never_kept(raw: RawHeaders) -> RawHeaders:
    """The headers of an answer that everybody has to ask for anew, by which it is known who saw it."""
    return (*(each for each in raw if each[0].lower() != b"cache-control"), NO_STORE)
