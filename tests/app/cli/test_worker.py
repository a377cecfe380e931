"""`collect --queue` and `worker`: several processes share a run, and some of them are killed."""

import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store import migrate
from app.store.engine import make_engine, sessions
from app.store.tables import Base
from collectors import SOURCES, runner
from demo.gitlab import GitLabFake, RateLimit, World
from tests.collectors.queued.test_sharing import NOW, SETTINGS, Shared, fill, items, stored

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]
Running = subprocess.Popen[str]
Start = Callable[..., Running]

FIRST = datetime(2025, 11, 3, 9, tzinfo=UTC)
COLLECTED = (
    *("accounts", "projects", "merge_requests", "notes", "reviewers"),
    *("former_usernames", "changed_paths", "positions", "quarantined_records", "work_items"),
)
REFRESHED = "SELECT count(*) FROM refresh_state"
LEFT = "SELECT count(*) FROM queue.procrastinate_jobs"
ALERTS = {
    "TEAMGAUGE_ALERTS__WEBHOOK_URL": "http://127.0.0.1:9/T1",
    "TEAMGAUGE_ALERTS__TEAMS": "nowhere",
}
OF_THE_MOMENT = {"through", "seen_at", "dirty"}


@pytest.fixture
def fake() -> GitLabFake:
    """Fifteen projects with 300 merge requests and their reviews, the same each time."""
    dice = random.Random(11)
    world = World(clock=lambda: FIRST + timedelta(days=150))
    users = [world.add_user(name, name.title()) for name in ("ada", "ben", "cleo", "dan", "eve")]
    world.add_group("acme")
    for number in range(15):
        project = world.add_project(f"acme/part-{number}")
        for place in range(20):
            author, reviewer, merger = dice.sample(users, 3)
            opened = FIRST + timedelta(days=dice.uniform(0, 100))
            made = world.add_merge_request(project, author, f"Change {place}", opened)
            world.request_review(made, author, [reviewer], opened + timedelta(hours=5))
            world.comment(made, reviewer, "A word", opened + timedelta(days=1))
            if dice.random() < 0.7:
                world.merge(made, merger, opened + timedelta(days=dice.uniform(2, 30)))
    return GitLabFake(world)


@pytest.fixture
def variables(fake: GitLabFake, database_url: str) -> Iterator[dict[str, str]]:
    with fake.serving() as url:
        yield {
            "TEAMGAUGE_GITLAB__URL": url,
            "TEAMGAUGE_GITLAB__TOKEN": fake.token,
            "TEAMGAUGE_GITLAB__GROUPS": "acme",
            "TEAMGAUGE_DATABASE__URL": database_url,
            "TEAMGAUGE_WORKER__SILENT_SECONDS": "3",
            "TEAMGAUGE_REPORTING__HISTORY_START": "2026-01-01",
        }


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that the collector fills, without what tells when that was."""
    found = {}
    with engine.connect() as connection:
        for name in COLLECTED:
            table = Base.metadata.tables[name]
            columns = [each for each in table.columns if each.name not in OF_THE_MOMENT]
            query = select(*columns)
            if name == "positions":  # of a round of checks that goes on from run to run
                query = query.where(table.c.scope.not_like("% verified"))
            rows = connection.execute(query)
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def wait_for(condition: Callable[[], Any], processes: list[Running], seconds: float = 120) -> None:
    """Returns when the condition holds; none of the processes must have ended before."""
    pause = Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        for process in processes:
            assert process.poll() is None, process.communicate()
        pause.wait(0.05)
    raise AssertionError("It did not come to pass.")


def was_asked(fake: GitLabFake, times: int) -> bool:
    return fake.count() >= times


def end(workers: list[Running]) -> list[tuple[str, str]]:
    """What the workers wrote, who are told to end and do."""
    for worker in workers:
        worker.terminate()
    written = [worker.communicate(timeout=120) for worker in workers]
    # 130: one that was told before it had begun to work.
    assert {worker.returncode for worker in workers} <= {0, 130}
    return written


def answer(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text(query))


def test_a_worker_collects_what_was_put_into_the_queue(
    teamgauge: Teamgauge, start: Start, variables: dict[str, str], engine: Engine
) -> None:
    put = teamgauge("collect", "--queue", "gitlab", **variables)
    assert (put.returncode, put.stdout) == (
        0,
        "gitlab: in the queue, for a `teamgauge worker` to collect.\n",
    )
    again = teamgauge("collect", "--queue", **variables)
    assert again.returncode == 75
    assert "in the queue already" in again.stdout

    process = start("worker", "--concurrency", "1", **variables, **ALERTS)
    wait_for(lambda: answer(engine, REFRESHED), [process])
    wait_for(lambda: answer(engine, LEFT) == 0, [process])
    [(out, err)] = end([process])

    # Whoever refreshes tells of it, and a mistake about it is said here.
    first, then = out.splitlines()
    assert first == "teamgauge works for the queue, 1 at once (Ctrl-C ends it)"
    assert then.startswith("alerts: alerts.teams names 'nowhere', and there is no such team")
    assert '"event": "alerts.failed"' in err
    assert "error" not in err
    assert answer(engine, "SELECT outcome FROM runs") == "done"
    assert answer(engine, "SELECT count(*) FROM queue.procrastinate_jobs") == 0
    assert answer(engine, "SELECT count(*) FROM queue.procrastinate_workers") == 0


@pytest.mark.timeout(400)
def test_four_workers_of_which_one_after_the_other_is_killed(
    teamgauge: Teamgauge,
    start: Start,
    variables: dict[str, str],
    fake: GitLabFake,
    engine: Engine,
    empty_database_url: str,
) -> None:
    """The tables are those of one process that nobody disturbed, and no rate limit was exceeded."""
    settings = Settings.model_validate(
        {
            "gitlab": {
                "url": variables["TEAMGAUGE_GITLAB__URL"],
                "token": fake.token,
                "groups": ["acme"],
            }
        }
    )
    undisturbed = make_engine(empty_database_url)
    migrate.upgrade(undisturbed)
    [gitlab] = [source for source in SOURCES if source.name == "gitlab"]
    now = datetime.now(UTC)
    alone = runner.run(undisturbed, gitlab, settings, full=False, started_at=now)
    assert alone.outcome == "done"
    expected = contents(undisturbed)
    undisturbed.dispose()

    dice = random.Random(5)
    limit = fake.rate_limit = RateLimit(per_minute=60, seconds=4)
    fake.delay = 0.1
    fake.forget_requests()
    assert teamgauge("collect", "--queue", "gitlab", **variables).returncode == 0
    workers = [start("worker", "--concurrency", "3", **variables) for _ in range(4)]
    for kill in range(1, 4):
        wait_for(partial(was_asked, fake, 12 * kill), workers)
        victim = workers.pop(dice.randrange(len(workers)))
        victim.kill()
        victim.communicate()
        workers.append(start("worker", "--concurrency", "3", **variables))
    wait_for(lambda: answer(engine, "SELECT count(*) FROM refresh_state"), workers)

    assert contents(engine) == expected
    assert limit.refused == 0
    assert answer(engine, "SELECT outcome FROM runs ORDER BY id DESC LIMIT 1") == "done"
    assert answer(engine, "SELECT count(*) FROM runs WHERE outcome NOT IN ('done', 'failed')") == 0
    end(workers)
    # What a worker had in hand when it was told to end was given back, so that nothing is left.
    assert (
        answer(engine, "SELECT count(*) FROM queue.procrastinate_jobs WHERE status = 'doing'") == 0
    )


HELD = """
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END';
CREATE TRIGGER held BEFORE UPDATE OF outcome ON refresh_items
FOR EACH ROW EXECUTE FUNCTION held();
"""
"""Whoever has computed a share waits before he stores it, as long as somebody holds the lock."""


def test_two_workers_compute_a_refresh_and_one_of_them_is_killed(
    start: Start, database_url: str, engine: Engine
) -> None:
    """The values are those of one process that nobody disturbed."""
    with sessions(engine)() as session:
        fill(session)
        refresh(session, SETTINGS, NOW)
        expected = stored(session)
    with engine.begin() as connection:
        connection.execute(text(HELD))
    variables = {
        "TEAMGAUGE_DATABASE__URL": database_url,
        "TEAMGAUGE_WORKER__SILENT_SECONDS": "2",
    }
    one, other = (start("worker", **variables) for _ in range(2))

    with engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(1)"))

        def kill_one() -> None:
            wait_for(lambda: len(items(engine, "begun_at IS NOT NULL")) == 2, [one, other])
            one.kill()
            one.communicate()
            holder.execute(text("SELECT pg_advisory_unlock(1)"))
            wait_for(lambda: items(engine, "outcome IS NOT NULL"), [other])

        assert Shared(engine, kill_one, silent=2).run() == expected
    [(_, err)] = end([other])
    assert "error" not in err
