"""The company told by its files, and by BambooHR and Greenhouse: every value about people is the same."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.engine import sessions
from collectors import SOURCES, runner
from demo.bamboohr import DEFAULT_KEY, BambooHRFake, company_of, in_two_teams
from demo.company import CompanyWorld, build, write_files
from demo.greenhouse import GreenhouseFake, settings_for
from demo.greenhouse import build as build_greenhouse
from tests.databases import engines

TODAY = date(2026, 5, 14)
NOW = datetime.combine(TODAY, time(6), UTC)
FILES = ("people", "employment", "memberships", "plan", "openings", "targets")
ABOUT_PEOPLE = ("hiring_vs_plan", "diversity", "retention")


@pytest.fixture(scope="module")
def company() -> CompanyWorld:
    return build(TODAY)


def files(folder: Path, *, openings: bool = True) -> dict[str, str]:
    names = [name for name in FILES if openings or name != "openings"]
    return {"teams": str(folder / "teams.yaml")} | {
        name: str(folder / f"{name}.csv") for name in names
    }


def values(engine: Engine, company: CompanyWorld, sections: dict[str, Any]) -> dict[Any, Any]:
    """Collects what is configured, refreshes, and gives the values by indicator, team and period."""
    settings = Settings.model_validate(
        {"reporting": {"history_start": company.first_day.isoformat()}, **sections}
    )
    for source in SOURCES:
        if source.name in settings.configured_sources():
            done = runner.run(engine, source, settings, full=False, started_at=NOW)
            assert (done.outcome, done.remarks) == ("done", ()), done.failures
    with sessions(engine).begin() as session:
        report = refresh(session, settings, NOW)
        assert set(report.not_computed).isdisjoint(ABOUT_PEOPLE)
        rows = session.execute(
            text(
                "SELECT v.indicator, t.slug, v.period, v.value, v.n, v.numerator, v.denominator,"
                " v.reason, v.beside FROM period_values v JOIN teams t ON t.id = v.team_id"
                " WHERE v.indicator = ANY(:keys) AND v.superseded_at IS NULL"
            ),
            {"keys": list(ABOUT_PEOPLE)},
        )
        return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def test_every_value_about_people_is_the_same(
    company: CompanyWorld, engine: Engine, server_url: str, template: str, tmp_path: Path
) -> None:
    write_files(company, tmp_path / "files")
    by_files = values(engine, company, {"files": files(tmp_path / "files")})
    # Who is in two teams at once cannot be said in an HR system, and stands in the files.
    elsewhere = in_two_teams(company)
    write_files(company, tmp_path / "systems", people=elsewhere, openings=False)
    employees = company_of(company, TODAY, without=elsewhere)
    with (
        BambooHRFake(employees).serving() as bamboohr,
        GreenhouseFake(build_greenhouse(company)).serving() as greenhouse,
        engines(server_url, "test", template) as make,
    ):
        by_systems = values(
            make(),
            company,
            {
                "files": files(tmp_path / "systems", openings=False),
                "bamboohr": {"url": bamboohr, "api_key": DEFAULT_KEY},
                "greenhouse": settings_for(greenhouse),
            },
        )
    assert len(elsewhere) == 1
    assert len(by_files) > 1000
    # Offers are known to Greenhouse alone.
    for found in (by_files, by_systems):
        for key, value in found.items():
            if key[0] == "hiring_vs_plan":
                value[-1].pop("offers_accepted_not_started")
    assert by_systems == by_files
