"""Help, version and every way to use the command wrongly: one sentence, exit status 2, nothing written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import __version__
from app.cli import COMMANDS
from app.cli.garbage import OBJECTS

Teamgauge = Callable[..., subprocess.CompletedProcess[str]]


def sentence(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The one line on standard error of a command that was refused."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_help_names_every_command(teamgauge: Teamgauge) -> None:
    done = teamgauge("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        group, _, _ = command.name.rpartition(" ")
        assert f"  {group or command.name}" in done.stdout
        assert group or command.summary in done.stdout
    assert "--config FILE" in done.stdout
    assert teamgauge().stdout == done.stdout


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_of_each_command(teamgauge: Teamgauge, command: str) -> None:
    done = teamgauge(*command.split(), "--help")
    assert done.returncode == 0
    assert f"Usage: teamgauge {command}" in done.stdout


def test_a_start_loads_nothing_heavy_and_looks_for_garbage_seldom() -> None:
    code = (
        "import gc, sys; from app.cli import main; sys.argv[1:] = ['--help']; main();"
        "print([name for name in ('pandas', 'plotly', 'sqlalchemy', 'fastapi', 'gitlab')"
        " if name in sys.modules], gc.get_threshold()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"[] {OBJECTS}"


def test_version(program: Teamgauge) -> None:
    done = program("--version")
    assert (done.returncode, done.stdout) == (0, f"teamgauge {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["colect"], "No such command 'colect', perhaps collect is meant"),
        (["collect", "--ful"], "No such option: --ful, perhaps --full is meant"),
        (["serve", "--port"], "Option '--port' requires an argument"),
        (["serve", "--port", "x"], "Invalid value for '--port': it must be a whole number"),
        (["serve", "--port", "99999"], "Invalid value for '--port': it must be at most 65535; see"),
        (["demo", "--port=-1"], "it must be at least 0; see `teamgauge demo --help`."),
        (["migrate", "now"], "Got unexpected extra argument(s) (now)"),
        (["collect", "gitlub"], "There is no source gitlub, perhaps gitlab is meant."),
        (["collect", "x"], "There is no source x, there are files, bamboohr, greenhouse, gitlab."),
        (["collect", "gitlab"], "The source gitlab is not configured: set gitlab.groups"),
        (["collect", "files"], "The source files is not configured: put teams.yaml"),
        (
            ["collect", "bamboohr"],
            "The source bamboohr is not configured: set bamboohr.url and bamboohr.api_key",
        ),
        (
            ["collect", "greenhouse"],
            "The source greenhouse is not configured: set greenhouse.client_id",
        ),
        (["collect"], "There is nothing to collect: set gitlab.groups"),
        (
            ["report", "--month", "2026-01"],
            "Missing option '--team'; see `teamgauge report --help`",
        ),
        (["report", "--team", "a"], "Missing option '--month'; see `teamgauge report --help`"),
        (
            ["report", "--team", "a", "--month", "2026-01", "--format", "pdf"],
            "Invalid value for '--format': 'pdf' is none of 'html', 'md', 'csv'; see",
        ),
        (["backup"], "Missing argument 'FILE'; see `teamgauge backup --help`"),
        (["backup", "absent/file"], "There is no folder "),
        (["backup", "/dev/null"], "/dev/null is no plain file. Name a file."),
        (["backup", "file", "--rotate", "3"], "file is no folder. --rotate keeps the newest"),
        (["backup", "file"], "There is no store in "),
        (["restore", "file"], "file cannot be read: No such file or directory."),
        (["restore", "/"], "/ cannot be read: Is a directory."),
        (["--config", "absent.toml", "collect"], "absent.toml does not exist"),
        (["collect", "--config", "absent.toml"], "absent.toml does not exist"),
        (["--config", "/", "check"], "The configuration file / cannot be read: Is a directory."),
        (["serve", "--host", "0.0.0.0"], "--host 0.0.0.0 is reached from other machines"),
        (["serve", "--host", "::"], "--host :: is reached from other machines"),
        (["serve", "--host", ""], "reached from other machines"),
        (["serve", "--host", "no.such.host.invalid"], "is not an address of this machine"),
    ],
)
def test_wrong_usage(
    teamgauge: Teamgauge, arguments: list[str], expected: str, tmp_path: Path
) -> None:
    assert expected in sentence(teamgauge(*arguments))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["migrate", "collect", "refresh", "serve", "check"])
def test_wrong_configuration(teamgauge: Teamgauge, command: str, tmp_path: Path) -> None:
    (tmp_path / "teamgauge.toml").write_text("[gitlab]\nconcurency = 3\ngroups = ['a']\n")
    assert sentence(teamgauge(command)) == (
        "teamgauge.toml: gitlab.concurency is not a key, perhaps gitlab.concurrency is meant."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["teamgauge.toml"]


def test_serving_others_needs_sign_in(teamgauge: Teamgauge, tmp_path: Path) -> None:
    file = tmp_path / "teamgauge.toml"
    file.write_text('[server]\nhost = "0.0.0.0"\n')
    assert "server.host 0.0.0.0 is reached from other machines" in sentence(teamgauge("serve"))
    file.write_text('[auth]\nmode = "oidc"\n')
    assert "auth.issuer must be set" in sentence(teamgauge("serve"))
    file.write_text(
        '[auth]\nmode = "oidc"\nissuer = "https://x.example"\nclient_id = "a"\n'
        'base_url = "https://y.example"\n'
    )
    assert "auth.client_secret must be set" in sentence(teamgauge("serve", "--port", "0"))


def test_the_configuration_is_named_before_or_after_the_command(
    teamgauge: Teamgauge, tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text("[server]\nhost = 5\n")
    for done in (
        teamgauge("--config", "a.toml", "serve"),
        teamgauge("serve", "--config", "a.toml"),
        teamgauge("serve", TEAMGAUGE_CONFIG="a.toml"),
    ):
        assert sentence(done) == "a.toml: server.host must be a text in quotes, not 5."
