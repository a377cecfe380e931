"""`token` as a command, and what the audit says of commands: who is named, once, and nothing for nothing."""

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.auth import audit, tokens
from app.store.engine import connection_options, name_program, sessions
from app.store.tables import ApiToken, AuditEvent
from tests.app.cli.test_usage import sentence

Teamgauge = Callable[..., subprocess.CompletedProcess[str]]
TARGETS = "team,indicator,valid_from,value\nbackend,mr_rate,2025-02-01,{}\n"


@pytest.fixture
def company(tmp_path: Path, database_url: str) -> Path:
    """A configuration of files only, with the test's database."""
    (tmp_path / "teamgauge.toml").write_text(
        f'[database]\nurl = "{database_url}"\n[reporting]\nhistory_start = "2025-01-01"\n'
    )
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    (tmp_path / "people.csv").write_text(
        "person_id,name,email,gitlab_username\np1,Ada,,ada\np2,Ben,,ben\n"
    )
    (tmp_path / "memberships.csv").write_text(
        "person_id,team,role,valid_from,valid_to\np1,backend,manager,2025-01-01,\n"
    )
    (tmp_path / "targets.csv").write_text(TARGETS.format(8))
    return tmp_path


def told(engine: Engine) -> list[tuple[str, str, str]]:
    with sessions(engine)() as session:
        return [
            (event.actor, event.action, event.object)
            for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        ]


@pytest.mark.usefixtures("company")
def test_made_listed_and_revoked(teamgauge: Teamgauge, program: Teamgauge, engine: Engine) -> None:
    done = program("token", "create", "nightly export", "--role", "viewer", "--days", "30")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    assert re.fullmatch(r"tgat_[\w-]{43}", token)
    assert token not in done.stderr
    assert "Only now shown:" in done.stderr
    assert "until somebody has to, it is of no use" in done.stderr
    with sessions(engine)() as session:
        found = tokens.find(session, token, datetime.now(UTC) + timedelta(days=30))
        assert found is not None
        assert (found.role, found.teams, found.created_by) == ("viewer", [], "")
        assert tokens.find(session, token, datetime.now(UTC) + timedelta(days=31)) is None
    listed = teamgauge("token", "list").stdout
    assert re.fullmatch(
        r"1: nightly export, works, viewer, made by command line, until [\d-]{10} 00:00 UTC, "
        r"last used never\n",
        listed,
    )
    assert teamgauge("token", "revoke", "1").stdout == "token 1: nightly export, revoked.\n"
    with sessions(engine)() as session:
        assert tokens.find(session, token, datetime.now(UTC)) is None
    assert "There is no token 1 that works." in sentence(teamgauge("token", "revoke", "1"))
    assert told(engine) == [
        ("program:command line", "token_made", "token:1"),
        ("program:command line", "token_revoked", "token:1"),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--role", "owner"], "'owner' is none of 'viewer', 'manager', 'director', 'admin'"),
        (["--role", "manager"], "Say of which teams the token is manager."),
        (["--role", "manager", "--team", "nowhere"], "There is no team 'nowhere'."),
        (["--role", "admin", "--team", "organisation"], "is of all teams: leave teams out."),
        (
            ["--role", "viewer", "--days", "367"],
            "Invalid value for '--days': it must be at most 366",
        ),
    ],
)
@pytest.mark.usefixtures("company")
def test_what_cannot_be_made(
    teamgauge: Teamgauge, engine: Engine, arguments: list[str], expected: str
) -> None:
    assert expected in sentence(teamgauge("token", "create", "x", *arguments))
    with sessions(engine)() as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_what_collecting_changes_is_written_down_once(
    teamgauge: Teamgauge, company: Path, engine: Engine
) -> None:
    collector = "program:teamgauge collect"
    done = teamgauge("collect", "files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(told(engine)) == [
        (collector, "identities_changed", "insert"),
        (collector, "targets_changed", "insert"),
    ]
    teamgauge("collect", "files", "--full")  # and nothing has changed
    assert len(told(engine)) == 2
    (company / "targets.csv").write_text(TARGETS.format(9))
    teamgauge("collect", "files")
    assert told(engine)[2:] == [(collector, "targets_changed", "update")]
    with sessions(engine)() as session:
        [*_, event] = audit.events(session)[::-1]
        assert event.details["rows"] == 1
        assert event.details["first"][0]["value"] == 9
        assert event.address == ""


def test_the_address_of_the_database_may_name_the_program(engine: Engine) -> None:
    try:
        name_program("teamgauge refresh")
        options = connection_options(engine.url)
        assert options["fallback_application_name"] == "teamgauge refresh"
    finally:
        name_program("teamgauge")
