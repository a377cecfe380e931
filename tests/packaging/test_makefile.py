"""The Makefile: lists its targets, and says in a sentence what it cannot do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = {
    *(
        "help",
        "setup",
        "demo",
        "test",
        "test-faults",
        "test-histories",
        "test-endurance",
        "lint",
        "fuzz",
        "sbom",
        "audit",
    ),
    *("lock", "docs", "screenshots", "bench", "clean"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout of only what make reads, in a path with a space."""
    made = tmp_path / "a checkout"
    made.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-build.lock"):
        shutil.copy(ROOT / name, made)
    return made


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_make_alone_lists_every_target(folder: Path) -> None:
    done = make(folder)
    assert done.returncode == 0
    assert set(re.findall(r"^  make (\S+)", done.stdout, re.M)) == TARGETS
    assert not (folder / ".venv").exists()


def test_setup_without_a_python_says_what_is_needed(folder: Path) -> None:
    done = make(folder, "setup", "PYTHON=no such python")
    assert done.returncode == 2
    assert "Python 3.11 or newer" in done.stderr
    assert "python3-venv" in done.stderr
    assert not (folder / ".venv").exists()


def test_setup_refuses_an_older_python(folder: Path) -> None:
    old = folder / "old python"
    old.write_text("#!/bin/sh\nexit 1\n")  # what the question about its version gets
    old.chmod(0o755)
    done = make(folder, "setup", f"PYTHON={old}")
    assert done.returncode == 2
    assert "Python 3.11 or newer" in done.stderr


def test_demo_hands_over_its_port_and_folder(folder: Path) -> None:
    plain = make(folder, "--dry-run", "--assume-old=.venv/.runtime", "demo").stdout
    assert '--port "8000"' in plain
    assert "--data-dir" not in plain
    given = make(folder, "--dry-run", "demo", "PORT=9000", "DATA_DIR=a folder").stdout
    assert 'teamgauge demo --port "9000" --data-dir "a folder"' in given
