"""What tests of faults of the whole service share: a disk of its own, a company, and how it all stands."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx
import pytest

from demo.gitlab import GitLabFake, World
from tests.app.cli.conftest import PROGRAM

PATIENCE = 120
"""Seconds that a machine may take on which much else runs."""

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def company() -> GitLabFake:
    """An instance with two projects and forty merge requests, the same each time."""
    world = World(clock=lambda: NOW)
    world.add_group("acme")
    projects = [world.add_project(f"acme/{name}") for name in ("app", "web")]
    ada, ben = world.add_user("ada", "Ada"), world.add_user("ben", "Ben")
    for number in range(40):
        made = world.add_merge_request(
            projects[number % 2], ada, f"Change {number}", NOW - timedelta(days=60 - number)
        )
        world.comment(made, ben, "A word", NOW - timedelta(days=59 - number))
        if number % 3:
            world.merge(made, ben, NOW - timedelta(days=58 - number))
    return GitLabFake(world)


def grow(fake: GitLabFake) -> None:
    """Four hundred merge requests more, with the longest titles there are."""
    world = fake.world
    project, ada = next(iter(world.projects.values())), next(iter(world.users.values()))
    for number in range(400):
        title = f"{number} {'wide ' * 45}"
        world.add_merge_request(project, ada, title, NOW - timedelta(days=40 - number % 40))


def configuration(fake: GitLabFake, url: str, folder: Path) -> dict[str, str]:
    """The environment that leads to a served fake, with everybody in one team."""
    (folder / "teams.yaml").write_text('- {slug: dev, name: Development, owns: ["acme/**"]}\n')
    (folder / "people.csv").write_text(
        "person_id,name,email,gitlab_username,gender\nada,Ada,,ada,\nben,Ben,,ben,\n"
    )
    (folder / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\nada,dev,member,2026-01-01,\nben,dev,member,2026-01-01,\n"
    )
    return {
        "TEAMGAUGE_REPORTING__HISTORY_START": "2026-01-01",
        "TEAMGAUGE_GITLAB__URL": url,
        "TEAMGAUGE_GITLAB__TOKEN": fake.token,
        "TEAMGAUGE_GITLAB__GROUPS": "acme",
    }


@dataclass
class Served:
    """A web server as a process of its own, and what it has logged."""

    process: subprocess.Popen[str]
    address: str
    log: Path
    client: httpx.Client = field(repr=False)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """What it answers."""
        return self.client.get(path, **more)

    def ready(self) -> str:
        """`ok`, or why it is not."""
        answer = self.get("/readyz").json()
        return str(answer.get("reason", answer["status"]))

    def faults(self) -> list[tuple[str, str]]:
        """The lines of faults that it has logged, in order: what, and which."""
        events = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [
            (event["event"].removeprefix("fault."), event["fault"])
            for event in events
            if event["event"].startswith("fault.")
        ]

    def wait_until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Returns as soon as the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, (self.get("/readyz").text, self.log.read_text()[-3000:])
            time.sleep(0.1)


@contextmanager
def serving(
    folder: Path, environment: dict[str, str], *arguments: str, status: int = 0
) -> Iterator[Served]:
    """A web server that answers, until the end; then it ends as it should and has met no mistake.

    status: that it ends with.
    """
    log = folder / "serve.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(PROGRAM), "serve", *arguments],
            cwd=folder,
            env={"TEAMGAUGE_SERVER__PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("teamgauge serves http://"), line + log.read_text()
        with httpx.Client(base_url=line.split()[2], timeout=PATIENCE) as client:
            yield Served(process, line.split()[2], log, client)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    said = log.read_text()
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert "request.failed" not in said


class Disk:
    """A file system of its own, of which only its test fills or spoils anything."""

    def __init__(self, kind: str, options: str, device: str) -> None:
        # Not below the tests' own folder, which is closed to the account that the server runs as.
        self.folder = Path(mkdtemp(prefix="teamgauge-disk-"))
        self._mount = ("mount", "-t", kind, "-o", options, device, str(self.folder))
        self.folder.chmod(0o711)
        try:
            self.mount()
        except BaseException:
            self.folder.rmdir()
            raise

    def mount(self) -> None:
        """Mounts it; skips loudly where that cannot be done."""
        if os.geteuid() != 0:
            pytest.skip("LOUD: only root can mount a disk; none was filled or spoilt")
        done = subprocess.run(self._mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"LOUD: {done.stderr.strip()}; no disk was filled or spoilt")
        self.folder.chmod(0o711)

    def unmount(self) -> None:
        """Takes it away; the folder stays."""
        subprocess.run(["umount", str(self.folder)], check=True)

    def remove(self) -> None:
        """Takes it away for good."""
        self.unmount()
        self.folder.rmdir()


def fill(folder: Path, left: int = 0) -> Path:
    """Takes all room of a disk but so many bytes; deleting the file gives it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while (free := os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - left) > 0:
                file.write(b"\0" * min(free, 1 << 20))
        except OSError as error:
            if "No space left" not in str(error):
                raise
    return ballast
