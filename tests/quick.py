"""A folder for what the tests write over and over and nobody needs afterwards: in memory where there is room.

Half a thousand files make a database, and a test that commits has one of its own: on a disk most of the
time of such a test goes into making and removing files.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30
"""Bytes that have to be free, in the file system and in the machine; a whole run takes below a quarter."""

_PREFIX = "teamgauge-tests-"
_LOCK = "run"


def quick_place() -> Path:
    """Where such folders lie: in memory unless that is scarce."""
    return MEMORY if _roomy() else Path("/tmp")


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A new folder, in memory unless that is scarce; removed in the end.

    What runs that were killed have left goes first: memory is not emptied by restarts only.
    """
    home = quick_place()
    for left in home.glob(f"{_PREFIX}*"):
        _remove_unless_used(left)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    with (new / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = new.rename(
            home / f"{_PREFIX}{new.name}"
        )  # only now: nobody sees it without its lock
        yield folder
        shutil.rmtree(folder)


def _remove_unless_used(folder: Path) -> None:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return  # a run goes on in it, another one removes it, or it is somebody else's


def _roomy() -> bool:
    """Whether there is a file system in memory that has room, and from which programs may be started:
    for an account that does not reach those of the environment they are copied beside the data."""
    try:
        found = os.statvfs(MEMORY)
        told = Path("/proc/meminfo").read_text()
    except FileNotFoundError:
        return False  # not Linux
    sizes = dict(line.split(":") for line in told.splitlines())
    available = int(sizes["MemAvailable"].split()[0]) * 1024
    return (
        min(found.f_bavail * found.f_frsize, available) >= ROOM and not found.f_flag & os.ST_NOEXEC
    )
