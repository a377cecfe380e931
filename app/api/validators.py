"""What tells whether an answer still holds: everything that it is drawn from, as one short text."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.api.readiness import Readiness
from app.faults import Faults
from app.metrics.present import Reached, load_reached, told_of
from app.settings import Settings
from app.store.changes import state_of

log = structlog.get_logger()


def signature(settings: Settings, folders: Iterable[Path]) -> bytes:
    """Of the configuration and the program: the same in every process that would answer alike.

    folders: everything in them has a say in answers. A checkout changes without its version doing so.
    """
    digest = blake2b(f"{__version__} {settings.path} {settings.model_dump_json()}".encode())
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(folder.parent)}\0".encode())
                digest.update(blake2b(file.read_bytes()).digest())
    return digest.digest()


class Present:
    """Tells the present state of all that answers are drawn from besides address and signature.

    One statement, put once for all who wait for it; a second and third only after a change.
    """

    def __init__(
        self,
        engine: Engine,
        reading: sessionmaker[Session],
        settings: Settings,
        readiness: Readiness,
        faults: Faults,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reading = reading
        self._zone = settings.reporting.zone
        self._readiness = readiness
        self._faults = faults
        # Its own: those who draw answers must not keep those waiting who need none.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._turn = asyncio.Lock()
        self._begun = self._done = 0
        self._state: str | None = None
        self._data = ""
        self._reached: Reached | None = None

    async def state(self) -> str | None:
        """The state at a moment after the call; None where the answers cannot be told by one, or the
        database does not answer."""
        begun = self._begun
        async with self._turn:
            # What was asked before the call may have missed what was committed before it.
            if self._done <= begun:
                self._begun += 1
                loop = asyncio.get_running_loop()
                self._state = await loop.run_in_executor(self._thread, self._read)
                self._done = self._begun
            return self._state

    def _read(self) -> str | None:
        try:
            with self._engine.connect() as connection:
                data = state_of(connection)
            if data != self._data:
                # Read later than the state, it may tell of more: then the state differs next time.
                with self._reading() as session:
                    self._reached = load_reached(session)
                self._data = data
        except SQLAlchemyError as error:
            # Whoever draws the answer meets the same, and tells of it.
            log.debug("state.unknown", reason=type(error).__name__)
            self._data = ""
            return None
        self._readiness.look(max(self._reached, default=None) if self._reached else None)
        if self._reached is None:
            return None
        faults = " ".join(self._faults.present)  # pages tell of them
        return f"{data} {told_of(datetime.now(UTC), self._reached, self._zone)} {faults}"


def validator(*drawn_from: bytes) -> str:
    """An ETag. A weak one: whether an answer is compressed on its way makes no difference to it."""
    digest = blake2b(digest_size=16)
    for part in drawn_from:
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    return f'W/"{digest.hexdigest()}"'


def is_among(etag: str, given: Iterable[str]) -> bool:
    """Whether an If-None-Match header, perhaps in several lines, names the ETag; compared weakly."""
    opaque = etag.removeprefix("W/")
    return any(
        each.strip().removeprefix("W/") == opaque for line in given for each in line.split(",")
    )
