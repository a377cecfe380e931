"""`collect`, `refresh`, `migrate` and `check` on a database of the test's own, from files alone."""

import json
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.store import migrate
from app.store.engine import advisory_lock, make_engine
from app.store.tables import Membership, Person, Run, Team

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]

PEOPLE = "person_id,name,email,gitlab_username,gender\np1,Ada,,ada,\np2,Ben,,ben,\n"


@pytest.fixture
def company(tmp_path: Path, database_url: str) -> Path:
    """A configuration of files only, with the test's database."""
    (tmp_path / "teamgauge.toml").write_text(
        f'[database]\nurl = "{database_url}"\n[reporting]\nhistory_start = "2025-01-01"\n'
    )
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\np1,backend,manager,2025-01-01,\n"
    )
    return tmp_path


def lines(done: Finished) -> list[dict[str, Any]]:
    """Standard error as the events that it must consist of."""
    return [json.loads(line) for line in done.stderr.splitlines()]


def counts(engine: Engine) -> tuple[int, ...]:
    with Session(engine) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Team, Person, Membership)
        )


def outcomes(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Run.outcome).order_by(Run.id)))


def test_collecting_twice(teamgauge: Teamgauge, company: Path, engine: Engine) -> None:
    done = teamgauge("collect")
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith("files: done, 7 rows read, 6 new, 0 changed, 0 removed")
    # What people alone decide is computed; its months are those up to today.
    assert re.match(r"indicators: [1-9]\d* values new, 0 of .*, 0 restated\.", second)
    assert counts(engine) == (2, 2, 1)
    events = lines(done)
    assert [event["event"] for event in events] == ["collect.started", "collect.finished"]
    assert {"level", "timestamp"} <= events[0].keys()
    again = teamgauge("collect", "files", "--full")
    assert "files: done, 7 rows read, 0 new, 0 changed, 0 removed" in again.stdout
    assert outcomes(engine) == ["done", "done"]


def test_a_bad_row_changes_nothing(teamgauge: Teamgauge, company: Path, engine: Engine) -> None:
    teamgauge("collect")
    before = counts(engine)
    (company / "people.csv").write_text(PEOPLE + "p3,Cleo,,ADA,\n")
    (company / "teams.yaml").write_text("- {slug: backend, name: New}\n- {slug: ops, name: Ops}\n")
    done = teamgauge("collect")
    assert done.returncode == 1
    expected = (
        "people.csv, line 4, column 4 (gitlab_username): the account ada already belongs to p1 "
        "(line 2)."
    )
    assert f"files: {expected}" in done.stdout.splitlines()
    assert "Traceback" not in done.stderr
    assert [event["message"] for event in lines(done) if event["level"] == "error"] == [expected]
    assert counts(engine) == before
    with Session(engine) as session:
        assert set(session.scalars(select(Team.name))) == {"Organisation", "Backend"}
    assert outcomes(engine) == ["done", "failed"]


def refused(done: Finished) -> str:
    """The one sentence of a command that did not begin."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    return sentence


@pytest.mark.parametrize("command", ["collect", "migrate", "refresh", "serve"])
def test_an_unreachable_database(teamgauge: Teamgauge, tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (tmp_path / "teams.yaml").touch()
    url = f"postgresql://me:geheim@127.0.0.1:{port}/x"
    done = teamgauge(command, TEAMGAUGE_DATABASE__URL=url, TEAMGAUGE_SERVER__PORT="0")
    sentence = refused(done)
    assert sentence.startswith(f"The database postgresql://me@127.0.0.1:{port}/x cannot be reached")
    assert "geheim" not in sentence


def test_an_external_database_is_migrated_by_its_owner(
    teamgauge: Teamgauge, tmp_path: Path, empty_database_url: str
) -> None:
    (tmp_path / "teams.yaml").touch()
    variables = {"TEAMGAUGE_DATABASE__URL": empty_database_url, "TEAMGAUGE_SERVER__PORT": "0"}
    newest = migrate.newest_revision()
    for command in ("collect", "refresh", "serve"):
        assert refused(teamgauge(command, **variables)) == (
            f"The database is at revision none, this program needs {newest}. "
            "Run `teamgauge migrate`."
        )
    assert teamgauge("migrate", **variables).stdout == (
        f"The database went from revision none to {newest}.\n"
    )
    assert teamgauge("migrate", **variables).stdout == (
        f"The database is at the newest revision already, {newest}.\n"
    )
    assert teamgauge("collect", **variables).returncode == 0


def test_another_run_holds_the_lock(teamgauge: Teamgauge, company: Path, engine: Engine) -> None:
    with advisory_lock(engine, "collect:files", "the test"):
        done = teamgauge("collect")
    assert done.returncode == 75
    assert "Another run of the source files is under way" in done.stdout
    assert counts(engine) == (1, 0, 0)
    assert outcomes(engine) == []


def test_the_embedded_database_is_made_and_migrated(teamgauge: Teamgauge, tmp_path: Path) -> None:
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    (tmp_path / "my data").mkdir()
    variables = {"TEAMGAUGE_DATABASE__DATA_DIR": str(tmp_path / "my data")}
    done = teamgauge("migrate", **variables)
    assert done.stdout == f"The database went from revision none to {migrate.newest_revision()}.\n"
    done = teamgauge("collect", **variables)
    assert done.returncode == 0, done.stderr
    assert "1 new" in done.stdout
    done = teamgauge("check", **variables)
    assert done.returncode == 0, done.stdout
    assert f"embedded Postgres in {tmp_path / 'my data'}" in done.stdout


def test_refresh_waits_for_what_it_needs(teamgauge: Teamgauge, company: Path) -> None:
    done = teamgauge("refresh", "--all")
    assert done.returncode == 0
    assert "not computed without gitlab: open_mr_review_time" in done.stdout
    assert "not computed without files: hiring_vs_plan" in done.stdout
    collected = teamgauge("collect").stdout
    assert "not computed without gitlab: open_mr_review_time" in collected
    assert "not computed without files" not in collected


def test_check_lists_every_mistake(teamgauge: Teamgauge, company: Path) -> None:
    done = teamgauge("check")
    assert done.returncode == 0, done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "ok      configuration",
        "ok      database",
        "ok      database",
        "ok      database",
        "ok      files.teams",
        "ok      files.people",
        "ok      files.memberships",
        "ok      gitlab",
        "ok      clock",
        "warn    reporting.timezone",
        "ok      data of files",
        "ok      server",
    ]
    assert "files.people: " in done.stdout
    assert "people.csv, 2 rows" in done.stdout
    (company / "people.csv").write_text(PEOPLE + "p3,,,,\np4,Dan,,ben,\n")
    (company / "plan.csv").write_text("team,month,planned_headcount\nbackend,2026-01,2\n")
    (company / "targets.csv").write_text(
        "team,indicator,valid_from,value\norganisation,mr_rate,2026-01-01,8\nops,mr_rate,2026,8\n"
    )
    done = teamgauge("check")
    assert done.returncode == 1
    assert (
        "FAILED  files: people.csv, line 4, column 2 (name): the cell is empty.\n"
        "FAILED  files: people.csv, line 5, column 4 (gitlab_username): the account ben already "
        "belongs to p2 (line 3).\n"
    ) in done.stdout
    assert "plan.csv, 1 row" in done.stdout
    assert (
        "FAILED  files: targets.csv, line 3, column 1 (team): there is no team ops." in done.stdout
    )
    assert '(valid_from): "2026" is not a date, write it as 2026-01-31.' in done.stdout


def test_check_of_an_unreachable_database(teamgauge: Teamgauge, tmp_path: Path) -> None:
    done = teamgauge("check", TEAMGAUGE_DATABASE__URL="postgresql://me:geheim@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "FAILED  database: The database postgresql://" in done.stdout
    assert "geheim" not in done.stdout + done.stderr


def test_a_run_that_is_interrupted_says_so(
    start: Callable[..., subprocess.Popen[str]], company: Path, engine: Engine
) -> None:
    """SIGTERM while the run waits for a table: the run is marked, nothing is half-written."""
    watching = make_engine(engine.url.render_as_string(hide_password=False))
    waiting = text(
        "SELECT count(*) FROM pg_sleep(0.02), pg_locks"
        " WHERE NOT granted AND relation = 'teams'::regclass"
    )
    with engine.begin() as connection, watching.connect() as watcher:
        connection.execute(text("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE"))
        process = start("collect")
        while not watcher.scalar(waiting):
            assert process.poll() is None
            watcher.rollback()
        process.terminate()
        stdout, stderr = process.communicate(timeout=120)
    watching.dispose()
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert json.loads(stderr.splitlines()[-1])["event"] == "interrupted"
    assert outcomes(engine) == ["failed"]
    assert counts(engine) == (1, 0, 0)
