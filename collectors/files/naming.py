"""Which lines of the files beside the configuration name a person: nobody but their owner changes them."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from app.settings import Settings
from collectors.files.problems import Problems
from collectors.files.sheet import read_text


def lines_naming(
    settings: Settings, person_id: str | None, words: Sequence[str]
) -> dict[str, list[int]]:
    """The numbers of lines by file name, in the order of the files; of what cannot be read, none.

    person_id: as a whole cell of that column. words: anywhere, as whole words in any case. The
    configuration is among the files: it may say by address or username who has which role.
    """
    files = [*settings.files.organisation.values(), *settings.files.planning.values()]
    given = [*files, *([settings.path] if settings.path else [])]
    spoken = "|".join(map(re.escape, words)) or "(?!)"
    named = re.compile(rf"(?<![\w.-])(?:{spoken})(?![\w-])", re.IGNORECASE)
    found = {}
    for path in given:
        text = read_text(path, Problems())
        if text is None:
            continue
        rows = _rows(path, text, person_id)
        numbers = [line for line, content, theirs in rows if theirs or named.search(content)]
        if numbers:
            found[path.name] = numbers
    return found


def _rows(path: Path, text: str, person_id: str | None) -> list[tuple[int, str, bool]]:
    """(line, content, whether the person_id is theirs) of each line, or of each row of a sheet."""
    if path.suffix != ".csv":
        return [(number, line, False) for number, line in enumerate(text.splitlines(), 1)]
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    rows: list[tuple[int, str, bool]] = []
    begins = 1
    column: int | None = None
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if not rows and "person_id" in stripped:
            column = stripped.index("person_id")
        theirs = column is not None and stripped[column : column + 1] == [person_id]
        rows.append((begins, " , ".join(stripped), theirs))
        begins = reader.line_num + 1
    return rows
