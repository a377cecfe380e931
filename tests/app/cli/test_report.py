"""`report` as a command: formats, files that are whole or not there, one sentence for what cannot be."""

import os
import re
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.cli.report import ReportFormat, made, write
from app.errors import ConfigurationError, InvalidValueError
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions

from ..metrics.conftest import Store

Finished = subprocess.CompletedProcess[str]
Teamgauge = Callable[..., Finished]
ASKED = ("report", "--team", "checkout", "--month", "2024-02")
VARIABLES = {
    "TEAMGAUGE_REPORTING__HISTORY_START": "2024-01-01",
    "TEAMGAUGE_GITLAB__GROUPS": "acme",
}
SETTINGS = Settings.model_validate(
    {"reporting": {"history_start": "2024-01-01"}, "gitlab": {"groups": ["acme"]}}
)


@pytest.fixture
def variables(engine: Engine, database_url: str) -> dict[str, str]:
    """The way to a database with a team, collected on 20 March 2024."""
    with sessions(engine).begin() as session:
        store = Store(session)
        store.team("checkout")
        store.person("ann", 1)
        store.member("ann", "checkout", date(2024, 1, 1), role="manager")
        store.project(1, "acme/api")
        store.merge_request(1, "2024-02-01 12:00", merged="2024-02-06 12:00")
        refresh(session, SETTINGS, store.collected("2024-03-20 12:00"))
    return VARIABLES | {"TEAMGAUGE_DATABASE__URL": database_url}


def sentence(done: Finished) -> str:
    """The one line on standard error of a command that was refused."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_formats_files_and_standard_output(
    teamgauge: Teamgauge, program: Teamgauge, variables: dict[str, str], tmp_path: Path
) -> None:
    done = program(*ASKED, "-o", "r.html", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "report: Checkout, February 2024 is in r.html.\n"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "1 person, managed by Ann." in page
    assert "The same on its page" not in page  # where it is served is not known
    # What the file ends with decides, unless a format is given.
    assert teamgauge(*ASKED, "-o", "r.MD", **variables).returncode == 0
    text = (tmp_path / "r.MD").read_text(encoding="utf-8")
    assert text.startswith("# Checkout, February 2024\n")
    assert teamgauge(*ASKED, "--format", "md", "--output", "-", **variables).stdout == text
    assert sorted(os.listdir(tmp_path)) == ["r.MD", "r.html"]


def test_a_refusal_is_one_sentence_and_writes_nothing(
    teamgauge: Teamgauge, variables: dict[str, str], tmp_path: Path
) -> None:
    done = teamgauge("report", "--team", "chekout", "--month", "2024-02", "-o", "r", **variables)
    assert sentence(done) == "There is no team 'chekout', perhaps checkout is meant."
    absent = variables | {"TEAMGAUGE_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    assert re.match(
        "The database .* cannot be reached: .*Connection refused",
        sentence(teamgauge(*ASKED, "-o", "r", **absent)),
    )
    assert os.listdir(tmp_path) == []


def test_what_has_no_report(variables: dict[str, str], database_url: str) -> None:
    database = {"database": {"url": database_url}}
    settings = Settings.model_validate({**SETTINGS.model_dump(mode="python"), **database})
    with pytest.raises(ConfigurationError, match=r"'xyz'. `teamgauge serve` shows them all."):
        made(settings, "xyz", "2024-02", ReportFormat.MD)
    with pytest.raises(InvalidValueError, match="month 2024-04 has not begun: the data reach to"):
        made(settings, "checkout", "2024-04", ReportFormat.MD)


def test_a_file_is_replaced_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(link, b"new")
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert link.is_symlink()
    write(tmp_path / "fresh.html", b"new")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "fresh.html").stat().st_mode) == 0o666 & ~mask
    assert sorted(os.listdir(tmp_path)) == ["fresh.html", "link.html", "real.html"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """A disk on which no file can be longer than 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_never_half_written(tmp_path: Path, small_files: None) -> None:
    target = tmp_path / "r.html"
    target.write_text("old")
    with pytest.raises(ConfigurationError, match=r"r.html cannot be written: File too large"):
        write(target, b"new" * 1000)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.html"]


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder: name a file in it"):
        write(tmp_path, b"new")
    with pytest.raises(ConfigurationError, match=r"r cannot be written: No such file or directory"):
        write(tmp_path / "nowhere" / "r", b"new")
    device = Path("/dev/full")
    with pytest.raises(ConfigurationError, match="/dev/full cannot be written: No space left"):
        write(device, b"new")
    assert stat.S_ISCHR(device.stat().st_mode)  # not replaced by a file
