"""docs/security.md: no line without a test that exists, or a reason; and the linter that lines rely on."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
REASON = re.compile(r"does not apply: \S.{15,}")


def lines() -> list[list[str]]:
    """The cells of each line of the checklist."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Checklist")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


@cache
def named_in(path: str) -> frozenset[str]:
    """The names of the tests of a file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def missing(proof: str) -> str:
    """What a proof lacks; empty where it is one."""
    named = TEST.findall(proof)
    gone = [f"{path}::{name}" for path, name in named if name not in named_in(path)]
    if gone:
        return f"there is no {', '.join(gone)}"
    if named:
        return "" if TEST.sub("", proof).strip(", ") == "" else "there is more than tests"
    return "" if REASON.fullmatch(proof) else "neither a test nor a reason"


def test_every_line_has_tests_that_exist_or_a_reason() -> None:
    found = lines()
    assert len(found) > 60
    assert all(len(cells) == 4 for cells in found)
    assert [(cells[0], missing(cells[3])) for cells in found if missing(cells[3])] == []
    chapters = {int(each) for cells in found for each in re.findall(r"(?<![\d.])(\d+)", cells[0])}
    assert chapters == set(range(1, 18))


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "–",
        "does not apply",
        "does not apply: no",
        "we looked at it",
        "`tests/packaging/test_security.py::test_that_is_not_there`",
        "`tests/nowhere.py::test_x`",
        "`tests/packaging/test_security.py::test_the_linter_looks_for_weaknesses` and more",
    ],
)
def test_a_line_without_proof_is_found(proof: str) -> None:
    assert missing(proof)


OPT_OUT = re.compile(
    r"#\s*noqa\b(?P<codes>:[A-Z0-9, ]*[A-Z0-9])?(?P<reason> - \w.{4,})?", re.IGNORECASE
)


def without_reason(text: str) -> list[int]:
    """The lines of a module that leave a rule of the linter out and do not say why, or not which."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match = OPT_OUT.search(token.string) if token.type == tokenize.COMMENT else None
        if match is not None and not (match["codes"] and match["reason"]):
            found.append(token.start[0])
    return found


def test_every_opt_out_says_why() -> None:
    modules = [
        path
        for package in (
            "app",
            "benchmarks",
            "collectors",
            "dashboards",
            "demo",
            "docs",
            "migrations",
            "tests",
        )
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    assert len(modules) > 400
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in modules}
    assert {name: found for name, text in texts.items() if (found := without_reason(text))} == {}
    sql = [name for name, text in texts.items() if "noqa: S608 - " in text]
    assert len(sql) > 10, "statements are not put together any more: say so in docs/security.md"


@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: S608", "#noqa:S608", "# noqa: S608 - ", "# noqa - our own names"]
)
def test_an_opt_out_without_a_reason_is_found(comment: str) -> None:
    assert without_reason(f"one = 1\ntwo = 2  {comment}\nthree = '{comment}'\n") == [2]
    assert without_reason("two = 2  # noqa: S608, E501 - our own names\n") == []


WEAK = '''"""A module with every weakness that docs/security.md says the linter finds."""
import hashlib
import pickle
import subprocess
import xml.etree.ElementTree as tree

import httpx
import yaml


def weak(given: str) -> None:
    exec(given)
    eval(given)
    subprocess.run(given, shell=True)
    pickle.loads(given.encode())
    tree.fromstring(given)
    yaml.load(given, Loader=yaml.Loader)
    httpx.get(given, verify=False)
    hashlib.md5(given.encode())
    print(f"SELECT a FROM b WHERE c = '{given}'")
'''
FOUND = {"S102", "S301", "S307", "S314", "S324", "S501", "S506", "S602", "S608"}


def test_the_linter_looks_for_weaknesses() -> None:
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "ruff", "check", "--output-format", "concise"),
            *("--stdin-filename", ROOT / "app" / "weak.py", "-"),
        ],
        input=WEAK,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(re.findall(r" (S\d+) ", done.stdout)) >= FOUND, done.stdout
