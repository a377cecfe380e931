"""`teamgauge alert`, and the alerts after `collect` and after each refresh of a worker."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from app.cli.log import redacted
from app.cli.options import ConfigOption, begin, database
from app.errors import AppError, ConfigurationError, LockedError
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.alerts.telling import Told
    from app.settings import Settings

log = structlog.get_logger()


def alert(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be told, and tell nobody.")
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Tell what has left its target or returned to it, and stale data.

    Each change once, and the reports of a month once its data are complete. Also done by `collect` and
    by workers; a cron line of its own tells when those do not run.
    """
    settings = begin(context, config)
    if not dry_run:
        _require_somebody(settings)
    with database(settings, role=DatabaseRole.COLLECT) as engine:
        if dry_run:
            return _rehearsed(engine, settings)
        return _status(_told(engine, settings))


def alert_after_collecting(engine: "Engine", settings: "Settings") -> None:
    """Tells what was brought to light, where anybody is to be told.

    Whatever goes wrong is said and left to the next run: what was collected and computed is not less
    done for it.
    """
    if not settings.alerts.tells_somebody:
        return
    try:
        _told(engine, settings)
    except LockedError:
        return  # another run tells it
    except AppError as error:
        _say_failure(str(error))


def _require_somebody(settings: "Settings") -> None:
    if not settings.alerts.tells_somebody:
        raise ConfigurationError(
            "Nobody is to be told: set alerts.webhook_url, or alerts.email_to and alerts.smtp_host.",
            "`teamgauge alert --dry-run` shows what would be told.",
        )


def _told(engine: "Engine", settings: "Settings") -> "Told":
    from app.alerts.telling import tell

    told = tell(engine, settings, datetime.now(UTC))
    for channel, message in told.messages.items():
        typer.echo(redacted(f"alerts: told by {channel}: {message.subject}."))
        log.info("alerts.told", channel=channel, subject=redacted(message.subject))
    for each in told.reports:
        typer.echo(f"alerts: sent the report of {each.team.slug}, {each.month}.")
        log.info("alerts.reported", team=each.team.slug, month=str(each.month))
    for failure in told.failures:
        _say_failure(failure)
    return told


def _status(told: "Told") -> int:
    if not (told.messages or told.reports or told.failures):
        typer.echo("alerts: nothing has changed.")
    return 1 if told.failures else 0


def _say_failure(sentence: str) -> None:
    typer.echo(redacted(f"alerts: {sentence} The next run tells it again."))
    log.warning("alerts.failed", message=redacted(sentence))


def _rehearsed(engine: "Engine", settings: "Settings") -> int:
    from app.alerts.telling import rehearse

    told = rehearse(engine, settings, datetime.now(UTC))
    for channel, message in told.messages.items():
        typer.echo(redacted(f"alerts: would be told by {channel}:\n{message.text}"))
    for each in told.reports:
        to = ", ".join(each.to) or "nobody: no manager of the team has an e-mail address"
        typer.echo(f"alerts: the report of {each.team.slug}, {each.month}, would go to {to}.")
    if not (told.messages or told.reports):
        typer.echo("alerts: nothing has changed.")
    return 0
