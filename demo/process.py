"""The company's GitLab in a process of its own: whoever collects from it has another core to work on."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from app.errors import AppError
from demo.company import build, settings_for, write_config, write_files
from demo.gitlab import GitLabFake

SECONDS_TO_END = 10.0


@contextmanager
def company(folder: Path, configuration: Path, today: date) -> Iterator[Callable[[], Any]]:
    """Begins to make the company and serve its GitLab, and ends that on the way out.

    folder: where its files and the database's data lie. configuration: the file to write.
    Yields what waits until all is there, and then returns the sections of the configuration.
    """
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(
        target=_run, args=(theirs, folder, configuration, today), daemon=True
    )
    process.start()
    theirs.close()

    def sections() -> Any:
        try:
            return ours.recv()
        except EOFError as error:
            raise AppError("The demo's company could not be made, see above.") from error

    try:
        yield sections
    finally:
        ours.close()
        process.join(SECONDS_TO_END)
        if process.is_alive():
            process.kill()
            process.join()


def _run(theirs: Connection, folder: Path, configuration: Path, today: date) -> None:
    # Ctrl-C reaches every process of the terminal. This one ends with the other end of the pipe.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
    world = build(today)
    gc.freeze()  # what was made now stays until the end
    gc.enable()
    with GitLabFake(world).serving() as base_url:
        world.external_url = base_url
        write_files(world, folder)
        sections = settings_for(base_url, folder, folder, world=world)
        write_config(sections, configuration)
        theirs.send(sections)
        _wait_for_the_end(theirs)


def _wait_for_the_end(theirs: Connection) -> None:
    try:
        theirs.recv()
    except EOFError:
        return
