"""teamgauge in a process of its own, as cron starts it: collects, computes, and says what that took.

Reads a JSON job on standard input: `database` (address), `settings`, `full`. Prints one JSON answer.
"""

import json
import sys
from datetime import UTC, datetime
from time import perf_counter

import structlog

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import make_engine, sessions
from benchmarks._peak import peak_mb
from collectors import SOURCES
from collectors.runner import run

ERRORS_ONLY = 40
"""A level of the log."""


def main() -> None:
    """One run and one refresh."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(ERRORS_ONLY),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    job = json.load(sys.stdin)
    settings = Settings.model_validate(job["settings"])
    engine = make_engine(job["database"])
    [source] = [each for each in SOURCES if each.name == "gitlab"]
    before = perf_counter()
    done = run(engine, source, settings, full=job["full"], started_at=datetime.now(UTC))
    collected = perf_counter() - before
    peak = peak_mb()
    with sessions(engine).begin() as session:
        refresh(session, settings, datetime.now(UTC))
    answer = {
        "outcome": done.outcome,
        "requests": done.requests,
        "rows_read": done.rows_read,
        "collect_seconds": collected,
        "seconds": perf_counter() - before,
        "peak_mb": peak,
        "peak_with_refresh_mb": peak_mb(),
    }
    engine.dispose()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
