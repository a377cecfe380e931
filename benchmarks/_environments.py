"""Environments of the peers: each has what it is pinned to, and nothing of teamgauge."""

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

INSTALLING = 300
"""Seconds that pip may take."""


def environment(pins: Sequence[str]) -> Path:
    """Where the environment of these pins is kept from one benchmark to the next."""
    return user_cache_path("teamgauge") / "benchmarks" / "-".join(pins).replace("==", "-")


def python_with(pins: Sequence[str], name: str) -> Path | None:
    """The interpreter of the environment of these pins, which is made if need be; None: pip cannot.

    name: of the peer, for what is said meanwhile.
    """
    folder = environment(pins)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / "ready"
    if ready.exists():
        return python
    print(f"Installing {', '.join(pins)} for {name} ...", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*install, *pins], check=True, timeout=INSTALLING)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"SKIPPED: {name} is not measured, for pip failed: {error}", file=sys.stderr)
        return None
    ready.touch()
    return python
