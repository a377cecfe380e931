"""Teams by department and division, worked out by hand."""

from .conftest import Lab, day


def test_a_transfer_between_departments(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2023-01-09", "backend")  # by slug
    lab.company.job(ada, day("2024-05-01"), "FRONTEND ")  # by name, whatever the case
    lab.company.job(ada, day("2025-02-01"), "Frontend", title="Senior Engineer")
    done = lab.collect()
    assert done.outcome == "done"
    assert done.remarks == ()
    assert lab.memberships() == [
        ("1", "backend", "member", "2023-01-09", "2024-05-01"),
        ("1", "frontend", "member", "2024-05-01", None),
    ]


def test_a_row_holds_over_a_gap_and_is_cut_to_the_time_employed(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2023-01-09")
    lab.company.terminate(ada, day("2023-06-30"))
    lab.company.status(ada, day("2024-01-01"))
    lab.company.terminate(ada, day("2024-03-31"))
    # entered for after the end: it never comes into force
    lab.company.job(ada, day("2024-05-01"), "Frontend")
    # entered for before the beginning: it holds from the beginning on
    ben = lab.company.add("Ben", "Vale", id=2)
    lab.company.status(ben, day("2024-02-01"))
    lab.company.job(ben, day("2023-11-01"), "Frontend")
    lab.collect()
    assert lab.memberships() == [
        ("1", "backend", "member", "2023-01-09", "2023-07-01"),
        ("1", "backend", "member", "2024-01-01", "2024-04-01"),
        ("2", "frontend", "member", "2024-02-01", None),
    ]


def test_of_two_rows_of_one_day_the_one_entered_last_holds(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2023-01-09", "Frontend")
    lab.company.job(ada, day("2023-01-09"), "Backend Team")
    lab.collect()
    assert lab.memberships() == [("1", "backend", "member", "2023-01-09", None)]


def test_rows_of_the_future_are_known_with_their_days(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2023-01-09")
    lab.company.job(ada, day("2099-01-01"), "Frontend")
    lab.company.terminate(ada, day("2099-12-31"))
    lab.hire(2, "Ben Vale", "2098-01-01")
    lab.collect()
    assert lab.employment() == [
        ("1", "2023-01-09", "2099-12-31", "voluntary"),
        ("2", "2098-01-01", None, None),
    ]
    assert lab.memberships() == [
        ("1", "backend", "member", "2023-01-09", "2099-01-01"),
        ("1", "frontend", "member", "2099-01-01", "2100-01-01"),
        ("2", "backend", "member", "2098-01-01", None),
    ]


def test_a_person_without_jobinfo_is_employed_and_in_no_team(lab: Lab) -> None:
    ada = lab.company.add("Ada", "Moss", id=1)
    lab.company.status(ada, day("2024-01-01"))
    done = lab.collect()
    assert lab.employment() == [("1", "2024-01-01", None, None)]
    assert lab.memberships() == []
    assert done.outcome == "done"
    assert done.remarks == (
        "1 employee without a row in jobInfo, in no team: 1."
        " Fill in their job information in BambooHR.",
    )


def test_unknown_departments_are_named_once_and_nothing_is_lost(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2023-01-09")
    lab.company.job(ada, day("2024-01-01"), "Sales")
    lab.hire(2, "Ben Vale", "2023-01-09", "Sales")
    lab.hire(3, "Cleo Fern", "2023-01-09", "Legal")
    lab.hire(4, "Dan Reed", "2023-01-09", None)
    done = lab.collect()
    assert done.outcome == "done"
    assert done.remarks == (
        "No team in teams.yaml has the name or slug of the departments Legal (1 employee), Sales"
        " (2 employees); who is there is in no team for that time. Add a team with that name, or"
        " leave it so.",
    )
    assert lab.memberships() == [("1", "backend", "member", "2023-01-09", "2024-01-01")]
    assert len(lab.employment()) == 4
    # once the team is there, everything is read again
    lab.add_teams([("sales", "Sales", "organisation")])
    lab.collect()
    assert ("2", "sales", "member", "2023-01-09", None) in lab.memberships()


def test_a_name_that_two_teams_have_is_no_team(lab: Lab) -> None:
    lab.add_teams([("frontend-2", "Frontend", "organisation"), ("web", "Web", "organisation")])
    lab.add_teams([("web-2", "web", "organisation")])
    lab.hire(1, "Ada Moss", "2023-01-09", "Frontend")  # the slug of one of both
    lab.hire(2, "Ben Vale", "2023-01-09", "web")
    lab.hire(3, "Cleo Fern", "2023-01-09", "WEB-2")
    done = lab.collect()
    assert done.remarks == ()
    assert lab.memberships() == [
        ("1", "frontend", "member", "2023-01-09", None),
        ("2", "web", "member", "2023-01-09", None),
        ("3", "web-2", "member", "2023-01-09", None),
    ]
    lab.add_teams([("one", "Both", "organisation"), ("two", "both", "organisation")])
    lab.hire(4, "Dan Reed", "2023-01-09", "Both")
    done = lab.collect()
    assert "Several teams in teams.yaml have the name of the department Both" in done.remarks[0]
    assert [row for row in lab.memberships() if row[0] == "4"] == []


def test_divisions(lab: Lab) -> None:
    ada = lab.company.add("Ada", "Moss", id=1)
    lab.company.status(ada, day("2024-01-01"))
    lab.company.job(ada, day("2024-01-01"), "Sales", division="Frontend")
    done = lab.collect(team_from="division")
    assert done.remarks == ()
    assert lab.memberships() == [("1", "frontend", "member", "2024-01-01", None)]


def test_who_leads_a_team(lab: Lab) -> None:
    # Ada leads Ben and Cleo in backend; Fay leads the whole, and Ada; Gus leads somebody elsewhere
    fay = lab.hire(5, "Fay Dell", "2019-01-01", "Engineering")
    ada = lab.hire(1, "Ada Moss", "2020-01-01", reports_to=fay)
    ben = lab.hire(2, "Ben Vale", "2021-01-01", reports_to=ada)
    cleo = lab.hire(3, "Cleo Fern", "2021-01-01", reports_to=ada)
    gus = lab.hire(6, "Gus Ford", "2020-01-01", "Frontend")
    lab.hire(7, "Hal Rowe", "2020-01-01", "Backend Team", reports_to=gus)
    # on 2024-01-01 Cleo follows Ada, who becomes one of the team
    lab.company.job(ada, day("2024-01-01"), "Backend Team", reports_to=cleo)
    lab.company.job(ben, day("2024-01-01"), "Backend Team", reports_to=cleo)
    lab.company.job(cleo, day("2024-01-01"), "Backend Team", reports_to=fay)
    lab.collect()
    assert lab.memberships() == [
        ("1", "backend", "manager", "2020-01-01", "2024-01-01"),
        ("1", "backend", "member", "2024-01-01", None),
        ("2", "backend", "member", "2021-01-01", None),
        ("3", "backend", "member", "2021-01-01", "2024-01-01"),
        ("3", "backend", "manager", "2024-01-01", None),
        ("5", "engineering", "manager", "2019-01-01", None),
        ("6", "frontend", "member", "2020-01-01", None),
        ("7", "backend", "member", "2020-01-01", None),
    ]


def test_supervisors_of_one_name(lab: Lab) -> None:
    gone = lab.hire(1, "Ada Moss", "2018-01-01")
    lab.company.terminate(gone, day("2019-12-31"))
    there = lab.hire(2, "Ada Moss", "2021-01-01")
    # when the row came into force the first was long gone; the second is the one meant now
    lab.hire(3, "Ben Vale", "2021-06-01", reports_to=there)
    done = lab.collect()
    assert done.remarks == ()
    assert [row[2] for row in lab.memberships() if row[0] in "12"] == ["member", "manager"]
    lab.clock.now()
    # a row of the past, when both were there, says nothing of who is meant
    cleo = lab.hire(4, "Cleo Fern", "2017-01-01", "Frontend")
    lab.company.status(gone, day("2022-01-01"))
    lab.company.job(cleo, day("2022-06-01"), "Backend Team", reports_to=gone)
    lab.company.job(cleo, day("2023-06-01"), "Backend Team")
    done = lab.collect()
    assert done.remarks == (
        "Several employees have the name of a supervisor: Ada Moss; it is not clear who is meant."
        " Give them preferred names that differ.",
    )


def test_the_preferred_name_of_a_supervisor(lab: Lab) -> None:
    ada = lab.hire(1, "Adelaide Moss", "2020-01-01", preferred="Ada")
    assert ada.name == "Ada Moss"
    lab.hire(2, "Ben Vale", "2020-01-01", reports_to=ada)
    lab.collect()
    assert lab.memberships()[0] == ("1", "backend", "manager", "2020-01-01", None)
    assert lab.rows("SELECT name FROM people WHERE person_id = '1'") == [("Ada Moss",)]


def test_a_supervisor_whom_the_key_does_not_see(lab: Lab) -> None:
    ada = lab.hire(1, "Ada Moss", "2020-01-01")
    lab.hire(2, "Ben Vale", "2020-01-01", reports_to=ada)
    lab.fake.api.hidden.employees.add(1)
    done = lab.collect()
    assert done.remarks == (
        "BambooHR names supervisors whom it does not show to this key: Ada Moss."
        " Give the user whose key it is access to all employees.",
    )
    assert lab.memberships() == [("2", "backend", "member", "2020-01-01", None)]
