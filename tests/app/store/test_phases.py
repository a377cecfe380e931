"""Which revisions take something away: two releases work side by side on one database.

An expansion leaves all in place that programs of the revision before read and write. What takes away
says since which version nothing uses it any more. See docs/operations.md.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import migrations
from app import __version__

VERSIONS = Path(migrations.__file__ or "").parent / "versions"

FIRST_WITH_RULES = 12
"""Before it there was no release."""

NOT_IN_AN_EXPANSION = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
    "drop_constraint": "drops a constraint, which ON CONFLICT may name",
    "create_check_constraint": "forbids what older programs write",
    "create_unique_constraint": "forbids what older programs write",
    "create_exclude_constraint": "forbids what older programs write",
    "create_foreign_key": "forbids what older programs write",
}
IN_SQL = re.compile(
    r"\b(DROP|RENAME|TRUNCATE|DELETE\s+FROM|SET\s+NOT\s+NULL|ADD\s+CONSTRAINT|ALTER\s+COLUMN\s+\S+\s+"
    r"(SET\s+DATA\s+)?TYPE)\b",
    re.IGNORECASE,
)
BODY_OF_FUNCTION = re.compile(r"\bCREATE\s+FUNCTION\b.*?\$\$.*?\$\$", re.IGNORECASE | re.DOTALL)
"""What a new function does is done when it is called, by programs that know it."""


def faults(source: str) -> Iterator[str]:
    """What in a revision's upgrade breaks a program of the revision before."""
    tree = ast.parse(source)
    for node in _upgrading(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if found := IN_SQL.search(BODY_OF_FUNCTION.sub("", node.value)):
                yield f"line {node.lineno}: {found[0]} in SQL"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from (f"line {node.lineno}: {fault}" for fault in _of_call(node, node.func.attr))


def _upgrading(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything but what downgrades, and what only describes."""
    for statement in tree.body:
        describes = isinstance(statement, ast.Expr)
        if not describes and getattr(statement, "name", "") != "downgrade":
            yield from ast.walk(statement)


def _of_call(call: ast.Call, name: str) -> Iterator[str]:
    if name in NOT_IN_AN_EXPANSION:
        yield NOT_IN_AN_EXPANSION[name]
    keywords = {each.arg: each.value for each in call.keywords}
    if name == "alter_column":
        for key in sorted({"new_column_name", "type_"} & set(keywords)):
            yield f"alters a column by {key}"
        if _is(keywords.get("nullable"), value=False):
            yield "alters a column so that it takes no null"
    if name == "add_column":
        columns = [each for each in call.args if isinstance(each, ast.Call)]
        for given in ({each.arg: each.value for each in column.keywords} for column in columns):
            if _is(given.get("nullable"), value=False) and "server_default" not in given:
                yield "adds a column that older programs do not fill"


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _marks(source: str) -> dict[str, str]:
    """The texts that a revision gives names to."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            if isinstance(node.target, ast.Name) and isinstance(node.value.value, str):
                found[node.target.id] = node.value.value
    return found


def revisions() -> list[Path]:
    return [
        path
        for path in sorted(VERSIONS.glob("[0-9]*.py"))
        if int(path.name[:4]) >= FIRST_WITH_RULES
    ]


@pytest.mark.parametrize("path", revisions(), ids=lambda path: path.stem)
def test_every_revision_says_whether_it_takes_something_away(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    marks = _marks(source)
    assert marks.get("phase") in ("expand", "contract"), "say `phase`; see docs/operations.md"
    if marks["phase"] == "expand":
        assert list(faults(source)) == [], "make it a contraction of a later release"
    else:
        since = marks.get("unused_since", "")
        assert re.fullmatch(r"\d+\.\d+\.\d+", since), "say `unused_since` which version"
        assert _numbers(since) < _numbers(__version__), "a release that uses it may still run"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('op.drop_column("runs", "seconds")', "drops a column"),
        ('op.drop_table("runs")', "drops a table"),
        ('op.rename_table("runs", "jobs")', "renames"),
        ('op.alter_column("runs", "seconds", new_column_name="took")', "new_column_name"),
        ('op.alter_column("runs", "seconds", type_=sa.Text())', "type_"),
        ('op.alter_column("runs", "seconds", nullable=False)', "no null"),
        ('op.add_column("runs", sa.Column("took", sa.Text(), nullable=False))', "do not fill"),
        ('op.execute("ALTER TABLE runs RENAME COLUMN seconds TO took")', "RENAME"),
        ('op.execute(f"ALTER TABLE {name} ALTER COLUMN seconds SET NOT NULL")', "SET NOT NULL"),
        ('op.execute("drop view effective_people")', "drop"),
        ('op.execute("DO $$ BEGIN DELETE FROM runs; END $$")', "DELETE FROM"),
        ('op.execute("CREATE FUNCTION f() AS $$ DELETE FROM x $$; DROP TABLE runs")', "DROP"),
    ],
)
def test_what_takes_away_is_found(line: str, fault: str) -> None:
    revision = '"""drops nothing"""\nname = "runs"\ndef upgrade() -> None:\n    {}\n'
    assert [each for each in faults(revision.format(line)) if fault in each]
    elsewhere = revision.format("pass") + f"def downgrade() -> None:\n    {line}\n"
    assert list(faults(elsewhere)) == []


def test_what_only_adds_is_none() -> None:
    lines = (
        'op.add_column("runs", sa.Column("a", sa.Text(), server_default="", nullable=False))',
        'op.add_column("runs", sa.Column("b", sa.Text(), nullable=True))',
        'op.create_index("ix_runs_b", "runs", ["b"])',
        'op.execute("CREATE OR REPLACE VIEW everything AS SELECT 1")',
    )
    revision = "def upgrade() -> None:\n" + "".join(f"    {line}\n" for line in lines)
    assert list(faults(revision)) == []
