"""`teamgauge demo`: a synthetic company behind GitLab's API, collected for real and served."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from app.cli import log
from app.cli.collect import run_sources
from app.cli.options import database
from app.cli.progress import waiting
from app.cli.serve import listening, serve_on
from app.errors import ConfigurationError
from app.store.roles import DatabaseRole

MARK = "demo.toml"
"""The demo's own configuration: a folder that has it was made by the demo."""


def demo(
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            envvar="PORT",
            help="Where to listen; 0: any free one.",
        ),
    ] = 8000,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="DATA_DIR",
            help="Where to keep the data; without it, it is gone when the demo ends.",
        ),
    ] = None,
) -> int:
    """Collect from a synthetic company and serve it until Ctrl-C."""
    log.start(terminal=sys.stderr.isatty())
    from app.settings import Settings
    from demo.process import company

    own: dict[str, Any] = {"server": {"host": "127.0.0.1", "port": port}}
    with ExitStack() as open_things, suppress(KeyboardInterrupt):
        listener = open_things.enter_context(listening(Settings.model_validate(own)))
        folder = open_things.enter_context(_folder(data_dir))
        typer.echo("demo: making a company of 60 people with three years of merge requests")
        today = datetime.now(UTC).date()
        sections = open_things.enter_context(company(folder, folder / MARK, today))
        # The environment and the working directory of whoever tries the demo are left out of it.
        own["database"] = {"data_dir": folder}
        engine = open_things.enter_context(
            database(Settings.model_validate(own), role=DatabaseRole.COLLECT)
        )
        with waiting("Making the company"):
            settings = Settings.model_validate({**sections(), **own})
        typer.echo(
            f"demo: its GitLab is {settings.gitlab.url}, its BambooHR {settings.bamboohr.url},"
            f" its Greenhouse {settings.greenhouse.url}, its data lies in {folder}"
        )
        # Everything: what an earlier demo left in the folder is of another day and another address.
        run_sources(engine, settings, settings.configured_sources(), full=True)
        web = open_things.enter_context(database(settings, role=DatabaseRole.WEB))
        serve_on(listener, web, settings)
    return 0


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder of the demo: the given one, which stays, or one that goes when the demo ends."""
    if given is None:
        with TemporaryDirectory(prefix="teamgauge-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    folder = given.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARK).exists():
            raise ConfigurationError(
                f"The folder {folder} holds something else than an earlier demo.",
                "Name an empty folder in DATA_DIR.",
            )
        (folder / MARK).touch()
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} cannot be used: {error.strerror}.",
            "Name another one in DATA_DIR.",
        ) from error
    yield folder
