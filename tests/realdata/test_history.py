"""28,812 merge requests of VTK, CMake and ParaView, collected twice and held against a plain count."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from demo.history import END, load
from tests.conftest import require_shared
from tests.realdata.conftest import Done, NewDatabase, Site, Stamps, site
from tests.realdata.plain import (
    ROOT,
    Organisation,
    Recorded,
    merged_by_team,
    midnight,
    open_ages,
    read_histories,
)

pytestmark = pytest.mark.timeout(600)

NAMES = ("vtk", "cmake", "paraview")
BEFORE = datetime(2026, 5, 31, 15, tzinfo=UTC)
"""The first collect: the last day of a month, with 106 merge requests open."""
LATER = datetime(2026, 8, 25, 9, 30, tzinfo=UTC)
"""The last one: everything that was recorded has happened."""

DAYS = [date(2015, 5, 1) + (LATER.date() - date(2015, 5, 1)) * n // 23 for n in range(24)]
"""From the first merge requests to the running day."""


@dataclass
class Lived:
    """The site after three collects, the second of them of an unchanged source."""

    site: Site
    rows: list[Recorded]
    organisation: Organisation
    first: Done
    again: Done
    later: Done
    stamps_first: Stamps
    stamps_again: Stamps
    running: list[tuple[Any, ...]]

    @property
    def opened(self) -> int:
        """How many merge requests were open at the first two collects."""
        return sum(row.created_at <= BEFORE < row.merged_at for row in self.rows)


@pytest.fixture(scope="module")
def lived(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    paths = [require_shared("data", "mr-history", f"{name}.csv.gz") for name in NAMES]
    files = tmp_path_factory.mktemp("organisation")
    history = load(paths, areas=6, until=BEFORE)
    history.write_files(files)
    with site(history.world, new_database(), history.groups, files) as it:
        first = it.collect(BEFORE)
        stamps_first = it.stamps()
        again = it.collect(BEFORE + timedelta(hours=1))
        stamps_again = it.stamps()
        running = it.rows("SELECT DISTINCT period FROM indicator_values WHERE partial ORDER BY 1")
        history.advance(END)
        later = it.collect(LATER)
        yield Lived(
            site=it,
            rows=read_histories(paths),
            organisation=Organisation(files),
            first=first,
            again=again,
            later=later,
            stamps_first=stamps_first,
            stamps_again=stamps_again,
            running=running,
        )


@pytest.fixture(scope="module")
def get(lived: Lived) -> Iterator[Callable[[str], Any]]:
    with lived.site.asking() as get:
        yield get


def series(get: Callable[[str], Any], key: str, **asked: object) -> dict[str, Any]:
    """The points of a series by period."""
    points = get(f"/api/v1/indicators/{key}/series?{urlencode(asked)}")["points"]
    return {point["period"]: point for point in points}


def items(get: Callable[[str], Any], address: str) -> list[Any]:
    """All items of a list that comes in pages."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = get(f"{address}&limit=200&cursor={cursor}")
        found += page["items"]
        if not page["next"]:
            return found
        cursor = page["next"]


def test_the_first_collect_asks_for_pages_and_not_for_merge_requests(lived: Lived) -> None:
    there = sum(row.created_at <= BEFORE for row in lived.rows)
    done = lived.first.gitlab

    assert len(lived.rows) == 28_812
    assert (done.outcome, done.quarantined, done.retries) == ("done", 0, 0)
    assert lived.first.files.outcome == "done"
    by_kind = done.requests_by_kind
    # Reviewer rows are asked for only of what is open and where they could matter.
    assert by_kind.get("reviewer_rows", 0) <= lived.opened
    assert done.requests - by_kind.get("reviewer_rows", 0) < there / 80
    assert len(lived.first.requests) == done.requests


def test_a_second_collect_of_an_unchanged_source_asks_and_writes_next_to_nothing(
    lived: Lived,
) -> None:
    done = lived.again.gitlab

    assert lived.opened == 106
    assert len(lived.again.requests) <= 2 * len(NAMES) + lived.opened // 100
    assert done.requests == len(lived.again.requests)
    assert (done.rows_new, done.rows_changed, done.rows_deleted) == (0, 0, 0)
    assert lived.stamps_again == lived.stamps_first
    written = lived.again.refresh.written
    assert (written.new, written.restated) == (0, 0)
    assert written.replaced > 0  # of what is open, the ages have grown by an hour
    assert lived.running == [(date(2026, 5, 1),), (date(2026, 5, 31),)]


def test_what_happens_later_restates_nothing(lived: Lived) -> None:
    done = lived.later.gitlab
    changed = sum(row.merged_at > BEFORE for row in lived.rows)

    assert done.outcome == "done"
    assert done.requests - done.requests_by_kind.get("reviewer_rows", 0) < changed / 50 + 12
    # But for what was asked in an earlier month and is answered now.
    assert lived.site.rows(
        "SELECT count(*) FROM indicator_values WHERE superseded_at IS NOT NULL"
        " AND indicator <> 'first_engagement_time'"
    ) == [(0,)]


def test_merged_merge_requests_per_month_and_area_are_those_of_the_file(lived: Lived) -> None:
    stored = {
        (project, month, area): n
        for project, month, area, n in lived.site.rows(
            """
            SELECT p.path, to_char(m.merged_at AT TIME ZONE 'UTC', 'YYYY-MM'),
                   substr(label, length('area::') + 1), count(*)
            FROM merge_requests m JOIN projects p ON p.id = m.project_id, unnest(m.labels) AS label
            WHERE m.state = 'merged' AND m.deleted_at IS NULL AND label LIKE 'area::%'
            GROUP BY 1, 2, 3
            """
        )
    }

    assert stored == Counter((row.project, row.month, row.area) for row in lived.rows)
    assert len({area for _, _, area in stored}) > 300


def test_open_mr_age_is_that_of_a_loop_over_everything(
    lived: Lived, get: Callable[[str], Any]
) -> None:
    teams = lived.organisation.slugs
    told = {
        team: series(get, "open_mr_age", team=team, **{"from": DAYS[0], "to": DAYS[-1]})
        for team in teams
    }
    seen = Counter[str]()
    for day in DAYS:
        instant = min(midnight(day + timedelta(1)), LATER)
        expected, attributed, total = open_ages(lived.rows, lived.organisation, day, instant)
        for team in teams:
            point = told[team][day.isoformat()]
            wanted = expected[team]
            seen[team] += wanted.n
            assert point["n"] == wanted.n, (team, day)
            for name, value in (
                ("value", wanted.median),
                ("p25", wanted.p25),
                ("p75", wanted.p75),
                ("p95", wanted.p95),
            ):
                assert point[name] == pytest.approx(value, abs=1e-9), (team, day, name)
            assert point["reason"] == (None if wanted.n else "no_data")
            assert point["partial"] == (day == LATER.date())
            assert point["coverage"] == pytest.approx(attributed / total if total else None)
    assert len(teams) > 20
    assert all(seen[team] for team in teams)
    assert seen[ROOT] > 1_500


@pytest.mark.parametrize("variant", ["narrow", "overall"])
def test_merge_rates_are_those_of_a_plain_count(
    lived: Lived, get: Callable[[str], Any], variant: str
) -> None:
    expected = merged_by_team(lived.rows, lived.organisation, variant)
    headcounts = lived.organisation.headcounts()
    compared = 0
    for team in lived.organisation.slugs:
        told = series(
            get, "mr_rate", team=team, variant=variant, **{"from": "2015-01", "to": "2026-08"}
        )
        for month, point in told.items():
            first = date.fromisoformat(f"{month}-01")
            after = min((first + timedelta(31)).replace(day=1), LATER.date() + timedelta(1))
            merged = len(expected.get((team, month), ()))
            headcount = sum(
                headcounts[team][first + timedelta(n)] for n in range((after - first).days)
            ) / ((after - first).days)
            where = (team, month)
            assert (point["n"], point["numerator"]) == (merged, merged), where
            assert point["denominator"] == pytest.approx(headcount), where
            rate = merged / headcount if headcount else None
            assert point["value"] == pytest.approx(rate), where
            compared += merged
        assert len(told) == 140
    by_author = sum(row.counted for row in lived.rows)
    assert sum(len(keys) for (team, _), keys in expected.items() if team == ROOT) == by_author
    assert compared > 2 * by_author


def test_evidence_lists_exactly_what_was_counted(lived: Lived, get: Callable[[str], Any]) -> None:
    merged = merged_by_team(lived.rows, lived.organisation, "narrow")
    for team in (ROOT, "vtk", "cmake-tests", "paraview-other-areas"):
        for day in DAYS[3::5]:
            instant = min(midnight(day + timedelta(1)), LATER)
            listed = items(get, f"/api/v1/indicators/open_mr_age/evidence?team={team}&period={day}")
            assert {(each["project"], each["iid"]) for each in listed} == {
                row.key
                for row in lived.rows
                if row.counted
                and row.created_at <= instant < row.merged_at
                and team in lived.organisation.teams_of(row.author, day)
            }
        for month in ("2016-02", "2021-11", "2026-08"):
            listed = items(get, f"/api/v1/indicators/mr_rate/evidence?team={team}&period={month}")
            keys = [(each["project"], each["iid"]) for each in listed]
            assert sorted(keys) == sorted(merged[team, month])


def test_what_ends_before_it_starts_is_listed_and_left_out(
    lived: Lived, get: Callable[[str], Any]
) -> None:
    def addresses(kind: str) -> list[str]:
        return [case["address"] for case in items(get, f"/api/v1/data-quality?kind={kind}")]

    backwards = [row for row in lived.rows if row.backwards and not row.bot]
    assert len(backwards) == 8
    assert sorted(addresses("quarantined_merge_request")) == sorted(
        f"https://gitlab.example.com/{row.project}/-/merge_requests/{row.iid}" for row in backwards
    )
    bots = {row.author for row in lived.rows if row.bot}
    assert set(addresses("bot")) == bots
    assert addresses("early_note") == []
