"""The wheel: holds every file of the packages, and works installed, far from the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "collectors", "dashboards", "demo", "migrations")
LEFT_OUT = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__")


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in an environment that knows nothing of this checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TEAMGAUGE_")}
    kept.pop("PYTHONPATH", None)
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, without a network."""
    source = tmp_path_factory.mktemp("source") / "teamgauge"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
    built = run(*pip, "--no-build-isolation", "--wheel-dir", out, ".", cwd=source)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = out.glob("teamgauge-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh virtual environment with the wheel; the dependencies are the ones of here."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = run(*pip, "--no-index", "--no-deps", wheel, cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    expected = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    assert len(expected) > 30
    missing = expected - set(zipfile.ZipFile(wheel).namelist())
    assert not missing


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    (information,) = {
        name.partition("/")[0]
        for name in zipfile.ZipFile(wheel).namelist()
        if ".dist-info/" in name
    }
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert top == {*PACKAGES, information}


def test_the_installed_code_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-c", "import app, demo; print(app.__file__)", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_help_names_the_commands(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "teamgauge", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in ("init", "demo", "migrate", "collect", "refresh", "serve", "check"):
        assert command in done.stdout


def test_init_migrate_and_check_work_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    data = {"TEAMGAUGE_DATABASE__DATA_DIR": str(tmp_path / "data")}
    for command in ("init", "migrate", "check"):
        done = run(installed / "teamgauge", command, cwd=folder, **data)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
    assert (folder / "teamgauge.toml").is_file()
