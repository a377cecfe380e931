"""The fake of GitLab in a process of its own, with its switches at the other end of a pipe."""

import gc
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

import orjson

from benchmarks._world import Made, make
from demo.gitlab import GitLabFake
from demo.gitlab.answer import Answer, Request, json_answer

LIST = re.compile(r"/merge_requests/\d+/(?:notes/\d+/)?award_emoji|/merge_requests/\d+/versions/?$")
VERSION = re.compile(r"/merge_requests/\d+/versions/(\d+)$")
"""What only perceval asks for: who reacted to what, which nobody did, and each merge request's one
version."""


class _Served(GitLabFake):
    """A fake in whose world something happens between the requests, and whose answers take time by
    what is in them, while that is switched on."""

    def __init__(self, made: Made) -> None:
        super().__init__(made.world)
        self.made = made
        self.answered = 0
        self.changes_every = self.changes_left = 0
        self.cost_of_merge_request = 0.0
        self.cost_of_note = 0.0
        self._counting = Lock()

    def answer(self, request: Request) -> Answer:
        """Answers as ever, or what the fake of the tests and the demo has no use for."""
        with self._counting:
            self.answered += 1
            if self.changes_left and self.answered % self.changes_every == 0:
                self.changes_left -= 1
                self.made.change(1)
        answer = self._of_perceval(request) or super().answer(request)
        if self.cost_of_merge_request or self.cost_of_note:
            merge_requests, notes = served(orjson.loads(answer.body))
            sleep(merge_requests * self.cost_of_merge_request + notes * self.cost_of_note)
        return answer

    def _of_perceval(self, request: Request) -> Answer | None:
        path = request.path.partition("?")[0]
        version = VERSION.search(path)
        if version is None and not LIST.search(path):
            return None
        sleep(self.delay)
        if version is not None:
            return json_answer({"id": int(version[1]), "commits": [], "diffs": []})
        return json_answer([] if path.endswith("award_emoji") else [{"id": 1}])


def served(content: Any) -> tuple[int, int]:
    """How many merge requests and how many notes there are in an answer of either API."""
    if isinstance(content, dict):
        merge_requests, notes = int("iid" in content), int("body" in content)
        inner: Iterable[Any] = content.values()
    elif isinstance(content, list):
        merge_requests, notes = 0, 0
        inner = content
    else:
        return 0, 0
    for each in inner:
        more = served(each)
        merge_requests, notes = merge_requests + more[0], notes + more[1]
    return merge_requests, notes


def _comments(made: Made) -> dict[int, int]:
    return {
        each.id: sum(not note.system for note in each.notes)
        for each in made.world.merge_requests.values()
    }


def _serve(pipe: Connection, merge_requests: int, folder: Path) -> None:
    made = make(merge_requests)
    made.write_files(folder)
    gc.freeze()
    fake = _Served(made)

    def count(_: None) -> int:
        counted, fake.answered = fake.answered, 0
        fake.forget_requests()
        return counted

    def delay(seconds: float) -> None:
        fake.delay = seconds

    def cost(seconds: tuple[float, float]) -> None:
        fake.cost_of_merge_request, fake.cost_of_note = seconds

    def changing(change: tuple[int, int]) -> None:
        fake.changes_every, fake.changes_left = change

    def summary(_: None) -> Summary:
        every = made.world.merge_requests.values()
        return Summary(
            merge_requests=len(every),
            archived=sum(each.project.archived for each in every),
            notes=sum(len(each.notes) for each in every),
            open=sum(each.open for each in every),
            asked=sum(each.open and bool(each.reviewers) for each in every),
        )

    commands: dict[str, Callable[[Any], Any]] = {
        "count": count,
        "delay": delay,
        "cost": cost,
        "changing": changing,
        "change": made.change,
        "change apart": lambda _: made.change_apart(),
        "delete": lambda _: made.delete_one().id,
        "join": made.join,
        "comments": lambda _: _comments(made),
        "archived": lambda _: {
            each.id for each in made.world.merge_requests.values() if each.project.archived
        },
        "changed since": lambda since: sum(
            each.updated_at >= datetime.fromisoformat(since)
            for each in made.world.merge_requests.values()
        ),
        "newest": lambda _: max(
            each.updated_at for each in made.world.merge_requests.values()
        ).isoformat(),
        "summary": summary,
    }
    with fake.serving() as url:
        pipe.send((url, fake.token))
        while (asked := pipe.recv()) is not None:
            what, value = asked
            pipe.send(commands[what](value))


@dataclass(frozen=True, slots=True)
class Summary:
    """How much is there. archived: in archived projects. asked: open ones with reviewers."""

    merge_requests: int
    archived: int
    notes: int
    open: int
    asked: int


@dataclass(frozen=True, slots=True)
class Served:
    """A served world: its address and token, and the pipe to its process."""

    url: str
    token: str
    pipe: Connection

    def ask(self, what: str, value: Any = None) -> Any:
        """One command; see `_serve`."""
        self.pipe.send((what, value))
        return self.pipe.recv()


@contextmanager
def process_behind(serve: Callable[..., None], *given: Any) -> Iterator[Connection]:
    """A process of its own at the other end of a pipe; None tells it to end.

    serve: what it does, with its end of the pipe and what else is given.
    """
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=serve, args=(theirs, *given), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
        ours.send(None)
    finally:
        ours.close()
        process.join(10)
        process.kill()


@contextmanager
def serving(merge_requests: int, folder: Path) -> Iterator[Served]:
    """Serves a world of so many merge requests. folder: where the organisation's files go."""
    with process_behind(_serve, merge_requests, folder) as pipe:
        url, token = pipe.recv()
        yield Served(url, token, pipe)
