"""What the files of the organisation may not say: file, line, column and reason of each mistake."""

from pathlib import Path

import pytest

from app.settings import FileSettings
from collectors.files.organisation import read_organisation
from collectors.files.problems import InvalidFileError

TEAMS = "- {slug: backend, name: Backend}\n- {slug: frontend, name: Frontend, parent: backend}\n"
PEOPLE = (
    "person_id,name,email,gitlab_username,gender\np1,Ada,ada@example.com,ada,\np2,Ben,,Ben,male\n"
)
EMPLOYMENT = "person_id,start_date,end_date,termination_type\np1,2020-01-01,,\n"
MEMBERSHIPS = "person_id,team,role,valid_from,valid_to\np1,backend,manager,2020-01-01,\n"


def given(folder: Path, **contents: str | bytes) -> FileSettings:
    """The files with these contents; those not named have valid ones."""
    valid = {"teams": TEAMS, "people": PEOPLE, "employment": EMPLOYMENT, "memberships": MEMBERSHIPS}
    paths = {}
    for key, content in {**valid, **contents}.items():
        path = folder / (f"{key}.yaml" if key == "teams" else f"{key}.csv")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths[key] = path
    return FileSettings.model_validate(paths)


def problems(files: FileSettings) -> tuple[str, ...]:
    """The sentences with which the files are refused."""
    with pytest.raises(InvalidFileError) as caught:
        read_organisation(files)
    assert caught.value.status == 1
    assert "\n" not in caught.value.message
    return caught.value.problems


def people(*rows: str) -> str:
    return "person_id,name,email,gitlab_username,gender\n" + "".join(f"{row}\n" for row in rows)


def employment(*rows: str) -> str:
    return "person_id,start_date,end_date,termination_type\n" + "".join(f"{r}\n" for r in rows)


def memberships(*rows: str) -> str:
    return "person_id,team,role,valid_from,valid_to\n" + "".join(f"{row}\n" for row in rows)


def test_the_valid_files_are_accepted(tmp_path: Path) -> None:
    assert len(read_organisation(given(tmp_path)).records) == 3 + 2 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("key", "content", "expected"),
    [
        # people.csv
        (
            "people",
            people("p1,Ada,,ada,", "p1,Ben,,ben,"),
            "people.csv, line 3, column 1 (person_id): p1 is already there (line 2).",
        ),
        (
            "people",
            people("p1,Ada,,Ada,", "p2,Ben,,@aDA,"),
            "people.csv, line 3, column 4 (gitlab_username): the account ada already belongs to "
            "p1 (line 2).",
        ),
        (
            "people",
            people("p1,Ada,,a b,"),
            'people.csv, line 2, column 4 (gitlab_username): "a b" is not a GitLab username.',
        ),
        (
            "people",
            people("p1,Ada,ada,,"),
            'people.csv, line 2, column 3 (email): "ada" is not an e-mail address.',
        ),
        ("people", people("p1,,,,"), "people.csv, line 2, column 2 (name): the cell is empty."),
        ("people", people(",A,,,"), "people.csv, line 2, column 1 (person_id): the cell is empty."),
        (
            "people",
            people("p1,Ada,,ada"),
            "people.csv, line 2: the row has 4 fields, the header has 5.",
        ),
        (
            "people",
            people('p1,"Ada\nLovelace",,ada,', '"p2",Ben,,ada,'),
            "people.csv, line 4, column 4 (gitlab_username): the account ada already belongs to "
            "p1 (line 2).",
        ),
        (
            "people",
            "person_id,name,email,gitlab_usernam,gender\np1,Ada,,ada,\n",
            "people.csv, line 1, column 4 (gitlab_usernam): the column is not known, perhaps "
            "gitlab_username is meant.",
        ),
        (
            "people",
            "person_id,name,email,gender\np1,Ada,,\n",
            "people.csv, line 1: the column gitlab_username is missing.",
        ),
        (
            "people",
            "person_id,name,email,gitlab_username,name\n",
            "people.csv, line 1, column 5 (name): the column is there twice.",
        ),
        (
            "people",
            "person_id,name,email,gitlab_username,\n",
            "people.csv, line 1, column 5: the column has no name.",
        ),
        (
            "people",
            "person_id;name;email;gitlab_username;gender\n",
            "people.csv, line 1: the columns must be separated by commas.",
        ),
        (
            "people",
            "",
            "people.csv: the file is empty, its first line must be "
            "person_id,name,email,gitlab_username,gender.",
        ),
        (
            "people",
            PEOPLE.encode() + b"p3,J\xf6rg,,,\n",
            "people.csv, line 4: the file is not UTF-8, save it with that encoding.",
        ),
        (
            "people",
            PEOPLE + "p3,\0,,,\n",
            "people.csv, line 4: the line holds a NUL character, this is not a text file.",
        ),
        (
            "people",
            PEOPLE + 'p3,"Cleo,,,\np4,Dan,,,\n',
            "people.csv, line 4: the quotes do not match (unexpected end of data).",
        ),
        # employment.csv
        (
            "employment",
            employment("p9,2020-01-01,,"),
            "employment.csv, line 2, column 1 (person_id): there is no person p9.",
        ),
        (
            "employment",
            employment("p1,01.02.2020,,"),
            'employment.csv, line 2, column 2 (start_date): "01.02.2020" is not a date, write it '
            "as 2026-01-31.",
        ),
        (
            "employment",
            employment("p1,2021-02-29,,"),
            "employment.csv, line 2, column 2 (start_date): there is no day 2021-02-29.",
        ),
        (
            "employment",
            employment("p1,0202-02-20,,"),
            "employment.csv, line 2, column 2 (start_date): 0202-02-20 is before 1900.",
        ),
        (
            "employment",
            employment("p1,,,"),
            "employment.csv, line 2, column 2 (start_date): the cell is empty.",
        ),
        (
            "employment",
            employment("p1,2020-01-02,2020-01-01,voluntary"),
            "employment.csv, line 2, column 3 (end_date): 2020-01-01 is before the start_date "
            "2020-01-02.",
        ),
        (
            "employment",
            employment("p1,2020-01-01,2020-01-31,"),
            "employment.csv, line 2, column 4 (termination_type): the cell is empty.",
        ),
        (
            "employment",
            employment("p1,2020-01-01,2020-01-31,voluntry"),
            'employment.csv, line 2, column 4 (termination_type): "voluntry" is not known, '
            "perhaps voluntary is meant.",
        ),
        (
            "employment",
            employment("p1,2020-01-01,,voluntary"),
            "employment.csv, line 2, column 4 (termination_type): there is one, but the end_date "
            "is empty.",
        ),
        (
            "employment",
            employment("p1,2020-02-01,,", "p1,2020-01-01,2020-02-01,other"),
            "employment.csv, line 3, column 2 (start_date): p1 was already employed then (line 2).",
        ),
        (
            "employment",
            "person_id,start,end_date,termination_type\n",
            "employment.csv, line 1, column 2 (start): the column is not known, perhaps "
            "start_date is meant.",
        ),
        (
            "employment",
            "person_id,start_date,end_date,termination_type,salary\n",
            "employment.csv, line 1, column 5 (salary): the column is not known, the columns are "
            "person_id,start_date,end_date,termination_type.",
        ),
        # memberships.csv
        (
            "memberships",
            memberships("p1,bakend,member,2020-01-01,"),
            "memberships.csv, line 2, column 2 (team): there is no team bakend, perhaps backend "
            "is meant.",
        ),
        (
            "memberships",
            memberships("zzz,backend,member,2020-01-01,"),
            "memberships.csv, line 2, column 1 (person_id): there is no person zzz.",
        ),
        (
            "memberships",
            memberships("p1,backend,boss,2020-01-01,"),
            'memberships.csv, line 2, column 3 (role): "boss" is not known, write member or '
            "manager.",
        ),
        (
            "memberships",
            memberships("p1,backend,member,2020-01-01,2020-01-01"),
            "memberships.csv, line 2, column 5 (valid_to): 2020-01-01 must be after the "
            "valid_from 2020-01-01, it is exclusive.",
        ),
        (
            "memberships",
            memberships("p1,backend,member,2020-01-01,", "p1,backend,manager,2021-01-01,"),
            "memberships.csv, line 3, column 4 (valid_from): p1 was already in backend then "
            "(line 2).",
        ),
        (
            "memberships",
            memberships(
                "p1,backend,member,2020-01-01,2022-01-01",
                "p1,backend,member,2020-02-01,2020-03-01",
                "p1,backend,member,2022-01-01,",
            ),
            "memberships.csv, line 3, column 4 (valid_from): p1 was already in backend then "
            "(line 2).",
        ),
        # teams.yaml
        (
            "teams",
            "- slug: backend\n  name: Backend\n  parent: bakcend\n",
            "teams.yaml, line 3, column 11 (parent): there is no team bakcend, perhaps backend is "
            "meant.",
        ),
        (
            "teams",
            "- {slug: a, name: A, parent: c}\n- {slug: b, name: B, parent: a}\n"
            "- {slug: c, name: C, parent: b}\n- {slug: backend, name: Backend, parent: c}\n",
            "teams.yaml, line 2, column 30 (parent): the teams are below one another: "
            "a → c → b → a.",
        ),
        (
            "teams",
            "- {slug: backend, name: A, parent: backend}\n",
            "teams.yaml, line 1, column 36 (parent): the teams are below one another: "
            "backend → backend.",
        ),
        (
            "teams",
            "- {slug: backend, name: A}\n- {slug: Backend, name: B}\n",
            "teams.yaml, line 2, column 10 (slug): Backend is already a team (line 1).",
        ),
        (
            "teams",
            TEAMS + "- {slug: 'a b', name: A}\n",
            'teams.yaml, line 3, column 10 (slug): "a b" must consist of letters, digits, -, _ '
            "and ., and begin with one of the first two.",
        ),
        (
            "teams",
            TEAMS + "- slug: ops\n",
            "teams.yaml, line 3, column 3: the team has no name.",
        ),
        (
            "teams",
            TEAMS + "- {slug: ops, name: Ops, onws: []}\n",
            "teams.yaml, line 3, column 26 (onws): the key is not known, perhaps owns is meant.",
        ),
        (
            "teams",
            TEAMS + "- {slug: ops, name: Ops, name: Operations}\n",
            "teams.yaml, line 3, column 26 (name): the key is there twice.",
        ),
        (
            "teams",
            TEAMS + "- {slug: ops, name: Ops, owns: ops/**}\n",
            "teams.yaml, line 3, column 32 (owns): a list of globs is expected, such as "
            '["my-group/backend/**"].',
        ),
        (
            "teams",
            TEAMS + "- {slug: ops, name: Ops, owns: ['https://gitlab.com/ops']}\n",
            "teams.yaml, line 3, column 33 (owns): a glob on a project's path is expected, such "
            "as my-group/backend/**.",
        ),
        (
            "teams",
            TEAMS + "- {slug: organisation, name: Acme, parent: backend}\n",
            "teams.yaml, line 3, column 44 (parent): organisation is the root, it has no parent.",
        ),
        (
            "teams",
            "backend: {name: Backend}\n",
            "teams.yaml, line 1, column 1: the file must be a list, each team begins with "
            "`- slug: …`.",
        ),
        (
            "teams",
            TEAMS + "- {slug: [x, name: y}\n",
            "teams.yaml, line 3, column 21: this is not valid YAML, expected ',' or ']', but got "
            "'}'.",
        ),
        (
            "teams",
            TEAMS + "# \x07\n",
            "teams.yaml, line 3: the character U+0007 is not allowed.",
        ),
        ("teams", "- backend\n- frontend\n", "teams.yaml, line 1, column 3: a team must be"),
    ],
)
def test_the_first_mistake(key: str, content: str | bytes, expected: str, tmp_path: Path) -> None:
    found = [each for each in problems(given(tmp_path, **{key: content})) if each.startswith(key)]
    assert found[0].startswith(expected)
    assert len(found) == (2 if "- backend" in str(content) else 1)


def test_several_mistakes_are_counted_in_one_sentence(tmp_path: Path) -> None:
    files = given(
        tmp_path,
        employment=employment("p1,x,,"),
        memberships=memberships(*["p1,nowhere,member,y,"] * 15),
    )
    with pytest.raises(InvalidFileError) as caught:
        read_organisation(files)
    assert caught.value.message == (
        'employment.csv, line 2, column 2 (start_date): "x" is not a date, write it as 2026-01-31 '
        "(and 30 more, `teamgauge check` lists them)."
    )
    assert len(caught.value.problems) == 1 + 20


def test_a_header_that_cannot_be_used_is_the_only_complaint(tmp_path: Path) -> None:
    """Nobody is reported as unknown just because people.csv could not be read."""
    files = given(tmp_path, people="person_id\np1\n", teams="{")
    assert [each.split(",")[0].split(":")[0] for each in problems(files)] == [
        "teams.yaml",
        "people.csv",
        "people.csv",
        "people.csv",
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"employment"}, "employment.csv: the file needs files.people as well."),
        ({"memberships", "people"}, "memberships.csv: the file needs files.teams as well."),
        (
            {"memberships"},
            "memberships.csv: the file needs files.people and files.teams as well.",
        ),
    ],
)
def test_files_that_need_others(keys: set[str], expected: str, tmp_path: Path) -> None:
    files = given(tmp_path)
    only = FileSettings.model_validate({key: getattr(files, key) for key in keys})
    assert problems(only)[0] == expected


def test_a_file_that_vanished(tmp_path: Path) -> None:
    files = given(tmp_path)
    (tmp_path / "people.csv").unlink()
    assert problems(files) == ("people.csv: the file cannot be read: No such file or directory.",)
