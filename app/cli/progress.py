"""Progress of what takes long: bars on a terminal, now and then a log line elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from rich.progress import TaskID

    from collectors.source import Progress as Step

SECONDS_BETWEEN_LINES = 15.0

log = structlog.get_logger()


@contextmanager
def following() -> "Iterator[Callable[[Step], None]]":
    """What is called with each step of the collectors while they run."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.fields[source]}: {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    ) as bars:
        tasks: dict[tuple[str, str], TaskID] = {}

        def show(step: "Step") -> None:
            key = (step.source, step.what)
            if key not in tasks:
                tasks[key] = bars.add_task(step.what, source=step.source, counts="", total=None)
            counts = f"{step.requests:,} requests, {step.rows_new + step.rows_changed:,} rows"
            bars.update(tasks[key], completed=step.done, total=step.total, counts=counts)

        yield show


def _lines() -> "Callable[[Step], None]":
    told = time.monotonic()

    def tell(step: "Step") -> None:
        nonlocal told
        if time.monotonic() - told >= SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            log.info(
                "collect.progress",
                source=step.source,
                what=step.what,
                done=step.done,
                total=step.total,
                requests=step.requests,
                new=step.rows_new,
                changed=step.rows_changed,
            )

    return tell


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows on a terminal that something of unknown length is under way."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield
