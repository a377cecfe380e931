"""Connections of the web server that take neither for ever nor without end: heads, bodies, and silence.

What never becomes a question is refused here, with the headers that every answer has.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from http import HTTPStatus
from typing import cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.guard import HEADERS
from app.api.limits import LARGEST_EVENT

log = structlog.get_logger()

MOST = 800
"""Connections of a process at a time; a process may have 1,024 files open, unless it was told."""

LARGEST_HEAD = 32 * 1024
"""Bytes of the first line and the headers of a request."""

MOST_HEADERS = 100

SECONDS_TO_ASK = 30.0
"""How long a request may take to arrive as a whole, and a new connection to say something."""

SECONDS_TO_LISTEN = 120.0
"""How long what was sent may wait to be taken."""


class Connection(HttpToolsProtocol):
    """One connection. What is over a limit ends it."""

    _head = 0
    _body = 0
    _asking: TimerHandle | None = None
    _listening: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """A connection was taken."""
        super().connection_made(cast(Transport, transport))  # uvloop's is none by name
        if len(self.connections) > MOST:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came; nothing does any more for a connection that was ended."""
        if not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head = self._body = 0
        self._wait_for_request()

    def on_url(self, url: bytes) -> None:
        """A part of the address came."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body came; also where nobody reads it, it comes to an end."""
        self._body += len(body)
        if self._body > LARGEST_EVENT + LARGEST_HEAD:
            self.transport.close()
        elif not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._stop_waiting()
        if not self.transport.is_closing():
            super().on_message_complete()

    def pause_writing(self) -> None:
        """The other side takes less than it is sent."""
        super().pause_writing()
        self._listening = self.loop.call_later(SECONDS_TO_LISTEN, self.transport.abort)

    def resume_writing(self) -> None:
        """The other side has taken it."""
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        self._asking = self.loop.call_later(SECONDS_TO_ASK, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _too_slow(self) -> None:
        said_nothing = self.headers is None
        half_answered = self.cycle is not None and (
            self.cycle.response_started and not self.cycle.response_complete
        )
        if said_nothing or half_answered:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Says why, and ends the connection."""
        if self.transport.is_closing():
            return
        log.warning("connection.refused", status=int(status))
        body = f"{status.phrase}.\n".encode()
        headers = {
            **HEADERS,
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + body)
        self.transport.close()
