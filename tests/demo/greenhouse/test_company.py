"""The invented company's hiring: the same in Greenhouse and in the files, and the same every time."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest

from app.settings import FileSettings
from app.store.tables.organisation import ROOT_TEAM
from collectors.files.organisation import read_organisation
from collectors.files.planning import read_planning
from demo.company import CompanyWorld, build, write_files
from demo.company.hiring import hiring
from demo.company.plan import TEAMS
from demo.company.roster import Roster, months_before
from demo.greenhouse import build as build_greenhouse

TODAY = date(2026, 5, 14)


@pytest.fixture(scope="module")
def company() -> CompanyWorld:
    return build(TODAY)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_the_same_every_time(company: CompanyWorld) -> None:
    assert hiring(company.people, TODAY, 20_240_229) == company.hiring
    first, second = (build_greenhouse(company) for _ in range(2))
    for name in ("departments", "jobs", "openings", "offers", "close_reasons"):
        assert [each.shown() for each in getattr(first, name).values()] == [
            each.shown() for each in getattr(second, name).values()
        ]


@pytest.mark.parametrize(
    "today", [date(2026, 1, 31), date(2026, 2, 1), date(2028, 2, 29), date(2026, 12, 31)]
)
def test_it_can_be_made_on_any_day(today: date) -> None:
    people = Roster(today, Random(1)).people
    made = hiring(people, today, 1)
    months = sorted({month for _, month, _ in made.plan})
    assert len(months) == 24
    assert {month.month for month in (months[0], months[12])} == {2}
    assert months[12] <= today < months_before(months[-1], -1)
    for place in made.openings:
        assert place.opened_on <= (place.closed_on or today) <= today
        for offer in place.offers:
            assert offer.sent_on <= (offer.resolved_on or today) <= today


def test_the_files_are_accepted(company: CompanyWorld, tmp_path: Path) -> None:
    write_files(company, tmp_path)
    names = ("teams.yaml", "people.csv", "employment.csv", "memberships.csv")
    files = FileSettings.model_validate({n.partition(".")[0]: tmp_path / n for n in names})
    assert read_organisation(files).records
    slugs = [ROOT_TEAM, *(team.slug for team in TEAMS)]
    for key in ("plan", "openings", "targets"):
        assert read_planning(key, tmp_path / f"{key}.csv", slugs).records


def test_plan(company: CompanyWorld, tmp_path: Path) -> None:
    write_files(company, tmp_path)
    plan = {
        (row["team"], row["month"]): int(row["planned_headcount"])
        for row in rows(tmp_path / "plan.csv")
    }
    planned = {team for team, _ in plan}
    assert {"product"} == planned & {"platform", "product", "data"}
    leaves = {team.slug for team in TEAMS if team.parent is not None}
    assert leaves <= planned
    end = date(2026, 4, 30)

    def headcount(team: str) -> int:
        return sum(any(s.team == team and s.holds(end) for s in p.stays) for p in company.people)

    short = {team for team in leaves if headcount(team) < plan[team, "2026-04"]}
    assert {"search", "mobile", "ingest", "observability"} <= short
    assert leaves - short  # others are as they were planned


def test_greenhouse_and_files_say_the_same(company: CompanyWorld, tmp_path: Path) -> None:
    write_files(company, tmp_path)
    world = build_greenhouse(company)
    teams = {team.name: team.slug for team in company.teams}

    def day(at: datetime | None) -> str:
        return "" if at is None else at.astimezone(UTC).date().isoformat()

    told = {
        (
            str(o.id),
            teams[world.departments[world.jobs[o.job_id].department_id or 0].name],
            day(o.opened_at),
            str(o.target_start_on),
            day(o.closed_at),
            world.close_reasons[o.close_reason_id].name if o.close_reason_id else "",
        )
        for o in world.openings.values()
    }
    assert told == {tuple(row.values()) for row in rows(tmp_path / "openings.csv")}
    waiting = [
        offer
        for offer in world.offers.values()
        if offer.status == "Accepted" and offer.starts_on and offer.starts_on > TODAY
    ]
    assert len(waiting) == 3
    assert {"Accepted", "Rejected", "Created"} == {o.status for o in world.offers.values()}
    assert any(
        o.open and o.target_start_on and o.target_start_on < TODAY for o in world.openings.values()
    )
