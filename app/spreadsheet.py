"""Rows as CSV that a spreadsheet opens without harm: of the API's lists and of the reports."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

FORMULA = re.compile(r"[=+\-@\t\r]")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows below their head (RFC 4180), each value as `cell` writes it."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: Any) -> str:
    """A value as the text of a cell: null is empty, a number is exact.

    A text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage
    return) gets an apostrophe in front; numbers stay as they are.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) else value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return cell(" ".join(value))
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
