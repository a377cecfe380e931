"""What is wrong in the files: each mistake with its file, line, column and reason."""

from collections import Counter
from dataclasses import dataclass, field

from app.errors import AppError

SHOWN_PER_FILE = 20


class InvalidFileError(AppError):
    """The files contradict themselves or each other; nothing of them was stored. Exit status 1.

    problems: one sentence for each mistake, up to 20 of each file.
    """

    def __init__(self, message: str, problems: tuple[str, ...]) -> None:
        super().__init__(message)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake. line 0: of the file as a whole. column: its number and name, as far as known."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{line}{column}: {self.reason}."


@dataclass(slots=True)
class Problems:
    """The mistakes of all files that were read so far."""

    found: list[Problem] = field(default_factory=list)

    def add(self, file: str, line: int, column: str, reason: str) -> None:
        """Notes a mistake. Nothing is stored any more; reading goes on to find the others."""
        self.found.append(Problem(file, line, column, reason))

    def refuse(self) -> None:
        """Raises InvalidFileError if there are any, with the first one and how many there are."""
        if not self.found:
            return
        files = list(dict.fromkeys(problem.file for problem in self.found))
        in_order = sorted(self.found, key=lambda each: (files.index(each.file), each.line))
        count: Counter[str] = Counter()
        listed = []
        for problem in in_order:
            count[problem.file] += 1
            if count[problem.file] <= SHOWN_PER_FILE:
                listed.append(str(problem))
        more = len(in_order) - 1
        rest = f" (and {more} more, `teamgauge check` lists them)" if more else ""
        raise InvalidFileError(f"{str(in_order[0])[:-1]}{rest}.", tuple(listed))
