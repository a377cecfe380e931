"""Who is measured: teamgauge and its peers behind one face, each with what it knows between two runs."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any, Protocol

from sqlalchemy import Engine, text

from app.settings import Settings
from benchmarks._database import Database
from benchmarks._peers import Peer, run_peer
from benchmarks._serving import Served, serving
from benchmarks._world import GROUP, PROJECTS
from collectors import SOURCES
from collectors.runner import run

Installed = Sequence[tuple[Peer, Path]]
"""Peers, each with its interpreter."""


SETTLING = 0.05
"""Seconds for answers to be counted that nobody waited for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run. merge_requests: how many it read; whole: not scaled up from a part of them; counted: its
    requests are not either.

    peak_mb: of the process, peak_with_refresh_mb: where it computed as well.
    """

    requests: int
    seconds: float
    peak_mb: float
    merge_requests: int
    whole: bool = True
    counted: bool = True
    collect_seconds: float = 0.0
    peak_with_refresh_mb: float = 0.0


class Contender(Protocol):
    """Somebody who is measured."""

    @property
    def name(self) -> str:
        """For the table."""

    @property
    def requests_each(self) -> float:
        """About so many for each merge request."""

    def run(self, needs: int | None = None) -> Run:
        """A run: the first reads everything, later ones what changed since, as it is made for.

        needs: how many requests that takes, where a whole run has told.
        """

    def comments(self) -> dict[int, int]:
        """What it has: of each merge request how many notes people wrote, by id."""


@dataclass(slots=True)
class Ours:
    """teamgauge with a database. folder: with the organisation's files."""

    served: Served
    engine: Engine
    folder: Path
    name: str = "teamgauge"
    requests_each: float = 0.03

    def settings(self) -> dict[str, Any]:
        """Its configuration, as JSON can carry it."""
        names = ("people", "employment", "memberships")
        return {
            "gitlab": {"url": self.served.url, "token": self.served.token, "groups": [GROUP]},
            "files": {
                "teams": str(self.folder / "teams.yaml"),
                **{name: str(self.folder / f"{name}.csv") for name in names},
            },
        }

    def prepare(self, now: datetime) -> None:
        """Reads the organisation's files, so that there are teams to compute for."""
        [source] = [each for each in SOURCES if each.name == "files"]
        settings = Settings.model_validate(self.settings())
        done = run(self.engine, source, settings, full=False, started_at=now)
        assert done.outcome == "done", done.failures

    def run(self, needs: int | None = None) -> Run:
        """Collects and computes, in a process of its own; always to the end."""
        self.served.ask("count")
        job = {
            "database": self.engine.url.render_as_string(hide_password=False),
            "settings": self.settings(),
            "full": False,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks._ours"],
            input=json.dumps(job),
            text=True,
            check=True,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        told = json.loads(done.stdout)
        assert told["outcome"] == "done", told
        requests = self.served.ask("count")
        assert requests == told["requests"], "its report and the server count differently"
        return Run(
            requests,
            told["seconds"],
            told["peak_mb"],
            len(self.comments()),
            collect_seconds=told["collect_seconds"],
            peak_with_refresh_mb=told["peak_with_refresh_mb"],
        )

    def comments(self) -> dict[int, int]:
        """As its tables have it."""
        query = """
            SELECT m.id, count(n.id) FROM merge_requests m
            LEFT JOIN notes n ON n.merge_request_id = m.id AND n.kind = 'comment'
            WHERE m.deleted_at IS NULL GROUP BY m.id
        """
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(text(query))}


@dataclass(slots=True)
class Other:
    """A peer with its interpreter. patience: seconds after which a run is ended and scaled up: to the
    requests that it needs where they are known, else to the merge requests that it has to read."""

    served: Served
    peer: Peer
    python: Path
    patience: float | None
    since: str | None = None
    known: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """With its version."""
        version = self.peer.pins[0].partition("==")[2]
        head, comma, tail = self.peer.name.partition(",")
        return f"{head} {version}{comma}{tail}".strip()

    @property
    def requests_each(self) -> float:
        """As its peer needs them."""
        return self.peer.requests_each

    def run(self, needs: int | None = None) -> Run:
        """Reads what was updated since the newest that it has seen."""
        self.served.ask("count")
        expected = self._expected()
        told = run_peer(
            self.peer,
            self.python,
            {
                "url": self.served.url,
                "token": self.served.token,
                "group": GROUP,
                "projects": [path for path, _, _ in PROJECTS],
                "since": self.since,
                "patience": self.patience,
            },
        )
        sleep(SETTLING)
        requests = self.served.ask("count")
        read = len(told.comments)
        self.known |= told.comments
        if told.whole:
            self.since = told.newest
            return Run(requests, told.seconds, told.peak_mb, read)
        scale = max(1.0, needs / requests if needs else expected / read)
        self.since = self.since or self.served.ask("newest")
        return Run(
            round(requests * scale),
            told.seconds * scale,
            told.peak_mb,
            expected,
            whole=False,
            counted=needs is not None,
        )

    def _expected(self) -> int:
        """How many merge requests it has to read."""
        if self.since is not None:
            changed: int = self.served.ask("changed since", self.since)
            return changed
        there = self.served.ask("summary")
        read: int = there.merge_requests - (0 if self.peer.archived else there.archived)
        return read

    def comments(self) -> dict[int, int]:
        """As its runs told it, the later ones over the earlier ones."""
        return self.known


@contextmanager
def world(size: int) -> Iterator[tuple[Served, Path]]:
    """A served world of this size, and the folder of the organisation's files."""
    with tempfile.TemporaryDirectory() as name, serving(size, Path(name)) as served:
        yield served, Path(name)


@contextmanager
def scene(size: int, database: Database) -> Iterator[tuple[Served, Ours]]:
    """A served world of this size, and teamgauge with an empty database."""
    with world(size) as (served, folder), database() as engine:
        ours = Ours(served, engine, folder)
        ours.prepare(datetime.now(UTC))
        yield served, ours
