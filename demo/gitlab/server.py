"""A small threaded HTTP server on the loopback address, with answers that may break on purpose."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from demo.gitlab.answer import Answer, Request


class Dropped(Exception):
    """Instead of an answer: its beginning, then the connection ends."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the connection is dropped")
        self.answer = answer


class Server(ThreadingHTTPServer):
    """Serves requests through one function. errors: what that function failed with."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self.errors: list[BaseException] = []
        self._connections: set[socket.socket] = set()
        self._connections_lock = Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def base_url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remembers the connection, so that an idle one can be ended."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that has ended."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server; it prints nothing."""

    def end_connections(self) -> None:
        """Ends what is still open, so that its threads end."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has just ended by itself


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept by the fake, not printed."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        request = Request("", self.command, self.path, headers, body)
        try:
            self._write(self.server.answer(request))
        except Dropped as dropped:
            self._write_beginning(dropped.answer)
        except OSError:
            raise  # the client went away
        except Exception as error:  # noqa: BLE001 - told when serving ends, whatever it was
            self.server.errors.append(error)
            self._write(Answer(500, b'{"message":"500 Internal Server Error"}'))

    def _head(self, answer: Answer) -> bytes:
        phrase = HTTPStatus(answer.status).phrase if answer.status in _STATUSES else "Unknown"
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            f"Server: {self.server_version}",
            *([] if "Date" in answer.headers else [f"Date: {self.date_time_string()}"]),
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _write(self, answer: Answer) -> None:
        # One write: a head in a packet of its own would wait for the client's acknowledgement.
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write(self._head(answer) + body)

    def _write_beginning(self, answer: Answer) -> None:
        self.wfile.write(self._head(answer) + answer.body[: len(answer.body) // 2])
        self.wfile.flush()
        # Closing with a linger of zero seconds resets the connection.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


_STATUSES = {status.value for status in HTTPStatus}


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serves in a thread of its own until the block ends. Raises what the answers failed with."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.end_connections()
        server.server_close()
        thread.join()
    if server.errors:
        raise server.errors[0]
