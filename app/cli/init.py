"""`teamgauge init`: a configuration to fill in, and the files beside it."""

import os
from pathlib import Path

import typer

from app.cli import template
from app.cli.options import ConfigOption, chosen
from app.errors import ConfigurationError

ONLY_OWNER = 0o600
"""The configuration is where the token goes."""


def init(context: typer.Context, config: ConfigOption = None) -> int:
    """Write a commented teamgauge.toml and empty example files."""
    from app.settings.load import DEFAULT_FILE, configuration_path

    file = configuration_path(chosen(context, config)) or DEFAULT_FILE
    folder = file.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(file, template.CONFIGURATION, ONLY_OWNER)
    except FileExistsError as error:
        raise ConfigurationError(
            f"{file} exists already and was left as it is.",
            "Edit it, or name another file with --config.",
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error
    typer.echo(f"Wrote {file}.")
    contents = {"teams.yaml": template.TEAMS} | {
        name: f"{header}\n" for name, header in template.HEADERS.items()
    }
    for name, content in contents.items():
        try:
            _write(folder / name, content, 0o666)
        except FileExistsError:
            typer.echo(f"Left {folder / name} as it is.")
        else:
            typer.echo(f"Wrote {folder / name}.")
    typer.echo(
        f"Next: put your GitLab's address, a token and your groups into {file}, your teams into "
        f"{folder / 'teams.yaml'}, then run `teamgauge check` and `teamgauge collect`."
    )
    return 0


def _write(file: Path, content: str, mode: int) -> None:
    """Writes a new file. Raises FileExistsError instead of changing one that is there."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(content)
