"""What we run on: under which licences, in a bill of materials, and audited where that can be."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from docs import audit

from .test_lock import ENTRY, ROOT, RUNTIME

# What may be used by a program under Apache-2.0 that is given away; of copyleft only what ends at the
# library (LGPL) or at the file (MPL), and both are installed as they are.
ALLOWED = {
    *("MIT", "MIT-0", "MIT License", "BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "0BSD"),
    *("Apache-2.0", "Apache 2.0", "Apache Software License", "ISC", "ISC License (ISCL)"),
    *("PSF-2.0", "Zlib", "CC0-1.0", "PostgreSQL", "Python-2.0"),
    *("LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"),
}


def pinned() -> dict[NormalizedName, str]:
    """The packages of the runtime lock that this system has, with the marker-free versions."""
    found: dict[NormalizedName, str] = {}
    for match in ENTRY.finditer((ROOT / RUNTIME).read_text(encoding="utf-8")):
        requirement = Requirement(match["requirement"])
        if requirement.marker is None or requirement.marker.evaluate():
            (pin,) = requirement.specifier
            found[canonicalize_name(requirement.name)] = pin.version
    return found


def licences(package: str) -> set[str]:
    """What a package says of its licence: its expression taken apart, or else its classifiers."""
    about = metadata.metadata(package).json
    expression = str(about.get("license_expression") or "")
    if expression:
        return set(re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", "").replace(")", "")))
    told = {
        each.rpartition(" :: ")[2]
        for each in about.get("classifier") or []
        if each.startswith("License :: ")
    }
    written = str(about.get("license") or "")
    return {written} if written in ALLOWED else told or {written}


@pytest.mark.parametrize("package", sorted(pinned()))
def test_every_package_has_a_licence_that_may_be_used(package: str) -> None:
    assert licences(package) <= ALLOWED


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0-or-later", "SSPL-1.0", ""])
def test_others_may_not(licence: str) -> None:
    assert licence not in ALLOWED


def test_the_bill_of_materials_names_every_package(tmp_path: Path) -> None:
    made = tmp_path / "bill.json"
    subprocess.run(
        ["make", "--assume-old=.venv/.dev", "sbom", f"SBOM={made}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    bill: dict[str, Any] = json.loads(made.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "teamgauge"
    parts = {canonicalize_name(each["name"]): each for each in bill["components"]}
    assert pinned().keys() <= parts.keys()
    for package, version in pinned().items():
        part = parts[package]
        if package != "numpy":  # two versions, by Python's
            assert part["version"] == version
        assert part["purl"].startswith(f"pkg:pypi/{package}@")
        assert part["externalReferences"][0]["hashes"]


GOOD = {"name": "good", "version": "1", "vulns": []}
WEAK = {"name": "weak", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "silent", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "status", "words"),
    [
        ([GOOD], 0, "No known weakness in 1 packages."),
        ([GOOD, WEAK], 1, "weak 2: PYSEC-1, repaired in 2.1."),
        ([WEAK, SKIPPED], 1, "NOT AUDITED: of 1 of 2 packages"),
        ([GOOD, SKIPPED], 3, "NOT AUDITED: of 1 of 2 packages"),
    ],
)
def test_the_audit_tells_what_it_found_and_what_it_could_not(
    dependencies: list[dict[str, Any]], status: int, words: str
) -> None:
    ended, sentences = audit.judged(dependencies)
    assert ended == status
    assert any(words in each for each in sentences)


def test_the_audit_never_passes_where_its_service_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unreachable = (sys.executable, "-c", "raise SystemExit('no route to host')")
    monkeypatch.setattr(audit, "COMMAND", unreachable)
    assert audit.main() == audit.NOT_AUDITED
    assert "NOT AUDITED" in capsys.readouterr().out
