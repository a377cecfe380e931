"""The company's systems in a process of their own: whoever collects from them has another core to work on."""

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
from demo.bamboohr import DEFAULT_KEY, BambooHRFake, company_of, in_two_teams
from demo.company import build, settings_for, write_config, write_files
from demo.gitlab import GitLabFake
from demo.greenhouse import GreenhouseFake
from demo.greenhouse import build as build_greenhouse
from demo.greenhouse import settings_for as settings_for_greenhouse

SECONDS_TO_END = 10.0


@contextmanager
def company(folder: Path, configuration: Path, today: date) -> Iterator[Callable[[], Any]]:
    """Begins to make the company and serve its GitLab, BambooHR and Greenhouse, and ends that on the
    way out.

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
    # Who leads two teams at once stands in the files, for an HR system cannot say it.
    elsewhere = in_two_teams(world)
    employees = company_of(world, today, without=elsewhere)
    with (
        GitLabFake(world).serving() as gitlab,
        BambooHRFake(employees).serving() as bamboohr,
        GreenhouseFake(build_greenhouse(world)).serving() as greenhouse,
    ):
        world.external_url = gitlab
        write_files(world, folder, people=elsewhere, openings=False)
        sections = settings_for(gitlab, folder, folder, world=world)
        sections["bamboohr"] = {"url": bamboohr, "api_key": DEFAULT_KEY}
        sections["greenhouse"] = settings_for_greenhouse(greenhouse)
        write_config(sections, configuration)
        theirs.send(sections)
        _wait_for_the_end(theirs)


def _wait_for_the_end(theirs: Connection) -> None:
    try:
        theirs.recv()
    except EOFError:
        return
