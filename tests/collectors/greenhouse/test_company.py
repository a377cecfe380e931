"""The invented company's openings, once from Greenhouse and once from openings.csv: the same rows."""

from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from app.settings import Settings
from collectors import SOURCES, runner
from demo.company import build, write_files
from demo.greenhouse import GreenhouseFake, settings_for
from demo.greenhouse import build as build_greenhouse

TODAY = date(2026, 5, 14)
COLUMNS = "opening_id, team, opened_on, target_start_on, closed_on, close_reason"


def test_greenhouse_and_files_are_stored_alike(engine: Engine, tmp_path: Path) -> None:
    company = build(TODAY)
    write_files(company, tmp_path)
    files = {path.stem: path for path in tmp_path.iterdir()}
    with GreenhouseFake(build_greenhouse(company)).serving() as url:
        settings = Settings.model_validate({"files": files, "greenhouse": settings_for(url)})
        for source in SOURCES:
            if source.name in settings.configured_sources():
                report = runner.run(
                    engine,
                    source,
                    settings,
                    full=False,
                    started_at=datetime(2026, 5, 14, tzinfo=UTC),
                )
                assert (report.outcome, report.failures, report.remarks) == ("done", (), ())
    with engine.connect() as connection:
        by_source = {
            source: connection.execute(
                text(f"SELECT {COLUMNS} FROM openings WHERE source = :source ORDER BY opening_id"),
                {"source": source},
            ).all()
            for source in ("files", "greenhouse")
        }
        effective = connection.execute(text("SELECT DISTINCT source FROM effective_openings")).all()
        ahead = connection.execute(
            text("SELECT team FROM offers WHERE starts_on > :today AND accepted_on IS NOT NULL"),
            {"today": TODAY},
        ).all()
    assert by_source["files"] == by_source["greenhouse"]
    assert len(by_source["files"]) == len(company.hiring.openings)
    assert [tuple(row) for row in effective] == [("greenhouse",)]
    assert sorted(row.team for row in ahead) == ["checkout", "insights", "runtime"]
