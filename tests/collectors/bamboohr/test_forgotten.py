"""BambooHR goes on telling of a manager who was forgotten: neither they nor their team are named again."""

from typing import Any

from app.metrics.forget import forget
from app.settings import Settings
from app.store.engine import sessions
from app.store.tables import Base
from tests.collectors.bamboohr.conftest import Lab

EFFECTIVE = (
    "SELECT person_id, attributes FROM effective_people",
    "SELECT person_id, start_date, end_date, termination_type FROM effective_employment",
    "SELECT person_id, team, valid_from, valid_to, role FROM effective_memberships",
    "SELECT slug, parent, removed_at IS NULL FROM teams",
)
"""What the numbers of people are made of."""


def told(lab: Lab, **called: str) -> list[list[tuple[Any, ...]]]:
    """What holds, with other words in place of some."""
    return [
        sorted(
            (tuple(called.get(str(value), value) for value in row) for row in lab.rows(statement)),
            key=repr,
        )
        for statement in EFFECTIVE
    ]


def naming(lab: Lab) -> set[str]:
    """The tables that call Olga by any name."""
    return {
        table
        for table in Base.metadata.tables
        for (row,) in lab.rows(f"SELECT lower(t::text) FROM {table} t")
        if "olga" in row or "moss" in row
    }


def test_a_manager_whose_team_has_their_name(lab: Lab) -> None:
    olga = lab.hire(17, "Olga Moss", "2020-01-01", email="olga@acme.test", gender="Female")
    lab.hire(18, "Ben Vale", "2021-01-01", reports_to=olga)
    lab.hire(19, "Cleo Fern", "2021-01-01", reports_to=olga)
    assert lab.collect(team_from="reports_to").outcome == "done"
    before = told(lab)
    assert ("olga-moss", "organisation", True) in before[-1]

    with sessions(lab.engine).begin() as session:
        report = forget(session, Settings(), "olga@acme.test")
    pseudonym, slug = report.pseudonym, report.teams["olga-moss"]
    called = {pseudonym: "17", slug: "olga-moss"}
    assert told(lab, **called) == before
    assert naming(lab) == set()

    lab.clock.now()
    for full in (False, True):
        lab.collect(team_from="reports_to", full=full)
        assert told(lab, **called) == before
        assert naming(lab) == set()

    # Another name is another team, as it is for everybody; it has no name either.
    lab.company.edit(olga, last="Moss-Ray")
    lab.collect(team_from="reports_to", full=True)
    assert naming(lab) == set()
    teams = lab.rows(
        "SELECT slug, removed_at IS NULL FROM teams WHERE source = 'bamboohr' ORDER BY 1"
    )
    assert teams == [(slug, False), (f"{slug}-2", True)]

    # The record is gone: who was forgotten still counts.
    lab.company.delete(olga)
    lab.collect(team_from="reports_to", full=True)
    people = lab.rows("SELECT person_id FROM effective_people ORDER BY 1")
    assert people == [("18",), ("19",), (pseudonym,)]
    assert lab.rows("SELECT count(*) FROM employment WHERE person_id LIKE 'forgotten-%'") == [(1,)]


def test_what_is_said_of_them_later(lab: Lab) -> None:
    lab.hire(17, "Olga Moss", "2020-01-01", customGitLabUsername="olga")
    lab.hire(18, "Ben Vale", "2021-01-01")
    lab.collect()
    with sessions(lab.engine).begin() as session:
        pseudonym = forget(session, Settings(), "17").pseudonym
    # Two people with one account: the run remarks it, in words.
    lab.clock.now()
    lab.company.edit(lab.company.employees[18], customGitLabUsername="olga")
    lab.collect(full=True)
    assert naming(lab) == set()
    [(message,)] = lab.rows("SELECT message FROM runs ORDER BY id DESC LIMIT 1")
    assert pseudonym in message
