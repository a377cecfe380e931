"""Teams by reporting line, worked out by hand."""

from typing import Any

import pytest
from sqlalchemy import text

from app.store.tables.organisation import ROOT_TEAM
from collectors.bamboohr.reporting import slug_of

from .conftest import Lab, day


def teams(lab: Lab) -> list[tuple[Any, ...]]:
    """(slug, name, parent) of the teams that are shown and come from BambooHR."""
    return lab.rows(
        "SELECT slug, name, parent FROM teams WHERE source = 'bamboohr' AND removed_at IS NULL"
        " ORDER BY slug"
    )


@pytest.fixture
def lines(lab: Lab) -> Lab:
    """Fay leads Ada and Gus, Ada leads Ben and Cleo; Gus follows as Cleo's manager in 2024."""
    fay = lab.hire(5, "Fay Dell", "2019-01-01", "Anything")
    ada = lab.hire(1, "Ada Moss", "2020-01-01", "Anything", reports_to=fay)
    lab.hire(2, "Ben Vale", "2021-01-01", "Anything", reports_to=ada)
    cleo = lab.hire(3, "Cleo Fern", "2021-03-01", "Anything", reports_to=ada)
    gus = lab.hire(6, "Gus Ford", "2020-01-01", "Anything", reports_to=fay)
    lab.company.job(cleo, day("2024-01-01"), "Anything", reports_to=gus)
    return lab


def test_a_team_is_a_manager_and_their_direct_reports(lines: Lab) -> None:
    done = lines.collect(team_from="reports_to")
    assert done.outcome == "done"
    assert done.remarks == ()
    assert teams(lines) == [
        ("ada-moss", "Ada Moss", "fay-dell"),
        ("fay-dell", "Fay Dell", ROOT_TEAM),
        ("gus-ford", "Gus Ford", "fay-dell"),
    ]
    assert lines.memberships() == [
        ("1", "fay-dell", "member", "2020-01-01", None),
        ("1", "ada-moss", "manager", "2021-01-01", None),
        ("2", "ada-moss", "member", "2021-01-01", None),
        ("3", "ada-moss", "member", "2021-03-01", "2024-01-01"),
        ("3", "gus-ford", "member", "2024-01-01", None),
        ("5", "fay-dell", "manager", "2020-01-01", None),
        ("6", "fay-dell", "member", "2020-01-01", None),
        ("6", "gus-ford", "manager", "2024-01-01", None),
    ]


def test_a_manager_who_left_leads_no_longer(lines: Lab) -> None:
    ada = lines.company.employees[1]
    lines.company.terminate(ada, day("2024-12-31"))
    lines.collect(team_from="reports_to")
    told = [row for row in lines.memberships() if row[1] == "ada-moss"]
    assert told == [
        ("1", "ada-moss", "manager", "2021-01-01", "2025-01-01"),
        ("2", "ada-moss", "member", "2021-01-01", None),
        ("3", "ada-moss", "member", "2021-03-01", "2024-01-01"),
    ]


def test_teams_yaml_renames_a_team(lines: Lab) -> None:
    lines.add_teams([("Ada-Moss", "Payments", "engineering")])
    with lines.engine.begin() as connection:
        connection.execute(text("UPDATE teams SET owns = '{acme/pay/**}' WHERE slug = 'Ada-Moss'"))
    lines.collect(team_from="reports_to")
    assert [slug for slug, _, _ in teams(lines)] == ["fay-dell", "gus-ford"]
    assert lines.rows("SELECT name, parent, owns, source FROM teams WHERE slug = 'Ada-Moss'") == [
        ("Payments", "engineering", ["acme/pay/**"], "files")
    ]
    assert ("2", "Ada-Moss", "member", "2021-01-01", None) in lines.memberships()
    # taken out of teams.yaml it is the manager's again
    with lines.engine.begin() as connection:
        connection.execute(text("UPDATE teams SET removed_at = now() WHERE slug = 'Ada-Moss'"))
    lines.collect(team_from="reports_to")
    assert ("ada-moss", "Ada Moss", "fay-dell") in teams(lines)
    assert ("2", "ada-moss", "member", "2021-01-01", None) in lines.memberships()


def test_managers_of_one_name(lab: Lab) -> None:
    later = lab.hire(12, "Ada Moss", "2020-01-01", "X")
    first = lab.hire(9, "Ada Moss", "2020-01-01", "X", preferred="Ada")
    lab.hire(20, "Ben Vale", "2021-01-01", "X", reports_to=first)
    lab.hire(21, "Cleo Fern", "2021-01-01", "X", reports_to=later)
    lab.collect(team_from="reports_to")
    assert teams(lab) == [
        ("ada-moss", "Ada Moss", ROOT_TEAM),
        ("ada-moss-12", "Ada Moss", ROOT_TEAM),
    ]
    assert ("20", "ada-moss", "member", "2021-01-01", None) in lab.memberships()
    assert ("21", "ada-moss-12", "member", "2021-01-01", None) in lab.memberships()


def test_circles_are_cut_where_the_lowest_id_is(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2020-01-01", "X")
    ben = lab.hire(2, "Ben Vale", "2020-01-01", "X", reports_to=ada)
    cleo = lab.hire(3, "Cleo Fern", "2020-01-01", "X", reports_to=ben)
    lab.hire(4, "Dan Reed", "2020-01-01", "X", reports_to=cleo)
    lab.company.job(ada, day("2021-01-01"), "X", reports_to=ben)
    # and somebody who is their own manager, which says nothing
    eva = lab.hire(8, "Eva Dale", "2020-01-01", "X")
    lab.company.job(eva, day("2021-01-01"), "X", reports_to=eva)
    done = lab.collect(team_from="reports_to")
    assert done.outcome == "done"
    assert teams(lab) == [
        ("ada-moss", "Ada Moss", ROOT_TEAM),
        ("ben-vale", "Ben Vale", "ada-moss"),
        ("cleo-fern", "Cleo Fern", "ben-vale"),
    ]


def test_another_way_to_make_teams_retires_these(lines: Lab) -> None:
    lines.collect(team_from="reports_to")
    done = lines.collect(team_from="department")
    assert teams(lines) == []
    assert lines.memberships() == []
    assert "the department Anything (5 employees)" in done.remarks[0]
    lines.collect(team_from="reports_to")
    assert len(teams(lines)) == 3


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ada Moss", "ada-moss"),
        ("Zoë Ångström-Øst", "zoe-angstrom-ost"),
        ("Łukasz Strauß", "lukasz-strauss"),
        ("Mary-Jane O'Neil, Jr.", "mary-jane-oneil-jr"),
        ("  Ada   Moss ", "ada-moss"),
        ("王小明", ""),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_name_without_latin_letters(lab: Lab) -> None:
    boss = lab.company.add("小明", "王", id=7)
    lab.company.status(boss, day("2020-01-01"))
    lab.hire(8, "Organisation", "2020-01-01", "X", reports_to=boss)
    root = lab.hire(9, "Organisation X", "2020-01-01", "X", reports_to=boss)
    lab.company.edit(root, first="Organisation", last="")
    lab.company.edit(lab.company.employees[8], first="Ben", last="Vale")
    lab.hire(10, "Cleo Fern", "2020-01-01", "X", reports_to=root)
    lab.collect(team_from="reports_to")
    assert [slug for slug, _, _ in teams(lab)] == ["manager-7", "organisation-9"]
