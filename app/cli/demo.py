"""`teamgauge demo`: a synthetic company behind GitLab's API, collected for real and served."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


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
    return 0
