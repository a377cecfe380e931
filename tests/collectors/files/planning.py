"""A folder with the files of an organisation, collected into a database by the real runner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.settings import FileSettings, Settings
from collectors import files, runner
from collectors.files.planning import read_planning
from collectors.files.problems import InvalidFileError
from collectors.source import Source

TEAMS = "- {slug: dev, name: Development}\n- {slug: backend, name: Backend, parent: dev}\n"
SLUGS = ("organisation", "dev", "backend")
NAMES = ("teams.yaml", "people.csv", "plan.csv", "openings.csv", "targets.csv")


@dataclass
class Desk:
    """The files beside a configuration, and the database that they are collected into."""

    folder: Path
    engine: Engine

    def write(self, name: str, *lines: str) -> None:
        """Writes a file, one line each."""
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def collect(self) -> runner.RunReport:
        """One run over the files that there are now."""
        given = {name.partition(".")[0]: self.folder / name for name in NAMES}
        settings = FileSettings.model_validate({k: p for k, p in given.items() if p.exists()})
        return runner.run(
            self.engine,
            Source(name="files", title="Files", fetch=files.fetch),
            Settings(files=settings),
            full=False,
            started_at=datetime.now(UTC),
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def stamps(self) -> list[tuple[Any, ...]]:
        """Which transaction wrote each row: changes when a row is written again."""
        tables = ("teams", "plan", "openings", "targets", "positions")
        return [row for t in tables for row in self.rows(f"SELECT '{t}', xmin::text FROM {t}")]


def desk(folder: Path, engine: Engine) -> Desk:
    """A folder with two teams."""
    made = Desk(folder, engine)
    made.write("teams.yaml", *TEAMS.splitlines())
    return made


def refusals(folder: Path, key: str, lines: Sequence[str]) -> tuple[str, ...]:
    """The sentences with which a file of these lines is refused."""
    path = folder / f"{key}.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        read_planning(key, path, SLUGS)
    assert caught.value.status == 1
    return caught.value.problems
