"""docs/operations.md: what it has an operator paste is there, and makes what deploy/ looks for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.cli.commands import COMMANDS
from tests.packaging.deployments import ANSWERS, ROOT, SYSTEMD, compose, secrets_of_example
from tests.packaging.test_security import missing

TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "docs/operations.md")


def pasted(title: str) -> str:
    """The first block of commands below a title."""
    found = re.search(rf"^#+ {title}\n.*?^```sh\n(.*?)^```", TEXT, re.M | re.S)
    assert found, title
    return found[1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="LOUD: openssl is not installed")
def test_compose_finds_every_secret_and_answer(tmp_path: Path) -> None:
    before, found, _ = pasted("Docker Compose").partition("docker compose build\n")
    assert found
    subprocess.run(["bash", "-ec", before], cwd=tmp_path, check=True, timeout=60)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() == compose()["secrets"].keys()
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    answers = [line.partition("=")[0] for line in (tmp_path / ".env").read_text().splitlines()]
    assert answers == list(ANSWERS)
    for login, key in {"teamgauge": "url", "web": "web_url", "collect": "collect_url"}.items():
        password = made[f"{login}.password"].strip()
        assert len(password) == 48
        address = f"postgresql://{login}:{password}@database/teamgauge"
        assert made[f"database.{key}"].strip() == address


def test_kubernetes_finds_every_secret() -> None:
    block = pasted("Kubernetes").replace("\\\n", "")
    made = {}
    for name, options in re.findall(r"create secret generic (\S+) (.*)", block):
        made[name] = frozenset(re.findall(r"--from-literal=([\w.]+)=", options))
    assert made.pop("teamgauge-files") == frozenset()
    assert made == secrets_of_example()


def test_systemd_finds_every_unit() -> None:
    named = set(re.findall(r"teamgauge(?:-\w+)?\.(?:service|timer)", TEXT))
    assert named
    for name in named:
        assert (SYSTEMD / name).is_file(), name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_of_deploy_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"deploy/[\w./*-]*[\w*]", (ROOT / name).read_text(encoding="utf-8")))
    assert named
    for path in named:
        assert list(ROOT.glob(path)), path


def test_every_command_is_one_of_the_product() -> None:
    blocks = re.findall(r"^ *```(?:sh|cron)\n(.*?)^ *```", TEXT, re.M | re.S)
    commands = {each.name for each in COMMANDS}
    start = r"(?:^(?:TEAMGAUGE_\S+ )?|/|exec \w+ |&& )"
    named = set(re.findall(start + r"teamgauge ([a-z]+)", "\n".join(blocks), re.M))
    assert named >= {"backup", "restore", "check", "collect"}
    assert named <= commands


def test_every_fault_has_a_test_that_exists() -> None:
    table = re.search(r"^### Faults\n.*?(?=^## )", TEXT, re.M | re.S)
    assert table
    rows = [line.strip("| ").split(" | ") for line in table[0].splitlines() if line[:2] == "| "]
    found = [(row[0], missing(row[-1])) for row in rows[2:] if len(row) != 7 or missing(row[-1])]
    assert len(rows) > 8
    assert found == []
