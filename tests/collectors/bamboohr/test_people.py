"""Names, accounts and gender, from accounts that tell much and accounts that tell little."""

from typing import Any

import pytest

from .conftest import Lab, day


@pytest.fixture
def people(lab: Lab) -> Lab:
    lab.hire(
        1,
        "Ada Moss",
        "2020-01-01",
        email="ada@acme.example",
        gender="Female",
        customGitLabUsername="@Ada",
    )
    lab.hire(2, "Ben Vale", "2021-01-01", email="ben@acme.example", gender="Male")
    lab.hire(3, "Cleo Fern", "2021-01-01", customGitLabUsername="https://gitlab.com/cleo")
    return lab


def told(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.rows(
        "SELECT p.person_id, name, email, attributes->>'gender', i.username FROM people p"
        " LEFT JOIN identities i ON i.person_id = p.person_id AND i.source = p.source"
        " WHERE p.source = 'bamboohr' ORDER BY p.person_id"
    )


EVERYTHING = [
    ("1", "Ada Moss", "ada@acme.example", "Female", "ada"),
    ("2", "Ben Vale", "ben@acme.example", "Male", None),
    ("3", "Cleo Fern", None, None, "cleo"),
]


def test_list_and_dataset(people: Lab) -> None:
    done = people.collect()
    assert told(people) == EVERYTHING
    assert done.remarks == ()


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize(
    ("closed", "asked"),
    [
        (["employees"], ["employees", "dataset_fields", "dataset"]),
        (["dataset_fields"], ["employees", "dataset_fields", *["employee"] * 3]),
        (["dataset"], ["employees", "dataset_fields", "dataset", *["employee"] * 3]),
        (["employees", "dataset_fields"], ["employees", "dataset_fields", *["employee"] * 3]),
    ],
)
def test_what_is_closed_is_told_elsewhere(
    people: Lab, closed: list[str], asked: list[str], status: int
) -> None:
    for operation in closed:
        people.fake.api.hidden.operations[operation] = status
    done = people.collect()
    assert done.outcome == "done"
    assert done.remarks == ()
    assert people.fake.asked()[2:] == asked
    assert told(people) == EVERYTHING


def test_fields_that_the_account_lacks(people: Lab) -> None:
    people.company.labels.clear()
    done = people.collect()
    assert done.outcome == "done"
    assert done.remarks == (
        "BambooHR has no field customGitLabUsername, or does not show it to this key: accounts are"
        " matched by work e-mail alone. Correct bamboohr.gitlab_username_field, or give the user"
        " whose key it is access to the field.",
        "BambooHR has no field gender, or does not show it to this key: gender counts as not"
        " declared. Correct bamboohr.gender_field, or give the user whose key it is access to the"
        " field.",
    )
    assert told(people) == [(*row[:3], None, None) for row in EVERYTHING]
    # one look at the dataset and one at three employees, not at each
    people.hire(4, "Dan Reed", "2021-01-01")
    people.collect(full=True)
    assert people.fake.asked()[2:] == ["employees", "dataset_fields", *["employee"] * 3]
    assert len(people.employment()) == 4


def test_fields_that_are_not_wanted_are_not_asked_for(people: Lab) -> None:
    done = people.collect(gitlab_username_field="", gender_field="")
    assert done.remarks == ()
    assert people.fake.asked()[2:] == ["employees"]
    assert told(people) == [(*row[:3], None, None) for row in EVERYTHING]


def test_another_field_holds_the_account(people: Lab) -> None:
    people.company.labels["customForge"] = "Name in the forge"
    people.company.edit(people.company.employees[2], customForge="ben-v")
    people.collect(gitlab_username_field="customForge", gender_field="")
    assert [row[4] for row in told(people)] == [None, "ben-v", None]


def test_restricted_fields_are_unknown(people: Lab) -> None:
    people.fake.api.hidden.fields["workEmail"] = {1}
    done = people.collect()
    assert [row[2] for row in told(people)] == [None, "ben@acme.example", None]
    assert done.outcome == "done"
    assert done.remarks == (
        "BambooHR does not show workEmail of 1 employee to this key: for them their accounts are"
        " not matched by e-mail.",
    )


def test_restricted_gender_is_not_declared(people: Lab) -> None:
    people.fake.api.hidden.fields["gender"] = {1}
    people.collect()
    assert [row[3] for row in told(people)] == [None, "Male", None]


def test_gender_that_the_list_tells_and_restricts(
    people: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an account whose list knows the fields: nothing else is asked for
    monkeypatch.setattr(
        "demo.bamboohr.answers.OPTIONAL",
        {
            "workEmail": "workEmail",
            "gender": "gender",
            "customGitLabUsername": "customGitLabUsername",
        },
    )
    people.fake.api.hidden.fields["gender"] = {1, 2}
    done = people.collect()
    assert people.fake.asked()[2:] == ["employees"]
    assert [row[3] for row in told(people)] == [None, None, None]
    assert done.remarks == (
        "BambooHR does not show gender of 2 employees to this key: for them gender counts as not"
        " declared.",
    )


def test_an_account_that_stands_at_two_people(people: Lab) -> None:
    people.company.terminate(people.company.employees[1], day("2023-01-31"))
    people.company.edit(people.company.employees[2], customGitLabUsername="ADA")
    done = people.collect()
    assert done.outcome == "done"
    assert [row[4] for row in told(people)] == [None, "ada", "cleo"]
    assert done.remarks == (
        "The GitLab account ada stands at several employees; it counts for 2 and not for 1."
        " Correct it in BambooHR.",
    )


def test_what_is_no_username_is_set_aside(people: Lab) -> None:
    people.company.edit(people.company.employees[2], customGitLabUsername="Ben at home")
    done = people.collect()
    assert done.outcome == "partial"
    assert people.rows("SELECT address, reason FROM quarantined_records") == [
        (
            "employees/2/customGitLabUsername",
            '"Ben at home" is not a GitLab username',
        )
    ]
    people.clock.now()
    people.company.edit(people.company.employees[2], customGitLabUsername="ben")
    assert people.collect().outcome == "done"
    assert people.rows("SELECT 1 FROM quarantined_records") == []
    assert told(people)[1][4] == "ben"


def test_an_account_that_changes_hands(people: Lab) -> None:
    people.collect()
    people.clock.now()
    people.company.edit(people.company.employees[1], customGitLabUsername="cleo")
    people.company.edit(people.company.employees[3], customGitLabUsername="ada")
    done = people.collect()
    assert [row[4] for row in told(people)] == ["cleo", None, "ada"]
    assert (done.rows_new, done.rows_changed, done.rows_deleted) == (0, 2, 0)


@pytest.mark.parametrize("id", [1, 2, 3])
def test_a_field_that_one_employee_keeps_from_the_key_is_still_a_field(
    people: Lab, id: int
) -> None:
    people.fake.api.hidden.operations["dataset_fields"] = 403
    people.fake.api.hidden.fields["gender"] = {id}
    done = people.collect()
    assert done.remarks == ()
    expected = ["Female", "Male", None]
    expected[id - 1] = None
    assert [row[3] for row in told(people)] == expected


def test_records_that_did_not_change_are_not_asked_for_one_by_one(people: Lab) -> None:
    for id in range(4, 12):
        people.hire(id, f"Dan Reed{id}", "2021-01-01", customGitLabUsername=f"d{id}", gender="Male")
    people.fake.api.hidden.operations["dataset_fields"] = 403
    people.collect()
    assert people.fake.asked().count("employee") == 11
    before = people.stored()
    people.clock.now()
    people.company.edit(people.company.employees[5], customGitLabUsername="five", gender="Female")
    done = people.collect()
    # three to see whether there is such a field, and the one that changed
    assert people.fake.asked().count("employee") == 4
    assert (done.rows_new, done.rows_changed, done.rows_deleted) == (1, 1, 1)
    assert people.rows("SELECT username FROM identities WHERE person_id = '5'") == [("five",)]
    unchanged = set(map(repr, before["people"])) & set(map(repr, people.stored()["people"]))
    assert len(unchanged) == 10
    people.fake.api.hidden.operations.clear()
    now = people.stored()
    people.collect(full=True)
    assert people.stored() == now
