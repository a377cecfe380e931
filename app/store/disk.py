"""The disk of the embedded database: whether it takes changes, and has room for them."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from app.errors import AppError
from app.settings import Settings
from app.store.database import embedded_folder
from app.store.trouble import REMEDIES, Trouble

LEAST_FREE = 100 * 1024 * 1024
"""Bytes of a disk below which the database on it may stop any moment."""


@dataclass(frozen=True, slots=True)
class DiskTrouble:
    """What is wrong with a disk, and what to do about it, a sentence each."""

    trouble: Trouble
    sentence: str
    remedy: str


def trouble_with(folder: Path, least_free: int = LEAST_FREE) -> DiskTrouble | None:
    """What is wrong with the disk of a folder. None: nothing, or there is no such folder."""
    folder = folder.expanduser()
    try:
        told = os.statvfs(folder)
        takes_changes = not told.f_flag & os.ST_RDONLY and _takes_changes(folder)
    except FileNotFoundError:
        return None  # then the database does not answer either, which is told as such
    trouble, what = None, ""
    free = told.f_bavail * told.f_frsize
    if not takes_changes:
        trouble, what = Trouble.READ_ONLY, "takes no changes"
    elif free < least_free:
        trouble, what = Trouble.DISK_FULL, f"has {free // 1024**2:,} MB left"
    if trouble is None:
        return None
    return DiskTrouble(trouble, f"The disk of {folder} {what}.", REMEDIES[trouble])


def _takes_changes(folder: Path) -> bool:
    """A disk that failed refuses changes, and may go on to say that it was mounted for them."""
    try:
        os.utime(folder / "postgres.turn")
    except FileNotFoundError:
        return True
    except OSError as error:
        return error.errno != errno.EROFS
    return True


def require_room(settings: Settings) -> None:
    """Raises AppError where the disk of the embedded database takes no changes or has no room left: to
    go on until the database itself meets that may end it, and then nothing could be looked at."""
    folder = embedded_folder(settings)
    found = trouble_with(folder) if folder is not None else None
    if found is not None:
        raise AppError(f"{found.sentence.removesuffix('.')}; nothing was begun.", found.remedy)
