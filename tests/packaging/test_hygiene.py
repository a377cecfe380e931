"""What no file of the repository may hold, and what every module must."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "collectors", "dashboards", "demo", "migrations", "docs", "benchmarks")

# The brackets keep a pattern from finding itself here.
FORBIDDEN = {
    "the address of a package registry": r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|deb[.]debian",
    "a setting that names a package registry": r"(extra-)?index[-]url|find[-]links",
    "a path of one machine": r"(?<![\w.])/(?:work|farm|root|Users)/|(?<![\w.])/home/(?!you\b)\w",
    "a token": r"glpat-[\w-]{20}|gh[pousr]_\w{36}|AKIA[0-9A-Z]{16}|xox[abp]-\w{10}",
    "a private key": r"BEGIN [A-Z ]*PRIVATE KE[Y]",
    "a note of something not done": r"\b(?:TO[D]O|FIX[M]E|XX[X]|NotImplemented[E]rror)\b",
}


def tracked() -> list[Path]:
    """Every file under version control that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def files() -> list[Path]:
    found = tracked()
    assert ROOT / "pyproject.toml" in found
    return found


@pytest.fixture(scope="module")
def texts(files: list[Path]) -> dict[str, str]:
    """Every text file by its name; pictures and fonts are left out."""
    found = {}
    for path in files:
        content = path.read_bytes()
        if b"\0" not in content:
            found[named(path)] = content.decode("utf-8")
    return found


def test_no_file_is_a_link() -> None:
    """A link of one machine takes the place of what another one has there, such as its .venv."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert "\tpyproject.toml" in listed
    assert [line for line in listed.splitlines() if line.startswith("120000 ")] == []


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds(kind: str, texts: dict[str, str]) -> None:
    pattern = re.compile(FORBIDDEN[kind])
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"{kind} stands in\n" + "\n".join(found)


def test_no_file_is_large(files: list[Path]) -> None:
    large = [named(path) for path in files if path.stat().st_size > 600 * 1024]
    assert not large


def test_every_text_file_ends_with_one_line_end(texts: dict[str, str]) -> None:
    wrong = [
        name for name, text in texts.items() if text and (text[-1] != "\n" or text[-2:] == "\n\n")
    ]
    assert not wrong


def test_no_module_is_long(texts: dict[str, str]) -> None:
    long = {
        name: lines
        for name, text in texts.items()
        if name.endswith(".py")
        and not name.startswith("migrations/versions/")  # generated, one table after the other
        and (lines := len(text.splitlines())) > 450
    }
    assert not long, f"what are they two of? {long}"


def test_every_module_opens_with_its_place(texts: dict[str, str]) -> None:
    modules = {
        name: text
        for name, text in texts.items()
        if name.endswith(".py") and name.partition("/")[0] in PACKAGES
    }
    assert len(modules) > 20
    bare = [name for name, text in modules.items() if not ast.get_docstring(ast.parse(text))]
    assert not bare
