"""Processes that get a JSON job on standard input and print a JSON answer: each measured by itself."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

ROOT = Path(__file__).parents[1]
RUNNING = 7_200
"""Seconds that a process may take."""

_BEGUN = time.monotonic()


def say(line: str) -> None:
    """Progress, on standard error, with the seconds since this process began to work."""
    print(f"{time.monotonic() - _BEGUN:7.1f} s  {line}", file=sys.stderr, flush=True)


def told(command: Sequence[str | Path], job: dict[str, Any]) -> dict[str, Any]:
    """Runs a process with a JSON job on its standard input; what it answers."""
    done = subprocess.run(
        command,
        input=json.dumps(job),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=RUNNING,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def address(engine: Engine) -> str:
    """Of the database, for a process."""
    return engine.url.render_as_string(hide_password=False)
