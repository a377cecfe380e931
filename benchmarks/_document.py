"""Tables as Markdown, and their places in docs/performance.md."""

import os
import platform
import re
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


def machine(engine: Engine, sharing: str) -> str:
    """What it ran on; no names, no paths. sharing: who uses its cores."""
    model = platform.processor() or platform.machine()
    try:
        text_ = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text_ = ""
    if found := re.search(r"model name\s*:\s*(.+)", text_):
        model = " ".join(found[1].split())
    with engine.connect() as connection:
        postgres = str(connection.scalar(text("SHOW server_version"))).partition(" ")[0]
    return (
        f"Measured on {datetime.now(UTC):%d %B %Y} with {os.cpu_count()} cores ({model}), which"
        f" {sharing} share; {platform.system()}, Python"
        f" {platform.python_version()}, Postgres {postgres}."
    )


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
