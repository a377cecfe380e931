"""The sockets of a client of httpx: whoever waits for an answer on one can be told to give up."""

import socket
from collections.abc import Mapping
from threading import Lock
from typing import Any
from weakref import WeakSet

import httpx


class Connections:
    """Every connection that a client makes, watched by its event hook for requests.

    Closing a client does not wake a thread that reads from one of its sockets; a shutdown does.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._ended = False

    def watch(self, request: httpx.Request) -> None:
        """The event hook: notes the sockets that are opened for this request."""
        request.extensions["trace"] = self._note

    def end(self) -> None:
        """Ends every connection, now and later: requests under way fail at once."""
        with self._lock:
            self._ended = True
            sockets = list(self._sockets)
        for each in sockets:
            _shut(each)

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        # TLS makes a socket of its own out of the one that was connected, also inside a proxy's tunnel.
        if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            return
        opened = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._sockets.add(opened)
            ended = self._ended
        if ended:
            _shut(opened)


def _shut(opened: socket.socket) -> None:
    try:
        # Not TLS's own, which would first take leave of a server that does not answer.
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already, or lives on as a socket of TLS
