"""The file of a backup: a plain tar with a manifest, an archive of pg_dump, and the checksums of both.

`tar xf FILE && sha256sum -c SHA256SUMS && pg_restore store.dump` does by hand what `restore` does, should
this program ever be gone. A file is written beside its place and gets its name when it is whole and on
the disk, so that whatever has the name of a backup is one.
"""

import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

from app.errors import ConfigurationError

FORMAT = 1

MANIFEST, DUMP, SUMS = "manifest.json", "store.dump", "SHA256SUMS"

PIECE = 1 << 20
"""Bytes that are read at once."""

LEFT_BEHIND = 86_400.0
"""Seconds after which nobody writes any more to what was to become a backup: it was killed."""

PARTIAL = ".teamgauge-part"
"""Ending of what is to become a backup."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is in a backup, so that it can be told before anything of it is restored."""

    format: int
    teamgauge: str
    """The version of the program that made it."""
    revision: str
    """Of the database, as the migrations name it."""
    postgres: str
    """The version of the server."""
    client: int
    """The major version of the pg_dump that made the archive: older ones cannot read it."""
    schema: str
    """In which schema the tables are; those of the queue are in one of their own."""
    made_at: str
    """The moment that the backup shows, ISO 8601, UTC."""


@contextmanager
def taking_place(target: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file to write to, which has the target's name, mode 0600 and is on the disk after the block.

    Raises ConfigurationError where it cannot be written, and where something has the name already
    unless it is a plain file and overwrite is true. With an error nothing is left.
    """
    target = Path(os.path.realpath(target))
    require_free(target, overwrite=overwrite)
    try:
        _remove_left_behind(target.parent)
        descriptor, name = mkstemp(PARTIAL, f".{target.name}.", target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    beside = Path(name)
    try:
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _unwritable(target, error) from error
        _name(beside, target, overwrite=overwrite)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def require_free(target: Path, *, overwrite: bool) -> None:
    """Raises ConfigurationError unless a backup may be written there."""
    if target.is_dir():
        raise ConfigurationError(f"{target} is a folder.")
    if not target.parent.is_dir():
        raise ConfigurationError(f"There is no folder {target.parent}.")
    if not target.exists():
        return
    if not target.is_file():
        raise ConfigurationError(f"{target} is no plain file.", "Name a file.")
    if not overwrite:
        raise _taken(target)


def _taken(target: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{target} exists already and was left as it is.",
        "Name another file, or say --overwrite.",
    )


def _unwritable(target: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{target} cannot be written: {error.strerror or error}.")


def _name(beside: Path, target: Path, *, overwrite: bool) -> None:
    """Gives the finished file its name, for good."""
    try:
        if overwrite:
            beside.replace(target)
        else:
            try:
                os.link(beside, target)  # unlike renaming never in place of another one
            except FileExistsError:
                raise _taken(target) from None
            except OSError:  # a file system without links
                require_free(target, overwrite=False)
                beside.replace(target)
        if os.name == "posix":
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise _unwritable(target, error) from error


def _remove_left_behind(folder: Path) -> None:
    """Removes what a killed backup left in the folder, which nobody has written to for long."""
    for path in folder.glob(f".*{PARTIAL}"):
        with suppress(FileNotFoundError):  # of another backup, which ends right now
            if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                path.unlink()


def write(stream: IO[bytes], manifest: Manifest, dump: Callable[[IO[bytes]], None]) -> None:
    """Writes a backup to an empty file that can be sought in. dump: writes the archive to what it is
    given, which only takes writing."""
    content = (json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n").encode()
    _add(stream, MANIFEST, content)
    start = stream.tell()
    stream.write(_head(DUMP, 0))
    counted = _Counted(stream)
    dump(counted)  # type: ignore[arg-type]
    _fill(stream)
    # What it is long is known only now.
    end = stream.tell()
    stream.seek(start)
    stream.write(_head(DUMP, counted.size))
    stream.seek(end)
    sums = f"{sha256(content).hexdigest()}  {MANIFEST}\n{counted.digest.hexdigest()}  {DUMP}\n"
    _add(stream, SUMS, sums.encode())
    stream.write(bytes(2 * tarfile.BLOCKSIZE))


class _Counted:
    """Passes on what is written, and keeps its length and checksum."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.size = 0
        self.digest = sha256()

    def write(self, piece: bytes) -> int:
        self.size += len(piece)
        self.digest.update(piece)
        return self._stream.write(piece)


def _add(stream: IO[bytes], name: str, content: bytes) -> None:
    stream.write(_head(name, len(content)) + content)
    _fill(stream)


def _head(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info.tobuf(tarfile.GNU_FORMAT)


def _fill(stream: IO[bytes]) -> None:
    """Fills the last block of a member."""
    stream.write(bytes(-stream.tell() % tarfile.BLOCKSIZE))


@dataclass(frozen=True)
class Backup:
    """A backup that was opened and found whole."""

    manifest: Manifest
    _descriptor: int
    _begin: int

    @contextmanager
    def from_its_begin(self) -> Iterator[int]:
        """A descriptor for a program to read the archive from; it need not read up to the end."""
        os.lseek(self._descriptor, self._begin, os.SEEK_SET)
        yield self._descriptor


@contextmanager
def opened(file: Path) -> Iterator[Backup]:
    """A backup, after every byte of it was read once and compared with its checksum.

    Raises ConfigurationError for a file that cannot be read, is no backup, is cut off or damaged, or
    was written by a newer program in a way that this one does not know.
    """
    try:
        stream = file.open("rb", buffering=0)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}.") from error
    with stream:
        try:
            yield _checked(file, stream)
        except tarfile.TarError as error:
            raise _foreign(file) from error


def _checked(file: Path, stream: IO[bytes]) -> Backup:
    damaged = ConfigurationError(
        f"{file} is damaged or was cut off: it is not what was written.", "Take another backup."
    )
    if not file.is_file():
        raise _foreign(file)
    try:
        archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - the stream is what is closed
    except (tarfile.TarError, OSError) as error:
        raise _foreign(file) from error
    try:
        first = archive.next()
        if first is None or first.name != MANIFEST or not first.isfile() or first.size > PIECE:
            raise _foreign(file)
        content = _content(archive, first)
        manifest = _manifest(file, content)
        dump, sums = archive.next(), archive.next()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise damaged from error
    if dump is None or sums is None or (dump.name, sums.name) != (DUMP, SUMS) or sums.size > PIECE:
        raise damaged
    expected = (
        f"{sha256(content).hexdigest()}  {MANIFEST}\n{_digest(stream, dump)}  {DUMP}\n".encode()
    )
    try:
        if _content(archive, sums) != expected:
            raise damaged
    except (tarfile.TarError, OSError, EOFError) as error:
        raise damaged from error
    return Backup(manifest, stream.fileno(), dump.offset_data)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = archive.extractfile(member)
    assert found is not None
    return found.read()


def _digest(stream: IO[bytes], member: tarfile.TarInfo) -> str:
    digest = sha256()
    stream.seek(member.offset_data)
    left = member.size
    while left and (piece := stream.read(min(PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


def _foreign(file: Path) -> ConfigurationError:
    return ConfigurationError(f"{file} is no backup of teamgauge.")


def _manifest(file: Path, content: bytes) -> Manifest:
    try:
        found: Any = json.loads(content)
        number = found["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(file) from error
    if isinstance(number, int) and number > FORMAT:
        raise ConfigurationError(
            f"{file} was made by a newer teamgauge ({found.get('teamgauge', '?')!s:.40}).",
            "Install the newest teamgauge.",
        )
    try:
        manifest = Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    except KeyError as error:
        raise _foreign(file) from error
    if not all(isinstance(value, str) for value in (manifest.revision, manifest.schema)):
        raise _foreign(file)
    return manifest
