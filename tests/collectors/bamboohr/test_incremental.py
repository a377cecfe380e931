"""What a second run asks and writes; and that nothing depends on the order of arrival."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from collectors.bamboohr.reading import username_of
from demo.bamboohr import INVOLUNTARY, VOLUNTARY, BambooHRFake, Company, Employee

from .conftest import LONG_AGO, Lab, day, later

UNCHANGED = ["changed_employmentStatus", "changed_jobInfo", "changed"]
WHOLE = ["table_employmentStatus", "table_jobInfo", "employees", "dataset_fields", "dataset"]


@pytest.fixture
def people(lab: Lab) -> list[Employee]:
    ada = lab.hire(1, "Ada Moss", "2020-01-01", email="ada@acme.example", gender="Female")
    ben = lab.hire(2, "Ben Vale", "2021-01-01", reports_to=ada, customGitLabUsername="ben")
    cleo = lab.hire(3, "Cleo Fern", "2021-01-01", "Frontend")
    lab.company.terminate(cleo, day("2024-05-31"))
    return [ada, ben, cleo]


def test_a_second_run_asks_little_and_writes_nothing(lab: Lab, people: list[Employee]) -> None:
    first = lab.collect()
    assert lab.fake.asked() == WHOLE
    assert first.outcome == "done"
    # 3 people, 1 account, 3 stretches, 3 memberships
    assert (first.rows_new, first.rows_changed, first.rows_deleted) == (10, 0, 0)
    assert first.requests_by_kind == {
        "table_employmentStatus": 1,
        "table_jobInfo": 1,
        "employees": 1,
        "dataset_fields": 1,
        "dataset": 1,
    }
    before = lab.stored()
    second = lab.collect()
    assert lab.fake.asked() == UNCHANGED
    assert second.outcome == "done"
    assert second.requests == 3
    assert (second.rows_read, second.rows_new, second.rows_changed) == (0, 0, 0)
    assert second.data_through == second.started_at
    full = lab.collect(full=True)
    assert lab.fake.asked() == WHOLE
    assert (full.rows_new, full.rows_changed, full.rows_deleted) == (0, 0, 0)
    assert lab.stored() == before


def test_what_changed_is_asked_for_since_the_last_reading(lab: Lab, people: list[Employee]) -> None:
    lab.collect()
    began = datetime.now(UTC)
    lab.collect()
    since = {request.path.partition("since=")[2].partition("&")[0] for request in lab.fake.requests}
    (told,) = since
    at = datetime.fromisoformat(told.replace("%3A", ":"))
    assert timedelta(0) <= began - at < timedelta(seconds=30)


@pytest.mark.parametrize("change", ["transfer", "ending", "name", "account", "row", "deletion"])
def test_every_change_is_noticed(lab: Lab, people: list[Employee], change: str) -> None:
    lab.collect()
    lab.clock.now()
    ada, ben, cleo = people
    match change:
        case "transfer":
            lab.company.job(ben, day("2025-03-01"), "Frontend")
            expected = ("memberships", "person_id = '2' AND team = 'frontend'", 1)
        case "ending":
            lab.company.terminate(ben, day("2025-03-31"), INVOLUNTARY)
            expected = ("employment", "termination_type = 'involuntary'", 1)
        case "name":
            lab.company.edit(ada, last="Moss-Vale")
            expected = ("people", "name = 'Ada Moss-Vale'", 1)
        case "account":
            lab.company.edit(ben, customGitLabUsername="ben.v")
            expected = ("identities", "username = 'ben'", 0)
        case "row":
            lab.company.remove(cleo, cleo.statuses[-1])
            expected = ("employment", "end_date IS NOT NULL", 0)
        case _:
            lab.company.delete(cleo)
            expected = ("people", "person_id = '3'", 0)
    done = lab.collect()
    assert done.outcome == "done"
    table, condition, count = expected
    assert lab.rows(f"SELECT count(*) FROM {table} WHERE {condition}") == [(count,)]
    assert done.rows_changed + done.rows_new + done.rows_deleted > 0
    if change == "deletion":
        assert lab.fake.asked() == UNCHANGED + WHOLE
        for own in ("employment", "memberships"):
            assert lab.rows(f"SELECT count(*) FROM {own} WHERE person_id = '3'") == [(0,)]
    before = lab.stored()
    lab.collect(full=True)
    assert lab.stored() == before


def test_once_a_day_everybody_is_read(lab: Lab, people: list[Employee]) -> None:
    done = lab.collect()
    zone = ZoneInfo("UTC")
    midnight = datetime.combine(done.started_at.astimezone(zone).date(), datetime.min.time(), UTC)
    lab.collect(started_at=midnight + timedelta(days=1, seconds=1))
    assert lab.fake.asked() == WHOLE


def test_other_settings_and_other_teams_have_everybody_read(
    lab: Lab, people: list[Employee]
) -> None:
    lab.collect()
    lab.collect(gender_field="")
    assert lab.fake.asked() == WHOLE
    assert lab.rows("SELECT count(*) FROM people WHERE attributes <> '{}'") == [(0,)]
    lab.collect(gender_field="")
    assert lab.fake.asked() == UNCHANGED
    with lab.engine.begin() as connection:
        connection.execute(text("UPDATE teams SET name = 'Web' WHERE slug = 'frontend'"))
    lab.collect(gender_field="")
    assert lab.fake.asked() == WHOLE
    assert len(lab.rows("SELECT 1 FROM positions WHERE source = 'bamboohr'")) == 1


def test_a_bamboohr_that_tells_no_changes_is_read_whole(lab: Lab, people: list[Employee]) -> None:
    lab.collect()
    lab.fake.api.hidden.operations |= {
        "changed_employmentStatus": 404,
        "changed_jobInfo": 404,
        "changed": 403,
    }
    done = lab.collect()
    assert done.outcome == "done"
    assert lab.fake.asked() == ["changed_employmentStatus", *WHOLE]
    del lab.fake.api.hidden.operations["changed_employmentStatus"]
    del lab.fake.api.hidden.operations["changed_jobInfo"]
    assert lab.collect().outcome == "done"
    assert lab.fake.asked() == UNCHANGED


def test_rows_of_other_sources_are_left_alone(lab: Lab, people: list[Employee]) -> None:
    with lab.engine.begin() as connection:
        for statement in (
            "INSERT INTO people (source, person_id, name) VALUES ('files', '1', 'A. Moss')",
            "INSERT INTO identities (source, username, person_id) VALUES ('files', 'ada', '1')",
            "INSERT INTO employment (source, person_id, start_date) VALUES ('files', '1', '2019-01-01')",
            "INSERT INTO memberships (source, person_id, team, valid_from, role)"
            " VALUES ('files', '1', 'frontend', '2019-01-01', 'member')",
        ):
            connection.execute(text(statement))
    lab.collect()
    for table in ("people", "identities", "employment", "memberships"):
        assert lab.rows(f"SELECT count(*) FROM {table} WHERE source = 'files'") == [(1,)]
    told = lab.rows(
        "SELECT team, valid_from::text FROM effective_memberships WHERE person_id = '1'"
    )
    assert told == [("backend", "2020-01-01")]


def test_more_people_than_a_page_holds(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.bamboohr.people.PAGE", 3)
    for id in range(1, 9):
        lab.hire(id, f"Ada Moss{id}", "2020-01-01", gender="Female")
    lab.collect()
    assert lab.fake.asked().count("employees") == 3
    assert lab.fake.asked().count("dataset") == 3
    assert lab.rows("SELECT count(*) FROM people WHERE attributes->>'gender' = 'Female'") == [(8,)]


def test_a_list_whose_edge_vanishes_is_begun_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.bamboohr.people.PAGE", 3)
    for id in range(1, 6):
        lab.hire(id, f"Ada Moss{id}", "2020-01-01")
    lab.fake.fail_next(
        400,
        body={"error": {"code": "BadPage", "message": "The boundary employee changed."}},
        match=lambda request: "page%5Bafter%5D" in request.path,
    )
    done = lab.collect()
    assert done.outcome == "done"
    assert lab.fake.asked().count("employees") == 4
    assert lab.rows("SELECT count(*) FROM people") == [(5,)]


DAYS = st.dates(date(2024, 1, 1), date(2024, 3, 31))
DEPARTMENTS = ("backend", "Frontend", "Sales", None)
ROWS = st.one_of(
    st.tuples(st.just("employ"), DAYS),
    st.tuples(st.just("end"), DAYS, st.sampled_from([VOLUNTARY, INVOLUNTARY, None])),
    st.tuples(
        st.just("job"),
        DAYS,
        st.sampled_from(["backend", "Frontend", "Sales", None]),
        st.integers(0, 3),
    ),
)


EMPLOYED = (
    "SELECT 1 FROM employment WHERE person_id = '{person}' AND start_date <= '{on}'"
    " AND coalesce(end_date, 'infinity') >= '{on}'"
)
TEAM = (
    "SELECT team FROM memberships WHERE person_id = '{person}' AND valid_from <= '{on}'"
    " AND coalesce(valid_to, 'infinity') > '{on}'"
)


def made(histories: list[list[Any]]) -> Company:
    """A company of people with these rows."""
    company = Company(lambda: LONG_AGO)
    everybody = [company.add(f"First{n}", f"Last{n}", id=n + 1) for n in range(4)]
    for employee, history in zip(everybody, histories, strict=True):
        for kind, on, *rest in history:
            if kind == "employ":
                company.status(employee, on)
            elif kind == "end":
                company.terminate(employee, on, *rest)
            else:
                company.job(employee, on, rest[0], reports_to=everybody[rest[1]])
    return company


def naive(company: Company, on: date) -> dict[str, tuple[bool, str | None]]:
    """(whether employed, the team) of everybody on a day, by going through all days before."""
    found = {}
    slugs = {"backend": "backend", "Frontend": "frontend"}
    for employee in company.employees.values():
        employed = leaving = False
        at = date(2024, 1, 1)
        while at <= on:
            if leaving:
                employed = leaving = False
            rows = sorted((r for r in employee.statuses if r.day == at), key=lambda r: r.id)
            for row in rows:
                if row.status != "Terminated":
                    employed, leaving = True, False
                elif employed:
                    leaving = True
            at += timedelta(days=1)
        job = employee.job_on(on)
        team = slugs.get(job.department or "") if job is not None else None
        found[str(employee.id)] = (employed, team if employed else None)
    return found


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    histories=st.lists(st.lists(ROWS, max_size=6), min_size=4, max_size=4),
    source=st.sampled_from(["department", "reports_to"]),
)
def test_any_history_in_any_order(lab: Lab, histories: list[list[Any]], source: str) -> None:
    company = made(histories)
    fake = BambooHRFake(company)
    with fake.serving() as url:
        first = lab.collect(url=url, team_from=source, full=True)
        assert first.outcome == "done", first.failures
        before = lab.stored()
        again = lab.collect(url=url, team_from=source, full=True)  # rows come in another order
        assert (again.rows_new, again.rows_changed, again.rows_deleted) == (0, 0, 0)
        assert lab.stored() == before
    if source == "department":
        for on in (date(2024, 1, 1), date(2024, 2, 10), date(2024, 3, 31), date(2024, 6, 1)):
            told = {
                str(each): (
                    bool(lab.rows(EMPLOYED.format(person=each, on=on))),
                    next((team for (team,) in lab.rows(TEAM.format(person=each, on=on))), None),
                )
                for each in company.employees
            }
            assert told == naive(company, on)


@pytest.mark.parametrize(
    ("written", "username"),
    [
        ("ada", "ada"),
        ("@Ada.Moss", "ada.moss"),
        ("https://gitlab.com/ada-m/", "ada-m"),
        ("gitlab.example.com/Ada_M", "ada_m"),
        ("Ada Moss", None),
        ("", None),
        ("ada@acme.example", None),
    ],
)
def test_usernames(written: str, username: str | None) -> None:
    assert username_of(written) == username


def test_a_position_is_in_the_time_of_bamboohr(lab: Lab, people: list[Employee]) -> None:
    # what changed in the very second of the reading is asked for again
    done = lab.collect()
    ((through,),) = lab.rows("SELECT through FROM positions WHERE source = 'bamboohr'")
    assert later(done, seconds=-3) <= through <= done.started_at
