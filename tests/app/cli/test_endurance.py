"""kill -9 of any process at any moment, under load: the service comes back by itself, nothing is lost.

Each once in CI, or for as many minutes as TEAMGAUGE_TEST_ENDURANCE says: `make test-endurance`.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import Engine, text

from app.settings import Settings
from app.store.database import open_database
from tests.ports import free_port

from .conftest import PROGRAM
from .test_killed import Teamgauge, contents, fake, undisturbed, variables

__all__ = ["fake", "undisturbed", "variables"]

SECONDS = 60 * float(os.environ.get("TEAMGAUGE_TEST_ENDURANCE", "0"))
CLIENTS = 4
PAGES = (
    "/",
    "/teams/backend",
    "/indicators/mr_rate",
    "/indicators/open_mr_age/evidence?team=frontend",
    "/api/v1/teams",
    "/api/v1/indicators/open_mr_age/series?team=dev",
    "/api/v1/runs",
)
UNAVAILABLE = 503
"""What a page may say while the database is gone: it names no more than that, and is no fault of ours."""


class Kept:
    """A command that is started again whenever it ended, as systemd does with Restart=always."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self._folder = folder
        self._environment = environment
        self._arguments = arguments
        self.log = folder / f"{arguments[0]}.log"
        self._file = self.log.open("a")
        self._over = threading.Event()
        self.runs: Counter[int] = Counter()
        self.process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._over.is_set():
            self.process = subprocess.Popen(
                [str(PROGRAM), *self._arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=self._file,
                stderr=subprocess.STDOUT,
            )
            self.runs[self.process.wait()] += 1
            self._over.wait(0.2)

    def stop(self) -> None:
        """Ends it, and does not start it again."""
        self._over.set()
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
        self._thread.join(timeout=120)
        assert not self._thread.is_alive(), f"{self._arguments[0]} did not end when it was told to"
        self._file.close()


class Load:
    """Clients that ask without a pause; what they were answered, and when all was well last."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._over = threading.Event()
        self.answers: Counter[str] = Counter()
        self.wrong: list[tuple[str, str]] = []
        """Page and answer."""
        self.well_at = 0.0
        self._threads = [
            threading.Thread(target=self._ask, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        dice = random.Random(number)
        with httpx.Client(base_url=self._address, timeout=60) as client:
            while not self._over.is_set():
                page = dice.choice(PAGES)
                try:
                    answer = client.get(page)
                except httpx.TransportError as error:  # who would have answered is gone
                    self.answers[type(error).__name__] += 1
                    time.sleep(0.05)
                    continue
                self.answers[str(answer.status_code)] += 1
                time.sleep(0.02)  # others have to come to something as well
                if answer.status_code == 200:
                    self.well_at = time.monotonic()
                elif answer.status_code != UNAVAILABLE:
                    self.wrong.append((page, answer.text))

    def wait_until_well(self, seconds: float) -> None:
        """Returns as soon as a page is answered again."""
        begun = time.monotonic()
        while self.well_at < begun:
            assert time.monotonic() - begun < seconds, "the service did not come back"
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the load."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=90)


def unforeseen(log: Path) -> str:
    """What the log says of the first failure that nobody foresaw."""
    _, _, found = log.read_text().partition("request.failed")
    return found[:5_000]


def postmaster(data: Path) -> int | None:
    """The process of the embedded server; None while there is none."""
    with suppress(OSError, ValueError, IndexError):
        return int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    return None


def web_worker(web: Kept) -> int | None:
    """One of the processes that answer."""
    if web.process is None:
        return None
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(web.process.pid).children(recursive=True)
        workers = [child.pid for child in children if "postgres" not in child.name()]
        return random.choice(workers) if workers else None
    return None


COMMITTED = text(
    "SELECT id, indicator, variant, team_id, period, value, recorded_at FROM indicator_values"
    " WHERE NOT partial"
)


def committed(engine: Engine) -> set[tuple[Any, ...]]:
    """The values of months that are over, as they are stored, with those that were superseded."""
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(COMMITTED)}


@contextmanager
def embedded(data: Path) -> Iterator[Engine]:
    """The store of the commands, looked at from beside them."""
    settings = Settings.model_validate({"database": {"data_dir": str(data)}})
    with open_database(settings, migrated=False) as engine:
        yield engine


@pytest.mark.timeout(300 + 3 * SECONDS)
def test_anything_may_be_killed_at_any_time(
    tmp_path: Path,
    environment: dict[str, str],
    teamgauge: Teamgauge,
    variables: dict[str, str],
    undisturbed: tuple[Engine, int],
) -> None:
    month = datetime.now(UTC).date().replace(day=1)
    data = Path(environment["TEAMGAUGE_DATABASE__DATA_DIR"])
    assert teamgauge("collect", **variables).returncode == 0
    port = free_port()
    at = {**environment, **variables}
    web = Kept(tmp_path, at, "serve", "--port", str(port), "--workers", "2")
    collector = Kept(tmp_path, at, "collect", "--full")
    refresher = Kept(tmp_path, at, "refresh", "--all")
    load = Load(f"http://127.0.0.1:{port}")
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    victims: dict[str, Callable[[], int | None]] = {
        "web": lambda: web.process.pid if web.process else None,
        "worker": lambda: web_worker(web),
        "collect": lambda: collector.process.pid if collector.process else None,
        "refresh": lambda: refresher.process.pid if refresher.process else None,
        "postgres": lambda: postmaster(data),
    }
    killed: Counter[str] = Counter()
    slowest = 0.0
    try:
        load.wait_until_well(120)
        with embedded(data) as engine:
            before = committed(engine)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or set(killed) != set(victims):
            # Each of them once before any of them twice.
            name = min(victims, key=lambda each: (killed[each], dice.random()))
            pid = victims[name]()
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[name] += 1
                begun = time.monotonic()
                load.wait_until_well(120)
                slowest = max(slowest, time.monotonic() - begun)
            time.sleep(dice.uniform(0.1, 1.5))
    finally:
        refresher.stop()
        collector.stop()
        load.stop()
        web.stop()
    print(
        f"seed {seed}: killed {dict(killed)}, back after {slowest:.1f} s at the latest,"
        f" answers {dict(load.answers)}, runs {dict(collector.runs)}"
    )
    assert not load.wrong, (load.wrong[:5], unforeseen(web.log))

    done = teamgauge("collect", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    with embedded(data) as engine:
        found, expected = contents(engine, month), contents(undisturbed[0], month)
        # How far lists were read, and which slice was looked at last: each of the many runs went on there.
        assert {scope for _, scope, *_ in expected.pop("positions")} <= {
            scope for _, scope, *_ in found.pop("positions")
        }
        assert found == expected
        assert before <= committed(engine), "what was committed is still there, as it was recorded"
