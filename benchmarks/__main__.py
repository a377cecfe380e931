"""Every benchmark in turn, each in a process of its own, and how long each took: what `make bench` runs.

    SCALE=100000 python -m benchmarks

What was computed and served is written into docs/performance.md. Ends with the status of the first one
that fails, and runs none after it.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks._processes import ROOT

BENCHMARKS: Mapping[str, Sequence[str]] = {
    "collect": (),
    "recorded": ("--histories", "paraview"),
    "refresh": ("--write",),
    "serve": ("--write",),
    "load": ("--write",),
}
"""Each with its options. What collect.py writes is measured larger, and of no scale; recorded.py by itself
takes three histories, with four times as many merge requests."""


def main(benchmarks: Mapping[str, Sequence[str]] = BENCHMARKS) -> int:
    """Runs all of them; the status of the last one that ran."""
    took = {}
    for name, options in benchmarks.items():
        print(f"== benchmarks/{name}.py", flush=True)
        before = time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        took[name] = time.monotonic() - before
        if status:
            return status
    each = ", ".join(f"{name} {seconds:.0f}" for name, seconds in took.items())
    print(f"== {sum(took.values()):.0f} seconds in all: {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
