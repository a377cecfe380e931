"""What a collection loses while the lists that it reads change, and what it never notices."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks._contenders import Contender, Installed, Other, scene, world
from benchmarks._database import Database
from benchmarks._document import table
from benchmarks._processes import say
from benchmarks._serving import Served

CHANGES = 25
"""How much happens, spread over a first collection, to see what that loses."""

JOINED = 30
"""Merge requests of the project that joins later."""


@dataclass(frozen=True, slots=True)
class Losses:
    """merge_requests, notes: of those that were there all the time and are in no archived project,
    how many a first collection lost while the lists changed. archived: how many that are in one it
    has. differing: merge requests that are not as they are in GitLab after one more run in peace;
    archived ones left out. deleted, joined: whether a later run noticed."""

    name: str
    merge_requests: int
    notes: int
    archived: int
    differing: int
    deleted: bool
    joined: bool


def measure_losses(size: int, peers: Installed, database: Database) -> list[Losses]:
    """One row for each contender, in a world of its own."""
    with scene(size, database) as (served, ours):
        found = [losses_of(served, ours)]
    for peer, python in peers:
        with world(size) as (served, _):
            found.append(losses_of(served, Other(served, peer, python, None)))
    return found


def losses_of(served: Served, contender: Contender) -> Losses:
    """What a contender that has read nothing yet comes to."""
    archived = served.ask("archived")
    before: dict[int, int] = served.ask("comments")
    say(f"{len(before)} merge requests while they change: {contender.name} ...")
    every = max(2, round(len(before) * contender.requests_each / CHANGES))
    served.ask("changing", (every, CHANGES))
    contender.run()
    served.ask("changing", (0, 0))
    has = dict(contender.comments())
    lost = [each for each in before if each not in has and each not in archived]
    notes = sum(max(0, before[each] - count) for each, count in has.items() if each in before)
    contender.run()
    truth: dict[int, int] = served.ask("comments")
    settled = contender.comments()
    differing = sum(
        settled.get(each) != count for each, count in truth.items() if each not in archived
    )
    deleted, joined = served.ask("delete"), served.ask("join", JOINED)
    contender.run()
    last = contender.comments()
    return Losses(
        name=contender.name,
        merge_requests=len(lost),
        notes=notes,
        archived=sum(each in has for each in archived),
        differing=differing,
        deleted=deleted not in last,
        joined=all(each in last for each in joined),
    )


def losses_table(rows: Sequence[Losses]) -> str:
    """The rows as Markdown."""
    head = (
        "",
        "merge requests lost",
        "notes lost",
        "wrong after one more run",
        "of archived projects",
        "a deleted one is noticed",
        f"{JOINED} old ones of a project that joined are noticed",
    )
    return table(
        head,
        (
            (
                row.name,
                str(row.merge_requests),
                str(row.notes),
                str(row.differing),
                str(row.archived),
                "yes" if row.deleted else "no",
                "yes" if row.joined else "no",
            )
            for row in rows
        ),
    )
