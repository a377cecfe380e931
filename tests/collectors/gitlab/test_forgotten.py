"""GitLab and the files go on telling of somebody who was forgotten: no name comes back, no number differs.

Two databases collect the same; in one of them somebody was forgotten. Whatever happens at the sources
afterwards, both have the same values, as if nobody had been.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.metrics.derive_organisation import person_of_account
from app.metrics.forget import forget
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Base
from collectors import files, gitlab, runner
from collectors.source import Source
from demo.gitlab import MergeRequest
from tests.app.metrics.test_incremental_property import current_values

from .conftest import QUICK, Lab

MEANT = ("olga", "moss", "p-17")
PEOPLE = {
    "p-17": "p-17,Olga Moss,olga@acme.test,olga,woman",
    "p-2": "p-2,Ben Ray,ben@acme.test,ben,man",
    "p-3": "p-3,Cleo Kim,,cleo,woman",
}
HEAD = "person_id,name,email,gitlab_username,gender,office"


@dataclass
class Twins:
    """The same sources, collected into two databases; in the second one Olga is forgotten."""

    lab: Lab
    plain: Engine
    other: Engine
    folder: Path
    people: dict[str, str] = field(default_factory=lambda: dict(PEOPLE))
    pseudonym: str = ""

    def write(self, folder: str, without: str = "") -> Settings:
        """The files of a database, without what names a person."""
        below = self.folder / folder
        below.mkdir(exist_ok=True)
        stays = [person for person in self.people if person != without]
        rows = {
            "people.csv": [HEAD, *(f"{self.people[each]},Office of {each}" for each in stays)],
            "employment.csv": [
                "person_id,start_date,end_date,termination_type",
                *(f"{each},2025-01-01,," for each in stays),
            ],
            "memberships.csv": [
                "person_id,team,role,valid_from,valid_to",
                *(f"{each},app,member,2025-01-01," for each in stays),
            ],
        }
        for name, lines in rows.items():
            (below / name).write_text("".join(f"{line}\n" for line in lines))
        (below / "teams.yaml").write_text('- {slug: app, name: App, owns: ["acme/**"]}\n')
        return Settings.model_validate(
            {
                "reporting": {"history_start": "2025-12-01"},
                "gitlab": {"url": self.lab.url, "token": self.lab.fake.token, "groups": ["acme"]},
                "files": {
                    name: below / file
                    for name, file in {
                        "teams": "teams.yaml",
                        "people": "people.csv",
                        "employment": "employment.csv",
                        "memberships": "memberships.csv",
                    }.items()
                },
            }
        )

    def collect(
        self, *, full: bool = False, without: str = "", naming: Collection[str] = ()
    ) -> None:
        """Collects into both and holds them against each other. without: in the second one's files.
        naming: tables that call somebody else by one of her names."""
        found = {}
        for engine, folder in ((self.plain, "plain"), (self.other, "other")):
            settings = self.write(folder, without if engine is self.other else "")
            for source in (
                Source(name="files", title="Files", fetch=files.fetch),
                Source(name="gitlab", title="GitLab", fetch=partial(gitlab.fetch, policy=QUICK)),
            ):
                started_at = datetime.now(UTC)
                report = runner.run(engine, source, settings, full=full, started_at=started_at)
                assert report.outcome == "done", report
            with sessions(engine).begin() as session:
                # Both to the same instant, whenever they were collected.
                session.execute(
                    text("UPDATE runs SET data_through = :at"), {"at": self.lab.clock()}
                )
                refresh(session, settings, self.lab.clock())
                found[folder] = (current_values(session), person_of_account(session))
        assert found["other"][0] == found["plain"][0]
        moved = {
            account: self.pseudonym if self.pseudonym and person == "p-17" else person
            for account, person in found["plain"][1].items()
        }
        assert found["other"][1] == moved
        if self.pseudonym:
            assert self.naming() == set(naming)

    def forget(self, word: str = "p-17") -> None:
        """Forgets in the second database."""
        with sessions(self.other).begin() as session:
            self.pseudonym = forget(session, self.write("other"), word).pseudonym

    def naming(self) -> set[str]:
        """The tables of the second database that call Olga by any name."""
        found = set()
        with self.other.connect() as connection:
            for table in Base.metadata.tables:
                rows = connection.scalars(text(f"SELECT lower(t::text) FROM {table} t"))
                if any(word in row for row in rows for word in MEANT):
                    found.add(table)
        return found

    def work(self, by: str, *reviewers: str, merged: str | None = None) -> MergeRequest:
        """A merge request on which reviews are asked for, and which may be merged."""
        world, clock = self.lab.world, self.lab.clock
        author = world.user(by)
        made = world.add_merge_request(
            world.project("acme/app"), author, "Change it", clock.pass_(hours=5)
        )
        asked = [world.user(each) for each in reviewers]
        world.request_review(made, author, asked, clock.pass_(hours=5))
        if merged:
            world.merge(made, world.user(merged), clock.pass_(hours=30))
        return made

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of the second database."""
        with self.other.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def twins(lab: Lab, engine: Engine, other_engine: Callable[[], Engine], tmp_path: Path) -> Twins:
    lab.world.add_user("olga", "Olga Moss", public_email="olga@acme.test")
    twins = Twins(lab, engine, other_engine(), tmp_path)
    twins.work("olga", "ben", merged="olga")
    twins.work("ben", "olga", "cleo")
    twins.work("dan", "olga", merged="olga")
    twins.collect()
    return twins


def test_whatever_their_sources_tell_next(twins: Twins) -> None:
    world, clock = twins.lab.world, twins.lab.clock
    olga = world.user("olga")
    twins.forget()
    twins.collect(full=True)

    # Work goes on under the old name, then under a new one, which another person takes over later.
    twins.work("olga", "cleo")
    waiting = twins.work("ben", "olga")
    twins.collect()
    world.rename_user(olga, "olga2", "Olga Moss-Ray")
    twins.work("olga2", "ben", merged="ben")
    world.request_review(waiting, world.user("ben"), [olga], clock.pass_(hours=1))
    twins.collect()
    accounts = dict(twins.rows("SELECT id, username FROM accounts"))
    assert accounts[olga.id] == twins.pseudonym

    twins.people["p-17"] = "p-17,Olga Moss,olga@acme.test,olga2,woman"
    other = world.add_user("olga", "Somebody Else")
    twins.work("cleo", "olga")
    twins.collect(full=True, naming={"accounts", "former_usernames", "notes"})
    accounts = dict(twins.rows("SELECT id, name FROM accounts"))
    assert (accounts[olga.id], accounts[other.id]) == (twins.pseudonym, "Somebody Else")


def test_the_lines_may_be_deleted(twins: Twins) -> None:
    twins.forget("olga@acme.test")
    twins.collect(without="p-17")
    twins.work("olga", "ben", merged="olga")
    twins.collect(without="p-17", full=True)
    told = "SELECT valid_from, valid_to, person_id LIKE 'forgotten-%' FROM memberships ORDER BY 3"
    assert twins.rows(told)[-1] == (date(2025, 1, 1), None, True)


def test_what_is_told_only_afterwards(twins: Twins) -> None:
    """Another account, of which the file tells, one with the address, and another name."""
    world = twins.lab.world
    twins.forget()
    twins.people["p-17"] = "p-17,Olga Moss-Ray,olga@acme.test,moss,woman"
    twins.collect()
    world.add_user("moss", "O. Moss")
    world.add_user("om", "Olga Moss", public_email="olga@acme.test")
    twins.work("moss", "om", merged="ben")
    twins.work("om", "moss")
    twins.work("ben", "moss")
    twins.collect()
    assert len(twins.rows("SELECT FROM identities WHERE person_id LIKE 'forgotten-%'")) == 3


def test_an_account_that_is_known_and_is_theirs_after_all(twins: Twins) -> None:
    twins.lab.world.add_user("moss", "O. Moss")
    twins.work("moss", "ben", merged="olga")
    twins.work("ben", "moss")
    twins.collect()
    twins.forget()
    twins.people["p-17"] = "p-17,Olga Moss,olga@acme.test,moss,woman"
    twins.collect()
