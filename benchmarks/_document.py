"""Tables as Markdown, and their places in docs/performance.md."""

import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def brief(number: float) -> str:
    """Three figures."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def machine(engine: Engine | None, sharing: str) -> str:
    """What it ran on; no names, no paths. engine: of the Postgres that is named; None: the embedded
    one, which the lock has the version of. sharing: who uses its cores."""
    model = platform.processor() or platform.machine()
    try:
        text_ = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text_ = ""
    if found := re.search(r"model name\s*:\s*(.+)", text_):
        model = " ".join(found[1].split())
    postgres = ""
    if engine is not None:
        with engine.connect() as connection:
            told = str(connection.scalar(text("SHOW server_version")))
            postgres = f", Postgres {told.partition(' ')[0]}"
    return (
        f"Measured on {datetime.now(UTC):%d %B %Y} with {os.cpu_count()} cores ({model}), which"
        f" {sharing} share; {platform.system()}, Python"
        f" {platform.python_version()}{postgres}."
    )


def made_by(name: str, options: Sequence[str]) -> str:
    """The sentence that tells which benchmark came to what stands there, and how it was asked."""
    return f"Made by `{shlex.join(['python', '-m', f'benchmarks.{name}', *options])}`."


def write(parts: Mapping[str, str], document: Path) -> None:
    """Puts parts into a document, each between its marks. Raises ValueError where it has none."""
    whole = document.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        before, mark, rest = whole.partition(begin)
        _, end_mark, after = rest.partition(end)
        if not mark or not end_mark:
            raise ValueError(f"{document.name} has no place for {name}")
        whole = f"{before}{begin}\n\n{part}\n\n{end}{after}"
    document.write_text(whole, encoding="utf-8")
