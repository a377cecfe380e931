"""Where log lines go: JSON on standard error for programs, the important ones as text on a terminal."""

import logging
import sys
from collections.abc import Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.redaction import Redaction

TALKATIVE = (
    "alembic",
    "asyncio",
    "gql",
    "httpcore",
    "httpx",
    "procrastinate",
    "psycopg.pool",
    "urllib3",
    "watchfiles",
    "websockets",
)

_redaction = Redaction()


def redacted(text: str) -> str:
    """The text without any secret of the configuration."""
    return _redaction(text)


def keep_out(secrets: Iterable[str]) -> None:
    """From now on none of these appears in any line."""
    global _redaction  # noqa: PLW0603 - as global as standard error itself
    _redaction = Redaction(secrets)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error now: a progress bar puts itself in front of it for a while."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _without_own_reports(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """On a terminal the command itself says how a run went, and of tidying up nobody waits to hear."""
    if str(event.get("event", "")).startswith(("collect.", "retention.")):
        raise structlog.DropEvent
    return event


def start(*, terminal: bool) -> None:
    """Sets up logging for this process.

    terminal: whether a person reads along: warnings as text; else one JSON object per event.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if terminal:
        rendering: list[Processor] = [
            _without_own_reports,
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    else:
        rendering = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _StandardError()
    handler.setFormatter(
        _Redacting(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if terminal else logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # What takes long and is waited for is worth a line on a terminal as well.
    logging.getLogger("app.store").setLevel(logging.INFO)
    # And who wants a line for each request wants it anywhere.
    logging.getLogger("app.access").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


class _Redacting(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
