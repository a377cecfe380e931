"""A folder of backups that are called by their time, of which the newest few are kept."""

import re
from datetime import UTC, datetime
from pathlib import Path

NAME = re.compile(r"teamgauge-\d{4}-\d{2}-\d{2}T\d{6}Z\.tar")
"""Whatever is called otherwise in the folder was not put there by us, and is left alone."""


def new_name(folder: Path) -> Path:
    """The backup of this moment."""
    return folder / f"teamgauge-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.tar"


def rotated(folder: Path, kept: int, newest: Path) -> list[Path]:
    """Deletes all backups of the folder but the newest, and answers which.

    kept: how many stay, 1 or more. newest: the one that was just made: it stays whatever it is called,
    for the clock may have been set back since the one before.
    """
    names = {path.name for path in folder.iterdir() if NAME.fullmatch(path.name)} - {newest.name}
    others = sorted(names)
    old = [folder / name for name in others[: max(len(others) - (kept - 1), 0)]]
    for path in old:
        path.unlink(missing_ok=True)
    return old
