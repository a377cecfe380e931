"""`/metrics`: everything of `app.api.instruments.METRICS` as Prometheus reads it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.api import instruments as metrics_of
from app.api.instruments import Instruments, Metric
from app.api.problems import PROBLEMS
from app.auth.rules import authorise_without_data
from app.metrics.operation import Operation, operation
from app.store.migrate import newest_revision
from app.store.trouble import Trouble, reason_of, trouble_of

router = APIRouter(tags=["health"], dependencies=[Depends(authorise_without_data)])


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={status: PROBLEMS[status] for status in (401, 403, 422, 429)},
)
def metrics(request: Request) -> Response:
    """How the server, the sources and the last refresh do, as Prometheus reads it; 200 also without a
    database."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    exposed = _Exposed(request.app.state.instruments, _families(request))
    return Response(
        encode(exposed), headers={"Content-Type": media_type, "Cache-Control": "no-store"}
    )


class _Exposed:
    """What an encoder writes: the counts, then what was read."""

    def __init__(self, instruments: Instruments, families: Iterator[Family]) -> None:
        self._parts = (instruments.collect(), families)

    def collect(self) -> Iterator[Family]:
        """Every metric with its samples."""
        for part in self._parts:
            yield from part


def _families(request: Request) -> Iterator[Family]:
    build = {"version": __version__, "revision": newest_revision()}
    yield _gauge(metrics_of.BUILD, {tuple(build.values()): 1})
    state = request.app.state
    try:
        with state.sessions() as session:
            found = operation(session, state.settings)
    except SQLAlchemyError as error:
        state.faults.begin(trouble_of(error) or Trouble.DATABASE_AWAY, reason_of(error))
        yield _gauge(metrics_of.DATABASE_UP, {(): 0})
        return
    yield _gauge(metrics_of.DATABASE_UP, {(): 1})
    yield from _of_sources(found, datetime.now(UTC))
    if found.refresh_seconds is not None:
        yield _gauge(metrics_of.REFRESH_SECONDS, {(): found.refresh_seconds})
    if found.refreshed_at is not None:
        yield _gauge(metrics_of.REFRESHED, {(): found.refreshed_at.timestamp()})
    yield _gauge(
        metrics_of.UNATTRIBUTED, {(key,): share for key, share in found.unattributed.items()}
    )
    if found.suppressed is not None:
        yield _gauge(metrics_of.SUPPRESSED, {(): found.suppressed})


def _of_sources(found: Operation, now: datetime) -> Iterator[Family]:
    sources = {(each.source,): each for each in found.sources}
    by_source: Mapping[Metric, Mapping[tuple[str, ...], float | None]] = {
        metrics_of.SOURCE_LAG: {
            key: (now - each.data_through).total_seconds() if each.data_through else None
            for key, each in sources.items()
        },
        metrics_of.SOURCE_FAILURES: {key: each.failures for key, each in sources.items()},
        metrics_of.SOURCE_ROWS: {
            (each.source, kind): count
            for each in found.sources
            for kind, count in each.rows.items()
        },
        metrics_of.SOURCE_SECONDS: {key: each.seconds for key, each in sources.items()},
        metrics_of.SOURCE_STARTED: {
            key: each.started_at.timestamp() if each.started_at else None
            for key, each in sources.items()
        },
        metrics_of.SOURCE_QUARANTINED: {key: each.quarantined for key, each in sources.items()},
    }
    for metric, samples in by_source.items():
        yield _gauge(metric, samples)


def _gauge(metric: Metric, samples: Mapping[tuple[str, ...], float | None]) -> Family:
    """A gauge by the values of its labels; what is not known is left out."""
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples.items():
        if value is not None:
            family.add_metric(labels, value)
    return family
