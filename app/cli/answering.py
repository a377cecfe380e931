"""The web server as the commands run it: it hears no signal, and is told to end by who started it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from socket import socket
from threading import Timer

from fastapi import FastAPI
from uvicorn import Config, Server

from app.cli.connections import Connection
from app.store.patience import limit_statements

SECONDS_TO_FINISH = 5
"""How long answers under way may take once the server takes no more requests."""


def configuration(app: FastAPI) -> Config:
    """How the web server runs the application."""
    return Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,  # ours has the id of the request, and no query
        server_header=False,
        proxy_headers=False,  # ours believes those that the configuration names, and no other
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )


class Answering(Server):
    """Answers for the application. begun: called once it answers."""

    def __init__(self, app: FastAPI, begun: Callable[[], None] = lambda: None) -> None:
        super().__init__(configuration(app))
        limit_statements(app.state.engine)
        self._drain: Callable[[], None] = app.state.readiness.drain
        self._begun = begun

    def end(self, after: float = 0.0) -> None:
        """Says that it is not ready any more, goes on to answer for some seconds, and ends.

        Told to end at once it does, whatever it was told before; what is under way is answered.
        """
        self._drain()
        if after:
            later = Timer(after, self.end)
            later.daemon = True
            later.start()
        else:
            self.should_exit = True

    async def startup(self, sockets: Sequence[socket] | None = None) -> None:
        """Begins to answer."""
        await super().startup(list(sockets or ()))
        self._begun()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None is meant for it."""
        yield
