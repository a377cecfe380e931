"""Collecting a GitLab of any size, side by side with what people use otherwise.

GitLab is the demo's fake in a process of its own, with and without latency; each peer has an
environment that is made for it. Requests, seconds and memory of the first collection, of one after
which nothing changed and of one after 1 % did; what is lost while the lists change; growth.

    python -m benchmarks.collect [--sizes N…] [--latencies S…] [--patience S] [--no-peers]
                                 [--growth N] [--memory N…] [--write]

Where GitLab answers without latency, a run of a peer goes to its end and tells how many requests it
needs; a slow one is ended after the patience and scaled up to them. `--write` puts the tables into
docs/performance.md.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from benchmarks._contenders import Contender, Installed, Other, Run, scene
from benchmarks._database import Database, scratch_server
from benchmarks._document import brief, machine, made_by, table, write
from benchmarks._losses import losses_table, measure_losses
from benchmarks._peers import PEERS, python_of
from benchmarks._processes import say
from benchmarks._serving import Served, Summary

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
COST = (0.02, 0.001)
"""Seconds that a slow server needs for each merge request and each note of an answer."""

ISSUE_SIZE, ISSUE_CHANGES = 2_001, 14
"""What the promises are measured with."""

ERRORS_ONLY = 40
"""A level of the log."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How GitLab answers. cost: whether what is in an answer takes time as well."""

    latency: float
    cost: bool = False

    @property
    def slow(self) -> bool:
        """Whether a peer waits for GitLab most of the time."""
        return self.latency > 0 or self.cost

    @property
    def title(self) -> str:
        """For the table."""
        title = f"{self.latency * 1000:.0f} ms a request"
        if self.cost:
            title += f", {COST[0] * 1000:.0f} ms a merge request and {COST[1] * 1000:.0f} ms a note"
        return title


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one contender in one setting."""

    name: str
    first: Run
    unchanged: Run
    changed: Run

    @property
    def runs(self) -> tuple[Run, Run, Run]:
        """In order."""
        return self.first, self.unchanged, self.changed


# Speed -----------------------------------------------------------------------------------------


def measure_speed(
    size: int,
    setting: Setting,
    peers: Installed,
    patience: float | None,
    database: Database,
    known: Mapping[str, Row],
) -> tuple[Summary, list[Row]]:
    """What is there, and a row for each contender. known: rows of a setting of this size, by name,
    whose whole runs tell how many requests those of this one need."""
    with scene(size, database) as (served, ours):
        there: Summary = served.ask("summary")
        most = patience if setting.slow else None
        others = [Other(served, peer, python, most) for peer, python in peers]
        contenders: list[Contender] = [ours, *others]
        rows = [measure(served, each, size, setting, known.get(each.name)) for each in contenders]
        return there, rows


def measure(
    served: Served, contender: Contender, size: int, setting: Setting, known: Row | None = None
) -> Row:
    """A contender's row. known: its row where its runs were whole."""
    say(f"{size} merge requests, {setting.title}: {contender.name} ...")
    served.ask("delay", setting.latency)
    served.ask("cost", COST if setting.cost else (0.0, 0.0))
    needs = [run.requests if run.whole else None for run in known.runs] if known else [None] * 3
    served.ask("change apart")
    first, unchanged = contender.run(needs[0]), contender.run(needs[1])
    served.ask("change", max(1, size // 100))
    return Row(contender.name, first, unchanged, contender.run(needs[2]))


def speed_table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    head = (
        "",
        "first: requests",
        "per merge request",
        "seconds",
        "merge requests per second",
        "peak memory",
        "unchanged: requests",
        "seconds",
        "1 % changed: requests",
        "seconds",
    )
    cells = []
    for row in rows:
        first = row.first
        about, sign = _requests_sign(first), _seconds_sign(first)
        cells.append(
            (
                row.name,
                f"{about}{first.requests:,}",
                f"{about}{first.requests / first.merge_requests:.3f}",
                f"{sign}{brief(first.seconds)}",
                f"{sign}{brief(first.merge_requests / first.seconds)}",
                f"{first.peak_mb:.0f} MB",
                *_cells_of(row.unchanged),
                *_cells_of(row.changed),
            )
        )
    return table(head, cells)


def _cells_of(run: Run) -> tuple[str, str]:
    return (
        f"{_requests_sign(run)}{run.requests:,}",
        f"{_seconds_sign(run)}{brief(run.seconds)}",
    )


def _requests_sign(run: Run) -> str:
    return "" if run.counted else "~"


def _seconds_sign(run: Run) -> str:
    return "" if run.whole else "~"


# Growth and memory ------------------------------------------------------------------------------


def measure_growth(size: int, changes: Sequence[int], database: Database) -> list[tuple[int, Run]]:
    """teamgauge's run after each number of changes, after a first collection."""
    with scene(size, database) as (served, ours):
        say(f"{size} merge requests, growth ...")
        ours.run()
        ours.run()
        found = []
        for number in changes:
            served.ask("change", number)
            found.append((number, ours.run()))
        return found


def growth_table(rows: Sequence[tuple[int, Run]]) -> str:
    """The rows as Markdown."""
    return table(
        (
            "changes",
            "requests",
            "seconds to collect",
            "seconds to compute",
            "milliseconds a change",
        ),
        (
            (
                f"{number:,}",
                f"{run.requests:,}",
                f"{run.collect_seconds:.2f}",
                f"{run.seconds - run.collect_seconds:.2f}",
                f"{run.seconds / number * 1000:.1f}" if number else "",
            )
            for number, run in rows
        ),
    )


def measure_memory(sizes: Sequence[int], database: Database) -> list[tuple[int, Run, Run]]:
    """teamgauge's first run and one after 1 % changed, in worlds of these sizes."""
    found = []
    for size in sizes:
        with scene(size, database) as (served, ours):
            say(f"{size} merge requests, memory ...")
            first = ours.run()
            served.ask("change", size // 100)
            found.append((size, first, ours.run()))
    return found


def memory_table(rows: Sequence[tuple[int, Run, Run]]) -> str:
    """The rows as Markdown."""
    head = (
        "merge requests",
        "first: seconds to collect",
        "merge requests per second",
        "peak memory of collecting",
        "and of computing",
        "1 % changed: requests",
        "seconds to collect",
        "peak memory of collecting",
    )
    return table(
        head,
        (
            (
                f"{size:,}",
                brief(first.collect_seconds),
                brief(size / first.collect_seconds),
                f"{first.peak_mb:.0f} MB",
                f"{first.peak_with_refresh_mb:.0f} MB",
                f"{changed.requests:,}",
                brief(changed.collect_seconds),
                f"{changed.peak_mb:.0f} MB",
            )
            for size, first, changed in rows
        ),
    )


# The promises -----------------------------------------------------------------------------------


def measure_promises(database: Database) -> str:
    """What teamgauge promises, each beside what it needed, as Markdown."""
    cells = []
    for setting, least in ((Setting(0.3), 150), (Setting(0.3, cost=True), 100)):
        with scene(ISSUE_SIZE, database) as (served, ours):
            say(f"{ISSUE_SIZE} merge requests, promises, {setting.title} ...")
            there: Summary = served.ask("summary")
            served.ask("delay", setting.latency)
            served.ask("cost", COST if setting.cost else (0.0, 0.0))
            first = ours.run()
            most = 0.03 * there.merge_requests + there.asked
            speed = there.merge_requests / first.seconds
            cells += [
                (
                    setting.title,
                    "first collection: requests",
                    f"<= {most:.0f}",
                    f"{first.requests}",
                ),
                (setting.title, "merge requests per second", f">= {least}", f"{speed:.0f}"),
            ]
            served.ask("change", ISSUE_CHANGES)
            changed = ours.run()
            now: Summary = served.ask("summary")
            most = 5 + now.open / 100 + ISSUE_CHANGES
            cells.append(
                (
                    setting.title,
                    f"after {ISSUE_CHANGES} changes: requests",
                    f"<= 5 + {now.open / 100:.1f} + 1 for each changed one with reviewers",
                    f"{changed.requests}",
                )
            )
    return table(("setting", "what", "promised", "measured"), cells)


# The document -----------------------------------------------------------------------------------


def _speed_part(
    sizes: Sequence[int],
    settings: Sequence[Setting],
    peers: Installed,
    patience: float | None,
    database: Database,
) -> str:
    parts = []
    for size in sizes:
        known: Mapping[str, Row] = {}
        for setting in settings:
            there, rows = measure_speed(size, setting, peers, patience, database, known)
            known = known or {row.name: row for row in rows}
            parts += [
                f"{there.merge_requests:,} merge requests ({there.archived:,} in an archived project,"
                f" {there.open:,} open), {there.notes:,} notes, {setting.title}:",
                speed_table(rows),
            ]
    return "\n\n".join(parts)


def main() -> None:
    """Measures what is asked for, prints it, and writes it into the document if told to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500], help="merge requests")
    parser.add_argument("--latencies", type=float, nargs="+", default=[0.0, 0.3], help="seconds")
    parser.add_argument("--cost", action="store_true", help="with a server that is slow as well")
    parser.add_argument(
        "--patience",
        type=float,
        default=3.0,
        help="seconds for a run of a peer where GitLab is slow, then scaled up",
    )
    parser.add_argument("--no-peers", action="store_true", help="teamgauge alone")
    parser.add_argument("--growth", type=int, default=0, help="merge requests for the growth")
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="sizes for the memory")
    parser.add_argument("--promises", action="store_true", help="measure what is promised")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERRORS_ONLY))
    pythons = [] if asked.no_peers else [(peer, python_of(peer)) for peer in PEERS]
    peers = [(peer, python) for peer, python in pythons if python is not None]
    settings = [Setting(latency) for latency in asked.latencies]
    if asked.cost:
        settings.append(Setting(max(asked.latencies), cost=True))
    with scratch_server() as database:
        with database() as engine:
            where = machine(engine, "GitLab's fake, Postgres and the collector")
        parts = {"machine": f"{where} {made_by('collect', sys.argv[1:])}"}
        if asked.promises:
            parts["promises"] = measure_promises(database)
        parts["speed"] = _speed_part(asked.sizes, settings, peers, asked.patience, database)
        losses = losses_table(measure_losses(asked.sizes[0], peers, database))
        parts["losses"] = f"{asked.sizes[0]:,} merge requests:\n\n{losses}"
        if asked.growth:
            changes = (0, *(n for n in (10, 100, 1_000) if n < asked.growth))
            growth = growth_table(measure_growth(asked.growth, changes, database))
            parts["growth"] = f"{asked.growth:,} merge requests:\n\n{growth}"
        if asked.memory:
            parts["memory"] = memory_table(measure_memory(asked.memory, database))
    print("\n\n".join(f"{name}:\n\n{part}" for name, part in parts.items()))
    if asked.write:
        write(parts, DOCUMENT)


if __name__ == "__main__":
    main()
