"""`forget` as a user has it: tried, killed, done, and refused."""

import re
import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.store.engine import sessions
from app.store.tables import Base

from ..metrics.conftest import Store

Teamgauge = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def variables(engine: Engine, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Two people, an account, a merge request of one of them, and the files that name them."""
    with sessions(engine).begin() as session:
        store = Store(session)
        store.team("checkout")
        for number, person in enumerate(("olga", "ben"), 1):
            store.person(person, number)
            store.member(person, "checkout", date(2024, 1, 1))
        store.project(1, "acme/app")
        store.request_review(store.merge_request(2, "2024-02-01 12:00"), "2024-02-02 12:00", "olga")
    (tmp_path / "teams.yaml").write_text("- {slug: checkout, name: Checkout}\n")
    (tmp_path / "people.csv").write_text(
        'person_id,name,email,gitlab_username,gender\nben,"Ben\nRay",,ben,\nolga,Olga,,olga,\n'
    )
    (tmp_path / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\nolga,checkout,member,2024-01-01,2024-02-01\n"
        "volga,checkout,member,2024-01-01,\nolga,checkout,member,2024-02-01,\n"
    )
    (tmp_path / "teamgauge.toml").write_text("# OLGA may do everything\n")
    return {"TEAMGAUGE_DATABASE__URL": database_url}


def everything(engine: Engine) -> dict[str, list[str]]:
    """The rows of each table; the key of the hashes says nothing."""
    with engine.connect() as connection:
        return {
            table: list(connection.scalars(text(f"SELECT t::text FROM {table} t ORDER BY 1")))
            for table in sorted(set(Base.metadata.tables) - {"forgotten_key"})
        }


def test_tried_killed_and_done(
    teamgauge: Teamgauge, start: Start, variables: dict[str, str], engine: Engine
) -> None:
    before = everything(engine)
    tried = teamgauge("forget", "olga", "--dry-run", **variables)
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.splitlines() == [
        "forget: nothing was changed; without --dry-run a pseudonym would take the person's place.",
        "forget: rows that would be rewritten: accounts 1, former_usernames 1, identities 1,"
        " memberships 1, notes 1, people 1.",
        "forget: the person is employed or in a team as far as is known: let the source say when"
        " that ends before it tells nothing of them any more.",
        "forget: people.csv still names the person: delete or change line 4; what counts is kept.",
        "forget: memberships.csv still names the person: delete or change lines 2, 4; what counts is"
        " kept.",
        "forget: teamgauge.toml still names the person: delete or change line 1; what counts is kept.",
        "forget: not reached: GitLab and the HR system themselves, backups that were made before,"
        " logs, and what was exported or sent on.",
    ]
    assert everything(engine) == before

    # Killed near the end: somebody else holds the table that it comes to last.
    with engine.connect() as holder, engine.connect() as looking:
        holder.execute(text("LOCK TABLE sessions IN SHARE MODE"))
        looking.execution_options(isolation_level="AUTOCOMMIT")
        process = start("forget", "olga", **variables)
        waits = text(
            "SELECT count(*) FROM pg_sleep(0.05), pg_stat_activity WHERE query LIKE '%sessions%'"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
        )
        deadline = time.monotonic() + 60
        while not looking.scalar(waits):
            assert time.monotonic() < deadline, "it never came to its last step"
            assert process.poll() is None
        process.kill()
        process.wait()
    assert everything(engine) == before

    done = teamgauge("forget", "OLGA", **variables)
    assert done.returncode == 0, done.stderr
    first, rows, *_ = done.stdout.splitlines()
    [pseudonym] = re.findall(r"^forget: (forgotten-[0-9a-f]{8}) stands for the person", first)
    assert rows.removeprefix("forget: rows rewritten: ") in tried.stdout.replace(
        "rows that would be rewritten", ""
    )
    after = everything(engine)
    assert not any("olga" in row.lower() for rows in after.values() for row in rows)
    assert [row for row in after["audit_events"] if pseudonym in row]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody"], "Nobody is known by that name; nothing was changed. Give a person_id, "),
        ([], "Missing argument 'PERSON'; see `teamgauge forget --help`."),
    ],
)
def test_refused(
    teamgauge: Teamgauge, variables: dict[str, str], arguments: list[str], sentence: str
) -> None:
    done = teamgauge("forget", *arguments, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
