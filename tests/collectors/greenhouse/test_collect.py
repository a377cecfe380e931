"""Greenhouse into the store: teams, openings and offers, run after run."""

from datetime import date, timedelta

from demo.greenhouse import Opening
from tests.collectors.greenhouse.conftest import START, Lab


def one_opening(lab: Lab, department: str = "Backend", external: str | None = "backend") -> Opening:
    """An opening of the team backend."""
    job = lab.world.add_job("Engineer", lab.world.add_department(department, external))
    return lab.world.open_opening(job, target_start_on=date(2026, 4, 1))


def asked(lab: Lab, name: str) -> list[str]:
    """The names of the parameters of each request for a list."""
    return ["&".join(sorted(each)) for each in lab.fake.asked(name)]


def test_openings_with_their_teams(lab: Lab) -> None:
    world = lab.world
    by_slug = world.add_department("Server people", "backend")
    by_name = world.add_department("front  END")
    slug_first = world.add_department("Front end", "DEV")
    unknown = world.add_department("Sales", "sales")
    jobs = [
        world.add_job(f"Job {number}", department)
        for number, department in enumerate((by_slug, by_name, slug_first, unknown, None))
    ]
    made = [
        world.open_opening(job, target_start_on=date(2026, 4, number + 1), called="1-1")
        for number, job in enumerate(jobs)
    ]
    hired = world.add_close_reason("Hired")
    world.close_opening(made[1], hired, START + timedelta(days=20))
    world.close_opening(made[2], None, START + timedelta(days=21))
    report = lab.collect()
    assert (report.outcome, report.status, report.failures) == ("done", 0, ())
    ids = [str(each.id) for each in made]
    assert lab.openings() == [
        (ids[0], "backend", "2026-01-05", "2026-04-01", None, None),
        (ids[1], "frontend", "2026-01-05", "2026-04-02", "2026-01-25", "Hired"),
        (ids[2], "dev", "2026-01-05", "2026-04-03", "2026-01-26", None),
        (ids[3], None, "2026-01-05", "2026-04-04", None, None),
        (ids[4], None, "2026-01-05", "2026-04-05", None, None),
    ]
    assert report.remarks == (
        "Openings of departments of Greenhouse that are no team are kept without one: Sales; where"
        " one is a team, write the team's slug into the department's external_id.",
        "Openings of jobs that have no department in Greenhouse are kept without a team: Job 4.",
    )
    assert report.requests_by_kind == {
        "token": 1,
        "departments": 1,
        "jobs": 1,
        "close_reasons": 1,
        "openings": 1,
        "offers": 1,
    }


def test_two_teams_of_one_name_are_not_guessed(lab: Lab) -> None:
    with lab.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (slug, name, parent) VALUES ('backend-2', 'Backend', 'dev')"
        )
    one_opening(lab, external=None)
    report = lab.collect()
    assert [row[1] for row in lab.openings()] == [None]
    assert "Backend; where" in report.remarks[0]


def test_days_are_local(lab: Lab) -> None:
    job = lab.world.add_job("Engineer", lab.world.add_department("Backend"))
    opening = lab.world.open_opening(job, at=START.replace(hour=23))
    lab.world.close_opening(opening, at=START.replace(hour=23, minute=30))
    lab.collect(reporting={"timezone": "Europe/Berlin"})
    assert lab.openings() == [(str(opening.id), "backend", "2026-01-06", None, "2026-01-06", None)]
    lab.collect()  # another zone: all openings are read again
    assert [row[2] for row in lab.openings()] == ["2026-01-05"]


def test_offers(lab: Lab) -> None:
    opening = one_opening(lab)
    world = lab.world
    accepted = world.make_offer(opening, starts_on=date(2026, 3, 2))
    world.resolve_offer(accepted, "Accepted", START + timedelta(days=9))
    rejected = world.make_offer(opening, starts_on=date(2026, 2, 1))
    world.resolve_offer(rejected, "Rejected", START + timedelta(days=3))
    waiting = world.make_offer(opening, bound=False)
    replaced = world.make_offer(opening)
    world.resolve_offer(replaced, "Deprecated")
    lab.collect()
    number = str(opening.id)
    expected = [
        (str(accepted.id), number, "backend", "Accepted", "2026-01-14", "2026-03-02"),
        (str(rejected.id), number, "backend", "Rejected", None, "2026-02-01"),
        (str(waiting.id), None, "backend", "Created", None, None),
        (str(replaced.id), number, "backend", "Deprecated", None, None),
    ]
    assert lab.offers() == expected
    world.delete_offer(rejected)
    lab.clock.pass_(days=1)
    report = lab.collect()
    assert report.rows_deleted == 1
    assert lab.offers() == [row for row in expected if row[0] != str(rejected.id)]
    columns = lab.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'offers'"
    )
    assert not [name for (name,) in columns if "candidate" in name]
    assert asked(lab, "offers") == ["per_page"]


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    opening = one_opening(lab)
    lab.world.close_opening(one_opening(lab), lab.world.add_close_reason("Hired"))
    lab.world.resolve_offer(lab.world.make_offer(opening))
    lab.collect()
    before = lab.stamps()
    for full in (False, True, False):
        lab.clock.pass_(days=1)
        report = lab.collect(full=full)
        assert report.outcome == "done"
        assert (report.rows_new, report.rows_changed, report.rows_deleted) == (0, 0, 0)
        assert lab.stamps() == before


def test_later_runs_ask_for_what_changed(lab: Lab) -> None:
    world = lab.world
    job = world.add_job("Engineer", world.add_department("Backend"))
    reason = world.add_close_reason("Hired")
    old = [world.open_opening(job, at=START - timedelta(days=day)) for day in range(1, 5)]
    for opening in old[1:]:
        world.close_opening(opening, reason, START - timedelta(hours=1))
    lab.collect()
    assert asked(lab, "openings") == ["per_page"]
    lab.clock.pass_(days=2)
    world.close_opening(old[0], reason)
    new = world.open_opening(job)
    report = lab.collect()
    assert lab.fake.asked("openings") == [
        {"per_page": "500", "open": "true"},
        {
            "per_page": "500",
            "updated_at": "gte|2026-01-05T10:50:00Z|lte|2026-01-08T12:00:00Z",
        },
    ]
    assert (report.rows_new, report.rows_changed) == (1, 1)
    rows = {row[0]: row[4:] for row in lab.openings()}
    assert rows[str(old[0].id)] == ("2026-01-07", "Hired")
    assert rows[str(new.id)] == (None, None)
    # Only what was changed since is asked for the next time.
    lab.clock.pass_(hours=1)
    lab.collect()
    assert lab.fake.asked("openings")[1]["updated_at"].startswith("gte|2026-01-07T11:50:00Z|")


def test_a_list_that_takes_no_filter_is_read_whole(lab: Lab) -> None:
    opening = one_opening(lab)
    lab.collect()
    lab.clock.pass_(days=1)
    lab.world.close_opening(opening)
    lab.fake.fail_next(422, only="list", match=lambda request: "updated_at" in request.path)
    report = lab.collect()
    assert (report.outcome, report.rows_changed) == ("done", 1)
    assert asked(lab, "openings") == ["open&per_page", "per_page&updated_at", "per_page"]


def test_an_opening_that_vanished_is_closed_once(lab: Lab) -> None:
    gone, stays = one_opening(lab), one_opening(lab)
    closed = one_opening(lab)
    lab.world.close_opening(closed, lab.world.add_close_reason("Hired"))
    lab.collect()
    lab.world.delete_opening(gone)
    lab.world.delete_opening(closed)
    lab.clock.pass_(days=3)
    report = lab.collect()
    assert (report.outcome, report.rows_changed, report.rows_deleted) == ("done", 1, 0)
    expected = [
        (
            str(gone.id),
            "backend",
            "2026-01-05",
            "2026-04-01",
            "2026-01-08",
            "no longer in Greenhouse",
        ),
        (str(stays.id), "backend", "2026-01-05", "2026-04-01", None, None),
        (str(closed.id), "backend", "2026-01-05", "2026-04-01", "2026-01-05", "Hired"),
    ]
    assert lab.openings() == expected
    for full in (True, False):
        lab.clock.pass_(days=3)
        lab.collect(full=full)
        assert lab.openings() == expected
    lab.world.openings[gone.id] = gone  # it was hidden only
    lab.collect()
    assert lab.openings()[0][4:] == (None, None)


def test_an_opening_that_is_closed_while_pages_are_read_has_not_vanished(lab: Lab) -> None:
    """It is neither in the list of open ones nor, when that is read, in the one of changes."""
    opening = one_opening(lab)
    lab.collect()
    lab.clock.pass_(days=1)

    def closing(request: object) -> bool:
        if "open=true" in getattr(request, "path", "") and opening.open:
            lab.world.close_opening(opening, at=START - timedelta(days=90))  # unseen by the filter
        return False

    lab.fake.fail_next(500, match=closing)
    report = lab.collect()
    assert report.outcome == "done"
    assert lab.openings()[0][4:] == ("2025-10-07", None)


def test_a_department_that_becomes_a_team(lab: Lab) -> None:
    opening = one_opening(lab, "Sales", "sales")
    lab.world.close_opening(opening)
    lab.collect()
    assert lab.openings()[0][1] is None
    with lab.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (slug, name, parent) VALUES ('sales', 'Sales', 'organisation')"
        )
    lab.clock.pass_(days=1)
    report = lab.collect()
    assert (report.rows_changed, report.remarks) == (1, ())
    assert lab.openings()[0][1] == "sales"


def test_a_job_that_moves_takes_its_openings_and_offers_along(lab: Lab) -> None:
    opening = one_opening(lab)
    lab.world.resolve_offer(lab.world.make_offer(opening))
    lab.world.close_opening(opening)
    lab.collect()
    lab.clock.pass_(days=1)
    frontend = lab.world.add_department("Front End")
    lab.world.move_job(lab.world.jobs[opening.job_id], frontend)
    lab.collect()
    assert [row[1] for row in lab.openings()] == ["frontend"]
    assert [row[2] for row in lab.offers()] == ["frontend"]


def test_jobs_that_are_not_shown(lab: Lab) -> None:
    opening = one_opening(lab)
    del lab.world.jobs[opening.job_id]
    report = lab.collect()
    assert lab.openings()[0][1] is None
    assert report.remarks == (
        "Greenhouse does not show 1 job of openings and offers, which are kept without a team.",
    )


def test_what_cannot_be_read_is_set_aside(lab: Lab) -> None:
    good, bad = one_opening(lab), one_opening(lab)
    offer = lab.world.make_offer(good)
    lab.collect()
    before = lab.openings()
    bad.job_id = "seven"  # type: ignore[assignment]
    offer.status = None  # type: ignore[assignment]
    lab.world.touch(bad, lab.clock.pass_(days=1))
    report = lab.collect()
    assert (report.outcome, report.quarantined, report.status) == ("partial", 2, 1)
    assert report.data_through == report.started_at
    assert lab.openings() == before
    assert len(lab.offers()) == 1
    assert lab.rows("SELECT address, kind, reason FROM quarantined_records ORDER BY address") == [
        (f"/v3/offers?ids={offer.id}", "offer", "status is null"),
        (f"/v3/openings?ids={bad.id}", "opening", "job_id is not a whole number: 'seven'"),
    ]
    bad.job_id = good.job_id
    offer.status = "Created"
    report = lab.collect()
    assert (report.outcome, report.quarantined) == ("done", 0)
    assert lab.rows("SELECT * FROM quarantined_records") == []


def test_a_job_and_a_department_that_cannot_be_read(lab: Lab) -> None:
    good, bad = one_opening(lab), one_opening(lab, "Front End", None)
    job = lab.world.jobs[bad.job_id]
    lab.world.departments[job.department_id or 0].external_id = ["?"]  # type: ignore[assignment]
    lab.world.add_job("Broken", None).department_id = "x"  # type: ignore[assignment]
    report = lab.collect()
    assert [str(each) for each in report.failures] == [
        f"Greenhouse at {lab.url} tells of a department that cannot be read: external_id is not a"
        " text: ['?'].",
        f"Greenhouse at {lab.url} tells of a job that cannot be read: department_id is not a whole"
        " number: 'x'.",
    ]
    assert report.status == 1
    assert {row[0]: row[1] for row in lab.openings()} == {
        str(good.id): "backend",
        str(bad.id): None,
    }


def test_an_opening_without_an_id_keeps_others_from_vanishing(lab: Lab) -> None:
    first, second = one_opening(lab), one_opening(lab)
    lab.collect()
    lab.world.delete_opening(first)
    shown = second.shown()
    del shown["id"]
    lab.fake.fail_next(
        200,
        body=str([shown])
        .replace("'", '"')
        .replace("None", "null")
        .replace("True", "true")
        .encode(),
        times=None,
        match=lambda request: request.operation == "openings",
    )
    assert lab.collect(full=True).outcome == "partial"
    assert [row[4] for row in lab.openings()] == [None, None]


def test_incremental_runs_end_where_a_full_one_does(lab: Lab) -> None:
    world = lab.world
    departments = [world.add_department(name) for name in ("Backend", "Front End", "Sales")]
    jobs = [world.add_job(f"Job {n}", departments[n % 3]) for n in range(4)]
    reasons = [world.add_close_reason(name) for name in ("Hired", "Cancelled")]
    made: list[Opening] = []
    for step in range(12):
        lab.clock.pass_(hours=7)
        made.append(world.open_opening(jobs[step % 4]))
        if step % 2:
            world.close_opening(made[step // 2], reasons[step % 4 // 2])
        if step % 3 == 0:
            offer = world.make_offer(made[-1], starts_on=date(2026, 5, step + 1))
            world.resolve_offer(offer, "Accepted" if step % 2 else "Rejected")
        if step == 7:
            world.move_job(jobs[2], departments[0])
        if step == 9:
            world.jobs[jobs[1].id].name = "Renamed"
        assert lab.collect().outcome == "done"
    collected = lab.openings(), lab.offers()
    assert len(collected[0]) == 12
    with lab.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE openings, offers, positions")
    lab.collect(full=True)
    assert (lab.openings(), lab.offers()) == collected
