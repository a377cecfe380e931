"""Log lines: one JSON object per event, never with a secret; text for people on a terminal."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.cli.conftest import read_to_its_end

LOGGING = """
import logging, structlog, warnings
from app.cli import log
log.start(terminal={terminal})
log.keep_out(["glpat-geheim", 'quo"te-geheim', "abc"])
own = structlog.get_logger("app.own")
own.info("started", address="https://x/?private_token=glpat-geheim", other='quo"te-geheim', abc="abc")
logging.getLogger("foreign").warning("from %s", "glpat-geheim")
own.warning("collect.remark", message="said by the command itself")
logging.getLogger("app.store.embedded").info("waiting")
logging.getLogger("httpx").info("GET https://x")
warnings.warn("careful", UserWarning)
try:
    raise ValueError("glpat-geheim")
except ValueError:
    own.exception("broken")
structlog.get_logger("app.access").info("request", path="/teams")
"""


def lines(terminal: bool) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING.format(terminal=terminal)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert "geheim" not in done.stderr
    return done.stderr.splitlines()


def test_every_line_is_an_event() -> None:
    events = [json.loads(line) for line in lines(terminal=False)]
    assert [event["event"] for event in events[:4]] == [
        "started",
        "from ***",
        "collect.remark",
        "waiting",
    ]
    assert events[0]["address"] == "https://x/?private_token=***"
    assert events[0]["other"] == "***"
    assert events[0]["abc"] == "abc"
    assert events[0]["level"] == "info"
    assert "careful" in events[4]["event"]
    assert "ValueError: ***" in events[5]["exception"]
    assert len(events) == 7


def test_a_terminal_shows_what_matters() -> None:
    shown = "\n".join(lines(terminal=True))
    assert "from ***" in shown
    assert "waiting" in shown
    assert "/teams" in shown
    assert "started" not in shown
    assert "collect.remark" not in shown
    assert "{" not in shown


FAILING = """
import sys
from app.cli import log, failure
from app.errors import AppError, LockedError
log.start(terminal=False)
log.keep_out(["glpat-geheim"])
sys.exit(failure.tell({error}))
"""


@pytest.mark.parametrize(
    ("error", "status", "event", "message"),
    [
        ("AppError('It broke.\\n', 'Mend it.')", 1, "failed", "It broke.\n Mend it."),
        ("LockedError('Locked.')", 75, "failed", "Locked."),
        ("OSError(28, 'No space left', '/x')", 1, "failed", "/x: No space left."),
        (
            "__import__('sqlalchemy').exc.OperationalError('', {}, Exception('gone away\\n at x'))",
            1,
            "failed",
            "The database failed: gone away. See whether it runs, and what its log says.",
        ),
        (
            "__import__('httpx').ConnectError('no glpat-geheim')",
            1,
            "failed",
            "The network failed: no ***.",
        ),
        (
            "KeyError('glpat-geheim')",
            1,
            "bug",
            "teamgauge met a mistake of its own, please report it: KeyError",
        ),
    ],
)
def test_failures_are_events(error: str, status: int, event: str, message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING.format(error=error)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["message"]) == (event, message)
    assert "geheim" not in line


def test_a_terminal_gets_sentences_and_bars(tmp_path: Path, database_url: str) -> None:
    """The command on a real terminal: no JSON, and the result on standard output."""
    (tmp_path / "teams.yaml").write_text("- {slug: backend, name: Backend}\n")
    outside, inside = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TEAMGAUGE_")}
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "teamgauge"), "collect"],
        cwd=tmp_path,
        env=environment | {"TEAMGAUGE_DATABASE__URL": database_url, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=inside,
        text=True,
    )
    os.close(inside)
    shown = read_to_its_end(outside)
    stdout, _ = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert stdout.startswith("files: done, 2 rows read, 1 new")
    assert "Computing the indicators" in shown.decode()
    assert "{" not in shown.decode()
