"""What a whole reading has to say: each kind of finding once, with what to do about it."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from app.settings import BambooHRSettings
from collectors.bamboohr.departments import Departments
from collectors.bamboohr.people import People
from collectors.bamboohr.supervisors import Supervisors
from collectors.bamboohr.tables import by_age

LISTED = 10
"""How many names a sentence holds."""


def about_fields(people: People, settings: BambooHRSettings) -> Iterator[str]:
    """Fields that the account lacks, and those that the key may not see."""
    consequences = {
        settings.gitlab_username_field: (
            "gitlab_username_field",
            "accounts are matched by work e-mail alone",
        ),
        settings.gender_field: ("gender_field", "gender counts as not declared"),
    }
    for name, (key, consequence) in consequences.items():
        if name and people.employees and name not in people.told:
            yield (
                f"BambooHR has no field {name}, or does not show it to this key: {consequence}."
                f" Correct bamboohr.{key}, or give the user whose key it is access to the field."
            )
    counted = {
        name: consequence for name, (_, consequence) in consequences.items() if name in people.told
    } | {"workEmail": "their accounts are not matched by e-mail"}
    for name, consequence in counted.items():
        if count := people.restricted.get(name, 0):
            yield (
                f"BambooHR does not show {name} of {_people(count)} to this key: for them"
                f" {consequence}."
            )


def about_departments(found: Departments, kind: str) -> Iterator[str]:
    """Departments, or divisions, that are no team. kind: which of both."""
    if found.unknown:
        yield (
            f"No team in teams.yaml has the name or slug of {_counted(kind, found.unknown)}; who is"
            " there is in no team for that time. Add a team with that name, or leave it so."
        )
    if found.ambiguous:
        yield (
            f"Several teams in teams.yaml have the name of {_counted(kind, found.ambiguous)}; who is"
            f" there is in no team for that time. Name the {kind} in BambooHR after a team's slug."
        )


def about_supervisors(found: Supervisors) -> Iterator[str]:
    """Names of supervisors that lead to nobody, or to several."""
    if found.unknown:
        yield (
            f"BambooHR names supervisors whom it does not show to this key: {_listed(found.unknown)}."
            " Give the user whose key it is access to all employees."
        )
    if found.ambiguous:
        yield (
            f"Several employees have the name of a supervisor: {_listed(found.ambiguous)}; it is not"
            " clear who is meant. Give them preferred names that differ."
        )


def about_employees(jobless: Collection[str], unemployed: Collection[str]) -> Iterator[str]:
    """jobless: employed without a row of jobInfo. unemployed: with an ending and no beginning."""
    if jobless:
        yield (
            f"{_people(len(jobless))} without a row in jobInfo, in no team:"
            f" {_listed(sorted(jobless, key=by_age))}. Fill in their job information in BambooHR."
        )
    if unemployed:
        yield (
            f"{_people(len(unemployed))} with an ending and no beginning in employmentStatus, not"
            f" counted: {_listed(sorted(unemployed, key=by_age))}. Fill in their hire dates in BambooHR."
        )


def about_accounts(shared: Mapping[str, Collection[str]]) -> Iterator[str]:
    """shared: GitLab usernames that several employees have, with the ids of these."""
    for username, employees in sorted(shared.items()):
        first, *others = employees
        yield (
            f"The GitLab account {username} stands at several employees; it counts for {first} and"
            f" not for {_listed(others)}. Correct it in BambooHR."
        )


def _people(count: int) -> str:
    return "1 employee" if count == 1 else f"{count:,} employees"


def _counted(kind: str, found: Mapping[str, Collection[str]]) -> str:
    many = kind if len(found) == 1 else f"{kind}s"
    return f"the {many} " + _listed(
        f"{name} ({_people(len(found[name]))})" for name in sorted(found)
    )


def _listed(names: Iterable[str]) -> str:
    every = list(names) if isinstance(names, list) else sorted(names)
    more = len(every) - LISTED
    return ", ".join(every[:LISTED]) + (f" and {more:,} more" if more > 0 else "")
