"""Commands in processes that are forked from one which has loaded the program.

To load it takes more than a second of a core, and most commands need less for what they do. All else is
as for a process of the program itself: memory, environment, working directory, output and exit status of
its own.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

LOADED = (
    "app.main",
    "app.alerts.telling",
    "app.cli.processes",
    "app.metrics.forget",
    "app.metrics.refresh",
    "app.store.backup",
    "app.store.restore",
    "collectors",
    "collectors.queued.worker",
    "collectors.runner",
)
"""What the bodies of commands load, with all that these load."""

OF_THE_INTERPRETER = ("LD_", "PYTHON")
"""Variables that count when a program starts, and not for what is forked from it."""

OUTPUTS = ("stdout", "stderr")


def can_be_forked(environment: Mapping[str, str]) -> bool:
    """Whether a process with this environment is no other one for having been forked."""
    names = {name for name in {*environment, *os.environ} if name.startswith(OF_THE_INTERPRETER)}
    return all(environment.get(name) == os.environ.get(name) for name in names)


def run_forked(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the program to its end.

    Raises subprocess.TimeoutExpired where that takes longer.
    """
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(list(LOADED))
    with tempfile.TemporaryDirectory(prefix="teamgauge-said-") as said:
        files = [Path(said) / name for name in OUTPUTS]
        process: ForkServerProcess = forking.Process(
            target=_run, args=(list(arguments), folder, dict(environment), files)
        )
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), seconds)
        stdout, stderr = (file.read_text(encoding="utf-8") for file in files)
    return subprocess.CompletedProcess(list(arguments), process.exitcode, stdout, stderr)


def _run(
    arguments: list[str], folder: Path, environment: dict[str, str], files: Sequence[Path]
) -> None:
    for number, file in enumerate(files, 1):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["teamgauge", *arguments]
    from app.cli import main

    sys.exit(main())
