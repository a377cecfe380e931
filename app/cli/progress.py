"""Progress of what takes long: bars on a terminal, now and then a log line elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from app.cli.estimate import Estimate, in_words

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
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.fields[source]}: {task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    ) as bars:
        tasks: dict[tuple[str, str], TaskID] = {}
        estimates: dict[tuple[str, str], Estimate] = {}

        def show(step: "Step") -> None:
            key = (step.source, step.what)
            if key not in tasks:
                for task in bars.tasks:
                    # How much of that there was is not known: nothing will end its bar.
                    if task.total is None:
                        bars.update(task.id, visible=False)
                tasks[key] = bars.add_task(
                    step.what, source=step.source, counts="", left="", total=None
                )
                estimates[key] = Estimate()
            left = estimates[key].seconds_left(step.done, step.total, time.monotonic())
            bars.update(
                tasks[key],
                completed=step.done,
                total=step.total,
                counts=counts(step),
                left=in_words(left),
                visible=True,
            )

        yield show


def counts(step: "Step") -> str:
    """`1,200 of 2,001, 18 requests, 4,310 rows new or changed`."""
    done = f"{step.done:,}" if step.total is None else f"{step.done:,} of {step.total:,}"
    requests = f"{step.requests:,} request{'' if step.requests == 1 else 's'}"
    return f"{done}, {requests}, {step.rows_new + step.rows_changed:,} rows new or changed"


def _lines() -> "Callable[[Step], None]":
    told = time.monotonic()
    estimates: dict[tuple[str, str], Estimate] = {}

    def tell(step: "Step") -> None:
        nonlocal told
        now = time.monotonic()
        estimate = estimates.setdefault((step.source, step.what), Estimate())
        left = estimate.seconds_left(step.done, step.total, now)
        if now - told < SECONDS_BETWEEN_LINES:
            return
        told = now
        log.info(
            "collect.progress",
            source=step.source,
            what=step.what,
            done=step.done,
            total=step.total,
            seconds_left=None if left is None else round(left),
            requests=step.requests,
            read=step.rows_read,
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
