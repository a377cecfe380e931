"""`teamgauge serve`: the web server, on this machine only unless people sign in."""

import signal
import socket
from contextlib import suppress
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import ConfigOption, begin, database
from app.cli.stopping import signals_call
from app.errors import ConfigurationError
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings

CONNECTIONS_OF_OTHERS = 20
"""Connections that several web servers leave to the commands beside them, and to the one that started
them."""


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where to listen; without it server.host.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="The port; without it server.port. 0: one that is free.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=64, help="Processes that answer; one uses one core at most."
        ),
    ] = 1,
    config: ConfigOption = None,
) -> int:
    """Serve the dashboard and the API until Ctrl-C or SIGTERM."""
    settings = begin(context, config)
    server = settings.server.model_copy(
        update={key: value for key, value in (("host", host), ("port", port)) if value is not None}
    )
    settings = settings.model_copy(update={"server": server})
    with (
        listening(settings, "server.host" if host is None else "--host") as listener,
        suppress(KeyboardInterrupt),
        database(settings, role=DatabaseRole.WEB) as engine,
    ):
        if workers == 1:
            serve_on(listener, engine, settings)
        else:
            from app.cli.processes import serve_together

            serve_together(listener, settings, workers, threads_of_each(engine, workers))
    return 0


def threads_of_each(engine: "Engine", workers: int) -> int:
    """How many answers each of several processes draws at once, so that all of them together leave
    the database room for others.

    Raises ConfigurationError where not even one has room.
    """
    from app.main import THREADS
    from app.store.engine import connections_allowed

    allowed = connections_allowed(engine)
    threads = min(THREADS, (allowed - CONNECTIONS_OF_OTHERS) // (2 * workers) - 1)
    if threads < 1:
        needed = 4 * workers + CONNECTIONS_OF_OTHERS
        raise ConfigurationError(
            f"--workers {workers} needs {needed} connections to the database, which allows {allowed}.",
            "Take fewer workers, or raise max_connections of the database.",
        )
    return threads


def permitted(settings: "Settings", origin: str = "server.host") -> tuple[int, tuple[Any, ...]]:
    """The socket family and address to serve on, where sign-in is ready if there is any.

    origin: where the host was given. Raises ConfigurationError for an address that must not be
    served without sign-in, or is none of this machine.
    """
    from app.settings import required_auth_secret

    host, port = settings.server.host.strip().strip("[]"), settings.server.port
    outside = ConfigurationError(
        f'{origin} {host or "(empty)"} is reached from other machines, and with auth.mode "none" '
        "anybody there could look: write 127.0.0.1."
    )
    signed_in = settings.auth.mode == "oidc"
    if signed_in:
        required_auth_secret(settings)
    if not host and not signed_in:
        raise outside
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{origin} {host} is not an address of this machine.") from error
    if not signed_in and not all(ip_address(address[4][0]).is_loopback for address in found):
        raise outside
    return found[0][0], found[0][4]


def listening(settings: "Settings", origin: str = "server.host") -> socket.socket:
    """A socket that listens already, so that requests wait until they can be answered.

    Raises ConfigurationError as `permitted` does, and for a port that is taken.
    """
    family, address = permitted(settings, origin)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        server = settings.server
        raise ConfigurationError(
            f"Port {server.port} on {server.host} cannot be used: "
            f"{(error.strerror or str(error)).lower()}.",
            "Choose another one with --port or server.port.",
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve_on(listener: socket.socket, engine: "Engine", settings: "Settings") -> None:
    """Serves until the process is told to stop, then lets answers under way finish.

    Raises KeyboardInterrupt after it was told to by a signal.
    """
    from app.cli.answering import Answering
    from app.main import create_app

    server = Answering(create_app(settings, engine))
    told: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        if len(told) > 2:
            server.force_exit = True
        # Who presses Ctrl-C, or says it twice, does not want to wait.
        at_once = number == signal.SIGINT or len(told) > 1
        server.end(0.0 if at_once else settings.server.drain_seconds)

    with signals_call(end):
        typer.echo(f"teamgauge serves {address_of(listener)} (Ctrl-C ends it)")
        server.run(sockets=[listener])
