"""The peers that collect: what each is, and one run of it in its own environment."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._environments import python_with

RUNNING = 7_200
"""Seconds that a run may take."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to collect. script: beside this file. pins: what its environment has.

    archived: whether it reads archived projects as people use it. requests_each: about so many for
    each merge request.
    """

    name: str
    script: str
    pins: tuple[str, ...]
    requests_each: float
    threads: int = 1
    archived: bool = True


PEERS = (
    Peer(
        "python-gitlab, serial",
        "_peer_python_gitlab.py",
        ("python-gitlab==8.6.0",),
        2.05,
        archived=False,
    ),
    Peer(
        "python-gitlab, 8 threads",
        "_peer_python_gitlab.py",
        ("python-gitlab==8.6.0",),
        2.05,
        threads=8,
        archived=False,
    ),
    Peer("perceval", "_peer_perceval.py", ("perceval==1.6.1",), 7.66),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of a peer came to. comments: of each merge request that it read, by id.

    whole: it came to its end; otherwise its patience had.
    """

    seconds: float
    peak_mb: float
    newest: str | None
    whole: bool
    comments: dict[int, int] = field(repr=False)


def python_of(peer: Peer) -> Path | None:
    """The interpreter of the peer's environment, which is made if need be; None: pip cannot."""
    return python_with(peer.pins, peer.name)


def run_peer(peer: Peer, python: Path, job: dict[str, Any]) -> Told:
    """One run in a process of its own. job: what the script reads, but for the threads."""
    script = Path(__file__).with_name(peer.script)
    done = subprocess.run(
        [python, script],
        input=json.dumps({**job, "threads": peer.threads}),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        timeout=RUNNING,
    )
    told = json.loads(done.stdout)
    told["comments"] = {int(number): count for number, count in told["comments"].items()}
    return Told(**told)
