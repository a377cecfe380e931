"""Web servers in processes of their own: the product, and an endpoint that does nothing but answer."""

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from threading import Thread

from fastapi import FastAPI, Response
from uvicorn import Server

from app.cli import log
from app.cli.answering import configuration
from app.main import create_app
from app.settings import Settings
from app.store.engine import make_engine
from benchmarks._serving import process_behind

ANEW = """
local number = 0
request = function()
  number = number + 1
  wrk.headers["Host"] = "127.0.0.1:" .. (number % 60000 + 1)
  return wrk.format()
end
"""
"""For wrk: every request is made to a name of its own, so that no answer to it is kept."""


def _run(pipe: Connection, app: FastAPI) -> None:
    """Answers on a free port, told through the pipe, until the pipe says that it is over."""
    log.start(terminal=True)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(configuration(app))

    def end() -> None:
        with suppress(EOFError):
            pipe.recv()
        server.should_exit = True

    Thread(target=end, daemon=True).start()
    pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.run(sockets=[listener])


def _product(pipe: Connection, settings: Settings, database: str) -> None:
    engine = make_engine(database)
    _run(pipe, create_app(settings, engine))
    engine.dispose()


def _trivial(pipe: Connection, size: int) -> None:
    app = FastAPI()
    body = b"x" * size

    @app.get("/")
    def page() -> Response:
        return Response(body, media_type="text/html")

    _run(pipe, app)


@contextmanager
def product(settings: Settings, database: str) -> Iterator[str]:
    """Serves the product on a database, as `teamgauge serve` does in one process; its address."""
    with process_behind(_product, settings, database) as pipe:
        yield pipe.recv()


@contextmanager
def trivial(size: int) -> Iterator[str]:
    """Serves an endpoint of FastAPI that answers so many bytes, by the same web server."""
    with process_behind(_trivial, size) as pipe:
        yield pipe.recv()


@dataclass(frozen=True, slots=True)
class Load:
    """What a server stood. per_second: answers. p50, p99: seconds until an answer was there."""

    per_second: float
    p50: float
    p99: float


SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


PATHS = """
local paths = {%s}
local number = 0
request = function()
  number = number + 1
  return wrk.format(nil, paths[number %% #paths + 1])
end
"""
"""For wrk: one path after the other."""


def wrk(
    address: str,
    clients: int,
    seconds: int,
    headers: dict[str, str],
    *,
    anew: bool = False,
    paths: Sequence[str] = (),
) -> Load:
    """Asks for an address over and over, by wrk. anew: for answers that have to be drawn. paths: asked
    for in turn, in place of the address's own.

    Raises FileNotFoundError where there is no wrk, and RuntimeError where an answer was none.
    """
    program = which("wrk")
    if program is None:
        raise FileNotFoundError("wrk makes the load: install it (apt-get install wrk).")
    with TemporaryDirectory() as folder:
        command = [program, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout=30s", "--latency"]
        command += [part for each in headers.items() for part in ("-H", ": ".join(each))]
        if anew or paths:
            script = Path(folder, "requests.lua")
            script.write_text(ANEW if anew else PATHS % ", ".join(f'"{path}"' for path in paths))
            command += ["-s", str(script)]
        done = subprocess.run([*command, address], check=True, capture_output=True, text=True)
    return read_wrk(done.stdout)


def read_wrk(told: str) -> Load:
    """The figures in what wrk says. Raises RuntimeError where there were failures."""
    if failed := re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", told):
        raise RuntimeError(f"Not every answer was one. {failed[0]}.")

    def quantile(name: str) -> float:
        found = re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s|m)\s*$", told, re.MULTILINE)
        assert found, told
        return float(found[1]) * SECONDS[found[2]]

    rate = re.search(r"^Requests/sec:\s+([\d.]+)$", told, re.MULTILINE)
    assert rate, told
    return Load(float(rate[1]), quantile("50"), quantile("99"))
