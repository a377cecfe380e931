"""The metrics that Prometheus reads here: one list, and the counters of this process or of all of them.

What is counted while requests are answered lies in memory; with several processes on one socket each
keeps its own in a file of a folder that they share, and whoever is asked adds them up. What the database
tells is read when it is asked for: see `app.api.exposition`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the library looks for the folder that several processes share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric: its name and type as Prometheus knows them, what it says, and its labels.

    No label holds anything about a person, and none has more values than there are routes, sources or
    indicators.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


REQUESTS = Metric(
    name="teamgauge_http_requests_total",
    type="counter",
    help="Answers, by the route's template, method and status.",
    labels=("route", "method", "status"),
)
REQUEST_SECONDS = Metric(
    name="teamgauge_http_request_duration_seconds",
    type="histogram",
    help="Seconds until an answer was sent, by the route's template.",
    labels=("route",),
)
BUILD = Metric(
    name="teamgauge_build_info",
    type="gauge",
    help="1: the program's version, and the revision of the database that it needs.",
    labels=("version", "revision"),
)
DATABASE_UP = Metric(
    name="teamgauge_database_up",
    type="gauge",
    help="1 if the database answers this program, else 0; then there is nothing of what follows.",
)
SOURCE_LAG = Metric(
    name="teamgauge_source_lag_seconds",
    type="gauge",
    help="Seconds since the instant up to which a configured source was collected completely; "
    "absent before its first complete run.",
    labels=("source",),
)
SOURCE_FAILURES = Metric(
    name="teamgauge_source_failures",
    type="gauge",
    help="Runs of a source that failed or read only a part, since the last complete one.",
    labels=("source",),
)
SOURCE_ROWS = Metric(
    name="teamgauge_source_last_run_rows",
    type="gauge",
    help="Rows of a source's last finished run: read, new, changed, deleted.",
    labels=("source", "kind"),
)
SOURCE_SECONDS = Metric(
    name="teamgauge_source_last_run_seconds",
    type="gauge",
    help="Seconds that a source's last finished run took.",
    labels=("source",),
)
SOURCE_STARTED = Metric(
    name="teamgauge_source_last_run_timestamp_seconds",
    type="gauge",
    help="When a source's last finished run began, in seconds since 1970.",
    labels=("source",),
)
SOURCE_QUARANTINED = Metric(
    name="teamgauge_source_quarantined_records",
    type="gauge",
    help="Records of a source that could not be read and are listed on the page /data.",
    labels=("source",),
)
REFRESH_SECONDS = Metric(
    name="teamgauge_refresh_seconds",
    type="gauge",
    help="Seconds that the last computation of the indicators took.",
)
REFRESHED = Metric(
    name="teamgauge_refresh_timestamp_seconds",
    type="gauge",
    help="When the indicators were last computed, in seconds since 1970.",
)
UNATTRIBUTED = Metric(
    name="teamgauge_unattributed_ratio",
    type="gauge",
    help="Share of an indicator's merge requests in its latest period that belong to no team, 0 to 1; "
    "absent where there are none.",
    labels=("indicator",),
)
SUPPRESSED = Metric(
    name="teamgauge_diversity_suppressed_ratio",
    type="gauge",
    help="Share of the teams whose diversity is hidden in its last whole month, 0 to 1.",
)

METRICS: tuple[Metric, ...] = (
    REQUESTS,
    REQUEST_SECONDS,
    BUILD,
    DATABASE_UP,
    SOURCE_LAG,
    SOURCE_FAILURES,
    SOURCE_ROWS,
    SOURCE_SECONDS,
    SOURCE_STARTED,
    SOURCE_QUARANTINED,
    REFRESH_SECONDS,
    REFRESHED,
    UNATTRIBUTED,
    SUPPRESSED,
)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds: an answer that is kept takes less than one of the first, a page that is drawn
takes one in the middle."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""All others are one: a client must not be able to make labels."""


class Instruments:
    """What is counted while requests are answered; each application has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            REQUESTS.name, REQUESTS.help, REQUESTS.labels, registry=self._registry
        )
        self._seconds = Histogram(
            REQUEST_SECONDS.name,
            REQUEST_SECONDS.help,
            REQUEST_SECONDS.labels,
            buckets=BUCKETS,
            registry=self._registry,
        )
        # To find a child by its labels costs more than to count.
        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts an answer. route: a template; empty: no route. status: 0 where none was sent."""
        key = (route, method, status)
        found = self._found.get(key)
        if found is None:
            known = method if method in METHODS else "other"
            counter = self._requests.labels(route or "none", known, str(status or "none"))
            found = (counter, self._seconds.labels(route or "none"))
            if known == method:  # else whoever asks could fill the memory
                self._found[key] = found
        found[0].inc()
        found[1].observe(seconds)

    def collect(self) -> Iterator[Family]:
        """The counts of this process, or of all that share a folder; see `share`."""
        source: Collector = self._registry
        if SHARED_FOLDER in os.environ:
            source = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        for family in source.collect():
            # When a count began is told by Prometheus's own history.
            family.samples = [each for each in family.samples if not each.name.endswith("_created")]
            yield family


def share(folder: Path, place: int) -> None:
    """From now on every instrument of this process counts in a folder that several processes share.

    Before the first one is made. place: number of this process among them; who takes the place of one
    that has died goes on with its counts, for a counter must never fall.
    """
    os.environ[SHARED_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]
