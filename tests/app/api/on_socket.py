"""The application behind the web server that the commands run, on a port of this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from fastapi import FastAPI

from app.cli.answering import Answering


@contextmanager
def on_socket(app: FastAPI) -> Iterator[tuple[str, int]]:
    """Host and port on which it answers meanwhile."""
    begun = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Answering(app, begun=begun.set)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert begun.wait(60)
        yield listener.getsockname()
        server.end()
        thread.join(60)
        assert not thread.is_alive()
