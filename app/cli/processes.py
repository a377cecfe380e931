"""Several processes that answer on one socket, and the one that watches over them.

The one that was started opens the database first and leaves it last; each of the others attaches to it
as any command does. They are told to end by their end of a pipe, which closes however the first one
ends: none is left behind. What they count for `/metrics` lies in a folder that they share.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic
from types import FrameType

import structlog
import typer

from app.cli import failure
from app.cli import log as logging
from app.cli.answering import SECONDS_TO_FINISH, Answering
from app.cli.garbage import look_for_garbage_seldom
from app.cli.options import database
from app.cli.serve import address_of
from app.cli.stopping import ENDING, signals_call
from app.errors import AppError
from app.settings import Settings, secrets
from app.store.roles import DatabaseRole

log = structlog.get_logger()

HEARD = (signal.SIGINT, *ENDING)
"""Signals that reach every process of a terminal or of a service: the first process sees to them."""

SECONDS_TO_END = SECONDS_TO_FINISH + 5.0
"""How long a process may take to end before it is ended."""

SECONDS_BETWEEN = 1.0
"""Before another one is started in place of one that had not begun to answer."""


def serve_together(listener: socket, settings: Settings, count: int, threads: int) -> None:
    """Serves in so many processes until this one is told to stop; one that dies is replaced.

    threads: of each, see `create_app`. Raises KeyboardInterrupt after it was told to stop by a signal,
    and AppError where a process cannot begin.
    """
    # A signal does not end a wait by itself, but what is written in its handler does.
    woken, waker = os.pipe()
    heard: list[int] = []

    def wake(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        os.write(waker, b"!")

    def patience() -> float:
        """How long requests are still taken: not for Ctrl-C, nor after a failure."""
        return settings.server.drain_seconds if heard and signal.SIGINT not in heard else 0.0

    try:
        with (
            TemporaryDirectory(prefix="teamgauge-") as shared,
            signals_call(wake),
            _Processes(listener, settings, threads, Path(shared)).ending(
                patience, woken
            ) as processes,
        ):
            for _ in range(count):
                processes.start()
            told = False
            while not processes.watch(woken):
                if not told and processes.all_answer:
                    told = True
                    typer.echo(
                        f"teamgauge serves {address_of(listener)} in {count} processes "
                        "(Ctrl-C ends them)"
                    )
    finally:
        os.close(woken)
        os.close(waker)


class _One:
    """A process at the other end of a pipe."""

    def __init__(self, process: SpawnProcess, pipe: Connection, place: int) -> None:
        self.process = process
        self.pipe = pipe
        self.place = place
        self.answers = False


class _Processes:
    def __init__(self, listener: socket, settings: Settings, threads: int, shared: Path) -> None:
        self._given = (listener, settings, threads, shared)
        self._all: list[_One] = []

    def start(self) -> None:
        """Starts one more, in the first place that is free."""
        taken = {each.place for each in self._all}
        place = min(set(range(len(taken) + 1)) - taken)
        spawning = get_context("spawn")
        ours, theirs = spawning.Pipe()
        process = spawning.Process(target=_serve, args=(theirs, *self._given, place))
        # It begins without hearing any, and takes no interest in them later.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._all.append(_One(process, ours, place))

    @property
    def all_answer(self) -> bool:
        """Whether every one has begun to answer."""
        return all(each.answers for each in self._all)

    def watch(self, woken: int) -> bool:
        """Waits until something happens, and sees to it. woken: can be read once all are to end, which
        it then answers."""
        waiting = [each.pipe for each in self._all if not each.answers]
        sentinels = [each.process.sentinel for each in self._all]
        ready = wait([woken, *waiting, *sentinels])
        if woken in ready:
            return True
        for each in [one for one in self._all if one.pipe in ready and not one.answers]:
            each.answers = _has_begun(each.pipe)
        for each in [one for one in self._all if one.process.sentinel in ready]:
            if not self._replace(each, woken):
                return True
        return False

    def _replace(self, dead: _One, woken: int) -> bool:
        """Starts another one in place of one that has died; false where all are to end meanwhile."""
        self._all.remove(dead)
        dead.pipe.close()
        dead.process.join()
        status = dead.process.exitcode or 0
        if status > 0 and not dead.answers:
            raise AppError(f"Process {dead.process.pid} could not begin to answer, see above.")
        log.warning("serve.replaced", died=dead.process.pid, exit_status=status)
        if not dead.answers and wait([woken], SECONDS_BETWEEN):
            return False
        self.start()
        return True

    @contextmanager
    def ending(self, patience: Callable[[], float], woken: int) -> Iterator["_Processes"]:
        """Ends all on the way out, and returns when they are gone. patience: asked then, how many seconds
        they go on to answer before, if no other signal comes. woken: see `watch`."""
        try:
            yield self
        finally:
            seconds = patience()
            if seconds:
                for each in self._all:
                    with suppress(OSError):  # it is gone already
                        each.pipe.send(seconds)
                os.read(woken, 1)  # the signal that leads here; another one ends the wait
                wait([woken], seconds)
            for each in self._all:
                each.pipe.close()
            until = monotonic() + SECONDS_TO_END
            for each in self._all:
                each.process.join(max(0.0, until - monotonic()))
                if each.process.is_alive():
                    log.warning("serve.killed", process=each.process.pid)
                    each.process.kill()
                    each.process.join()


def _has_begun(pipe: Connection) -> bool:
    try:
        return bool(pipe.recv())
    except (EOFError, OSError):
        return False  # its end is seen to as well


def _serve(
    pipe: Connection, listener: socket, settings: Settings, threads: int, shared: Path, place: int
) -> None:
    """What each process does, until its pipe is closed at the other end. shared, place: see
    `app.api.instruments.share`."""
    for number in HEARD:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    look_for_garbage_seldom()
    servers: list[Answering] = []
    Thread(target=_end_with, args=(pipe, servers), daemon=True).start()
    logging.start(terminal=sys.stderr.isatty())
    logging.keep_out(secrets(settings))
    try:
        from app.api.instruments import share
        from app.main import create_app
        from app.store.engine import name_program

        name_program("teamgauge serve")
        share(shared, place)
        with database(settings, pool_size=threads + 1, role=DatabaseRole.WEB) as engine:
            app = create_app(settings, engine, threads)
            server = Answering(app, begun=lambda: tell_that_it_answers(pipe))
            servers.append(server)
            server.run(sockets=[listener])
    except Exception as error:  # noqa: BLE001 - as the command itself tells what ended it
        sys.exit(failure.tell(error))
    # Nothing is open any more; to take the interpreter apart would take longer than all the rest.
    sys.stderr.flush()
    os._exit(0)


def tell_that_it_answers(pipe: Connection) -> None:
    """Tells the other end of the pipe. Where it was closed meanwhile all are to end, which is no failure:
    whoever waits for that end sees to it."""
    with suppress(OSError):
        pipe.send(True)


def _end_with(pipe: Connection, servers: Sequence[Answering]) -> None:
    """Waits for the other end of the pipe to be closed, and ends the server, or what leads to it. Before
    that it may say how long requests are still taken."""
    with suppress(EOFError, OSError):
        seconds = pipe.recv()
        if servers:
            servers[0].end(seconds)
        pipe.recv()
    if not servers:
        os._exit(0)
    servers[0].end()
