"""kill -9 while `collect` is at any of its steps, then `collect` again: as if nothing had happened."""

import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, select, text

from app.store.tables import Base
from demo.gitlab import GitLabFake, World
from tests.app.cli.conftest import at_the_request
from tests.collectors.gitlab.course import ALL

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]
Running = subprocess.Popen[str]
Start = Callable[..., Running]

FIRST = datetime(2025, 11, 3, 9, tzinfo=UTC)
NAMES = ("ada", "ben", "cleo", "dan", "eve", "fay")
TEAMS = ("backend", "frontend")


@pytest.fixture
def fake() -> GitLabFake:
    """Ten projects with 300 merge requests and their reviews, the same each time."""
    dice = random.Random(7)
    world = World(clock=lambda: FIRST + timedelta(days=150))
    users = [world.add_user(name, name.title()) for name in NAMES]
    for group in ("acme", *(f"acme/{team}" for team in TEAMS)):
        world.add_group(group)
    for number in range(10):
        project = world.add_project(f"acme/{TEAMS[number % 2]}/part-{number}")
        for place in range(30):
            author, reviewer, merger = dice.sample(users, 3)
            opened = FIRST + timedelta(days=dice.uniform(0, 100))
            made = world.add_merge_request(project, author, f"Change {place}", opened)
            world.request_review(made, author, [reviewer], opened + timedelta(hours=5))
            world.comment(made, reviewer, "A word", opened + timedelta(days=1))
            if dice.random() < 0.7:
                world.approve(made, reviewer, opened + timedelta(days=2))
                world.merge(made, merger, opened + timedelta(days=dice.uniform(2, 30)))
    return GitLabFake(world)


@pytest.fixture
def variables(fake: GitLabFake, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A configuration that leads to the served fake, with everybody in a team, and one who moves."""
    (tmp_path / "teams.yaml").write_text(
        "- {slug: dev, name: Development}\n"
        + "".join(
            f'- {{slug: {team}, name: {team.title()}, parent: dev, owns: ["acme/{team}/**"]}}\n'
            for team in TEAMS
        )
    )
    (tmp_path / "people.csv").write_text(
        "person_id,name,email,gitlab_username,gender\n"
        + "".join(f"{name},{name.title()},,{name},\n" for name in NAMES)
    )
    (tmp_path / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\nada,frontend,member,2026-01-10,\n"
        + "".join(
            f"{name},{TEAMS[number % 2]},member,2025-10-01,{'2026-01-10' if not number else ''}\n"
            for number, name in enumerate(NAMES)
        )
    )
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_REPORTING__HISTORY_START": "2025-11-01",
            "TEAMGAUGE_GITLAB__URL": url,
            "TEAMGAUGE_GITLAB__TOKEN": fake.token,
            "TEAMGAUGE_GITLAB__GROUPS": "acme",
        }


OF_THE_MOMENT = {
    *("recorded_at", "refreshed_at", "data_through", "through", "seen_at"),
    *("started_at", "finished_at", "at", "seconds"),
    "organisation",
}
"""Columns that say when something was done, and a fingerprint of rows with the numbers Postgres gave."""


def written(value: object) -> object:
    """A value as it is compared: NaN, which stands in arrays, is not equal to itself."""
    return repr(value) if isinstance(value, list) else value


def contents(engine: Engine, before: date) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, without what differs between any two runs.

    That is: the log of runs, instants of our own doing, numbers that Postgres gives (teams by their
    slug instead), and values of periods that are not over (before: the first day of such a one).
    """
    found = {}
    with engine.connect() as connection:
        slugs: dict[Any, Any] = {
            row.id: row.slug for row in connection.execute(text("SELECT id, slug FROM teams"))
        }
        for table in Base.metadata.sorted_tables:
            if table.name in ("runs", "changes"):
                continue
            numbered = table.name in ("teams", "indicator_values", "coverages", "audit_events")
            names = [
                column.name
                for column in table.columns
                if column.name not in OF_THE_MOMENT and not (numbered and column.name == "id")
            ]
            columns = [column for column in table.columns if column.name not in OF_THE_MOMENT]
            rows = [row._mapping for row in connection.execute(select(*columns))]
            found[table.name] = sorted(
                (
                    tuple(slugs[row[n]] if n == "team_id" else written(row[n]) for n in names)
                    for row in rows
                    if "period" not in row or row["period"] < before
                ),
                key=repr,
            )
    return found


@pytest.fixture
def undisturbed(
    teamgauge: Teamgauge,
    variables: dict[str, str],
    fake: GitLabFake,
    empty_database_url: str,
) -> tuple[Engine, int]:
    """A database into which was collected once, and how many requests that took."""
    at = {**variables, "TEAMGAUGE_DATABASE__URL": empty_database_url}
    assert teamgauge("migrate", **at).returncode == 0
    done = teamgauge("collect", **at)
    assert done.returncode == 0, done.stdout
    return watch(empty_database_url), len(fake.requests)


def database_url_of(engine: Engine) -> str:
    """Its address as a configuration has it."""
    url = engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def watch(url: str) -> Engine:
    """Connections for a look from outside, each of which is closed after it."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def comes_to(asked: Event, process: Running) -> bool:
    """Returns when the event is set, or the process has ended well before: whether it came to it."""
    while not asked.wait(0.02):
        if process.poll() is not None:
            said = process.communicate()
            assert process.returncode == 0, said
            return False
    return True


def wait_until_forgotten(watching: Engine) -> None:
    """Returns when the database has noticed that a client is gone: until then its locks are held."""
    others = text(
        "SELECT count(*) FROM pg_sleep(0.02), pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with watching.connect() as connection:
        while connection.scalar(others):
            connection.rollback()


WRITTEN = (
    *("runs", "memberships"),
    *("merge_requests", "notes", "positions"),
    *("merge_request_facts", "indicator_values", "refresh_state"),
)
"""Tables in the order in which they are written: files, pages of GitLab, the refresh."""


@pytest.mark.timeout(3600 if ALL else 900)
def test_killed_at_every_step(
    teamgauge: Teamgauge,
    start: Start,
    variables: dict[str, str],
    fake: GitLabFake,
    undisturbed: tuple[Engine, int],
    database_url: str,
) -> None:
    """One database sees a killed run after the other, each a step further, then one that may end."""
    month = datetime.now(UTC).date().replace(day=1)
    whole, requests = undisturbed
    at = {**variables, "TEAMGAUGE_DATABASE__URL": database_url}
    watching = watch(database_url)

    few = sorted({1, 2, requests // 2, requests - 1})
    for number in range(1, requests + 1) if ALL else few:
        with at_the_request(fake, number) as asked:
            process = start("collect", "gitlab", **at)
            came = comes_to(asked, process)
            if came:
                process.kill()
                process.communicate()
        wait_until_forgotten(watching)
        if not came:
            # What earlier runs kept before they were killed is not asked for again.
            assert ALL, "the few are among those of every run"
            assert number > requests // 2
            with watching.begin() as connection:  # its refresh came to its end: once more
                connection.execute(text("DELETE FROM merge_request_facts"))
                connection.execute(text("DELETE FROM refresh_state"))
            ended = {**variables, "TEAMGAUGE_DATABASE__URL": database_url_of(whole)}
            assert teamgauge("collect", **ended).returncode == 0  # as many whole runs there
            break
    waiting = text(
        "SELECT 1 FROM pg_sleep(0.02), pg_locks WHERE NOT granted AND relation = (:name)::regclass"
    )
    for name in WRITTEN:
        with watching.connect() as holder, watching.connect() as looking:
            holder.execute(text(f"LOCK TABLE {name} IN EXCLUSIVE MODE"))
            process = start("collect", **at)
            while not looking.scalar(waiting, {"name": name}):
                assert process.poll() is None, (name, process.communicate())
                looking.rollback()
            process.kill()
            process.communicate()
        wait_until_forgotten(watching)
    assert contents(watching, month)["merge_requests"], "what was read before a kill is kept"
    assert contents(watching, month)["indicator_values"] == [], "no refresh came to its end"

    done = teamgauge("collect", **at)

    assert done.returncode == 0, done.stdout
    expected = contents(whole, month)
    assert len(expected["indicator_values"]) > 500
    assert len(expected["daily_values"]) > 20
    assert contents(watching, month) == expected
    with watching.connect() as connection:
        outcomes = connection.execute(text("SELECT outcome FROM runs ORDER BY id")).scalars().all()
    assert set(outcomes[:-2]) == {"failed", "done"}
    assert outcomes[-2:] == ["done", "done"]
