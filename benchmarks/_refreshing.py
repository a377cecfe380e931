"""A refresh in a process of its own, as `teamgauge collect` ends with it: what starting costs, and to
connect, is over when the clock begins.

Reads a JSON job on standard input: `database` (address), `everything`. Prints one JSON answer.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy.orm import configure_mappers

from app.cli.garbage import look_for_garbage_seldom
from app.metrics.refresh import refresh
from app.store.engine import make_engine, sessions
from benchmarks import company
from benchmarks._peak import peak_mb


def main() -> None:
    """One refresh."""
    job = json.load(sys.stdin)
    look_for_garbage_seldom()
    configure_mappers()
    engine = make_engine(job["database"])
    engine.connect().close()
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
