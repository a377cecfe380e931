"""Files of an organisation in a folder of a test's own."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.settings import FileSettings
from collectors.record import Record

FILES = {
    "teams": "teams.yaml",
    "people": "people.csv",
    "employment": "employment.csv",
    "memberships": "memberships.csv",
}


def files(folder: Path) -> FileSettings:
    """The settings of the files that the folder holds, under their usual names."""
    return FileSettings.model_validate(
        {key: folder / name for key, name in FILES.items() if (folder / name).exists()}
    )


def rows(folder: Path, name: str, content: Sequence[str]) -> None:
    """Writes a file of these lines."""
    (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")


def as_written(record: Record) -> dict[str, Any]:
    """What a file can say of a record: everything but that it is the files that say it."""
    columns = asdict(record)
    assert columns.pop("source") == "files"
    return columns
