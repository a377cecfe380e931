"""A refresh in a process of its own, as `teamgauge collect` ends with it.

Reads a JSON job on standard input: `database` (address), `everything`. Prints one JSON answer.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from app.metrics.refresh import refresh
from app.store.engine import make_engine, sessions
from benchmarks import company
from benchmarks._peak import peak_mb


def main() -> None:
    """One refresh."""
    job = json.load(sys.stdin)
    engine = make_engine(job["database"])
    before = perf_counter()
    with sessions(engine).begin() as session:
        report = refresh(
            session,
            company.settings(Path()),
            datetime.now(UTC),
            everything=job["everything"],
        )
    seconds = perf_counter() - before
    engine.dispose()
    answer = {
        "seconds": seconds,
        "peak_mb": peak_mb(),
        "facts_changed": report.facts_changed,
        **asdict(report.written),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
