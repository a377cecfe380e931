"""Reads a CSV file with a header row; every cell knows its line and column."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from collectors.files.problems import Problems


def near(word: str, known: Sequence[str]) -> str:
    """`, perhaps x is meant` for the known word that resembles most; empty if none does."""
    found = get_close_matches(word, known, n=1, cutoff=0.6)
    return f", perhaps {found[0]} is meant" if found else ""


def read_text(path: Path, problems: Problems) -> str | None:
    """The content of a text file; None, with a problem noted, if it is not readable UTF-8 text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.add(path.name, 0, "", f"the file cannot be read: {error.strerror or error}")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.add(path.name, line, "", "the file is not UTF-8, save it with that encoding")
        return None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        problems.add(path.name, line, "", "the line holds a NUL character, this is not a text file")
        return None
    return text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file whose header was accepted."""

    file: str
    columns: tuple[str, ...]
    rows: "tuple[Row, ...]"
    problems: Problems


@dataclass(frozen=True, slots=True)
class Row:
    """A row with the number of the line on which it begins; cells without surrounding blanks."""

    line: int
    cells: dict[str, str]


def read_sheet(
    path: Path,
    problems: Problems,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    others: bool = False,
) -> Sheet | None:
    """A CSV file, its columns in any order; None if the header cannot be used.

    others: whether columns of other names are taken as well.
    Rows of a wrong length are noted as problems and left out, blank ones are left out.
    """
    text = read_text(path, problems)
    if text is None:
        return None
    file = path.name
    lines = _lines(file, text, problems)
    line, header = next(lines, (0, []))
    if not header:
        if not problems.found or problems.found[-1].file != file:
            expected = ",".join((*required, *optional))
            problems.add(file, 0, "", f"the file is empty, its first line must be {expected}")
        return None
    columns = tuple(cell.strip() for cell in header)
    if not _accept_header(file, line, columns, problems, required, optional, others):
        return None
    rows = []
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            reason = f"the row has {len(cells)} fields, the header has {len(columns)}"
            problems.add(file, line, "", reason)
            continue
        stripped = (cell.strip() for cell in cells)
        rows.append(Row(line, dict(zip(columns, stripped, strict=True))))
    return Sheet(file, columns, tuple(rows), problems)


def _lines(file: str, text: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line; quoted cells may contain line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"the quotes do not match ({error})"
            problems.add(file, line, "", reason)
            return
        if cells:
            yield line, cells


def _accept_header(
    file: str,
    line: int,
    columns: tuple[str, ...],
    problems: Problems,
    required: Sequence[str],
    optional: Sequence[str],
    others: bool,
) -> bool:
    known = (*required, *optional)
    before = len(problems.found)
    if len(columns) == 1 and re.search(r"[;\t]", columns[0]):
        problems.add(file, line, "", "the columns must be separated by commas")
        return False
    unknown = [name for name in columns if name not in known]
    missing = [name for name in known if name not in columns]
    for number, name in enumerate(columns, start=1):
        if not name:
            problems.add(file, line, str(number), "the column has no name")
        elif columns.index(name) < number - 1:
            problems.add(file, line, f"{number} ({name})", "the column is there twice")
        elif name in unknown:
            guess = near(name.lower(), missing)
            if guess or not others:
                instead = guess or f", the columns are {','.join(known)}"
                reason = f"the column is not known{instead}"
                problems.add(file, line, f"{number} ({name})", reason)
    if len(problems.found) == before:
        for name in missing:
            if name in required:
                problems.add(file, line, "", f"the column {name} is missing")
    return len(problems.found) == before


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one row, with the means to refuse one of them."""

    sheet: Sheet
    row: Row

    def refuse(self, column: str, reason: str) -> None:
        """Notes a mistake in a column of this row."""
        number = self.sheet.columns.index(column) + 1
        self.sheet.problems.add(self.sheet.file, self.row.line, f"{number} ({column})", reason)

    def text(self, column: str) -> str:
        """A cell as it stands; empty if the sheet does not have the column."""
        return self.row.cells.get(column, "")

    def needed(self, column: str) -> str:
        """A cell that must not be empty."""
        text = self.text(column)
        if not text:
            self.refuse(column, "the cell is empty")
        return text

    def day(self, column: str, *, needed: bool = False) -> date | None:
        """A day in ISO form; None if empty or refused."""
        text = self.needed(column) if needed else self.text(column)
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
        except ValueError:
            self.refuse(column, f"there is no day {text}")
            return None
        if day is None:
            self.refuse(column, f'"{text}" is not a date, write it as 2026-01-31')
        elif day.year < 1900:
            self.refuse(column, f"{text} is before 1900")
        return day

    def month(self, column: str) -> date | None:
        """The first day of a month that must be there; None if refused."""
        text = self.needed(column)
        if not text:
            return None
        if not re.fullmatch(r"(19|2\d)\d{2}-(0[1-9]|1[0-2])", text, re.ASCII):
            self.refuse(column, f'"{text}" is not a month, write it as 2026-01')
            return None
        return date.fromisoformat(f"{text}-01")

    def whole(self, column: str) -> int | None:
        """A whole number of 0 or more that must be there; None if refused."""
        text = self.needed(column)
        if not text:
            return None
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            self.refuse(column, f'"{text}" is not a whole number of 0 or more')
            return None
        return int(text)

    def number(self, column: str, least: float | None, greatest: float | None) -> float | None:
        """A number with a decimal point, within bounds where there are any; None if empty or refused."""
        text = self.text(column)
        if not text:
            return None
        if not re.fullmatch(r"[+-]?(\d{1,15}(\.\d*)?|\.\d+)", text, re.ASCII):
            self.refuse(column, f'"{text}" is not a number, write it as 2.5')
            return None
        number = float(text)
        if least is not None and number < least:
            self.refuse(column, f"{text} is below {least:g}, the least that there can be")
        elif greatest is not None and number > greatest:
            self.refuse(column, f"{text} is above {greatest:g}, the most that there can be")
        return number

    def one_of(self, column: str, words: Sequence[str]) -> str:
        """A cell that holds one of some words."""
        text = self.needed(column)
        if text and text not in words:
            guess = near(text.lower(), words) or f", write {' or '.join(words)}"
            self.refuse(column, f'"{text}" is not known{guess}')
        return text


def rows(sheet: Sheet | None) -> Iterator[Cells]:
    """The rows of a sheet; none if its header was refused."""
    if sheet is not None:
        for row in sheet.rows:
            yield Cells(sheet, row)
