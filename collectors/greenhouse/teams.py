"""Which team an opening is for: its job's department is the team of that slug, else of that name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from collectors.known import KnownTeam
from collectors.record import RecordError, text, value_at, whole

LISTED = 10
"""How many names a sentence has at most."""


@dataclass(slots=True)
class Teams:
    """The team of each job. jobs: department and name by id. departments: name by id.

    slugs: the team of each department that is one.
    """

    jobs: Mapping[int, tuple[int | None, str]]
    departments: Mapping[int, str]
    slugs: Mapping[int, str]
    _unknown: set[str] = field(default_factory=set)
    _without: set[str] = field(default_factory=set)
    _hidden: set[int] = field(default_factory=set)

    def of_job(self, job_id: int | None) -> str | None:
        """The team's slug; None where there is none, which `remarks` will mention."""
        if job_id is None:
            return None
        if job_id not in self.jobs:
            self._hidden.add(job_id)
            return None
        department, name = self.jobs[job_id]
        if department is None:
            self._without.add(name)
            return None
        slug = self.slugs.get(department)
        if slug is None:
            self._unknown.add(self.departments.get(department, f"number {department}"))
        return slug

    def remarks(self) -> list[str]:
        """One sentence for each cause for which something that was read is of no team."""
        sentences = []
        if self._unknown:
            sentences.append(
                "Openings of departments of Greenhouse that are no team are kept without one:"
                f" {_listed(self._unknown)}; where one is a team, write the team's slug into the"
                " department's external_id."
            )
        if self._without:
            sentences.append(
                "Openings of jobs that have no department in Greenhouse are kept without a team:"
                f" {_listed(self._without)}."
            )
        if self._hidden:
            count = len(self._hidden)
            sentences.append(
                f"Greenhouse does not show {count} job{'' if count == 1 else 's'} of openings and"
                " offers, which are kept without a team."
            )
        return sentences

    def digest(self, reasons: Mapping[int, str] | None, zone: str) -> str:
        """Says whether what a stored opening was read with is still the same."""
        slugs = {
            job: None if department is None else self.slugs.get(department)
            for job, (department, _) in self.jobs.items()
        }
        content = orjson.dumps([sorted(slugs.items()), sorted((reasons or {}).items()), zone])
        return blake2b(content, digest_size=8).hexdigest()


def teams_of(
    jobs: Iterable[Any], departments: Sequence[Any], known: Sequence[KnownTeam]
) -> tuple[Teams, list[str]]:
    """The teams of the answers of both lists, and what is wrong with those that cannot be read."""
    refused: list[str] = []
    by_slug = {team.slug.lower(): team.slug for team in known}
    by_name: dict[str, list[str]] = {}
    for team in known:
        by_name.setdefault(_folded(team.name), []).append(team.slug)
    names: dict[int, str] = {}
    slugs: dict[int, str] = {}
    for answer in departments:
        try:
            number = value_at(answer, "id", convert=whole)
            names[number] = (
                value_at(answer, "name", convert=text, optional=True) or "without a name"
            )
            external = value_at(answer, "external_id", convert=_as_text, optional=True)
        except RecordError as error:
            refused.append(f"a department that cannot be read: {error}")
            continue
        same_name = by_name.get(_folded(names[number]), [])
        if external and external.strip().lower() in by_slug:
            slugs[number] = by_slug[external.strip().lower()]
        elif len(same_name) == 1:  # of several teams with one name, none can be told to be it
            slugs[number] = same_name[0]
    found: dict[int, tuple[int | None, str]] = {}
    for answer in jobs:
        try:
            found[value_at(answer, "id", convert=whole)] = (
                value_at(answer, "department_id", convert=whole, optional=True),
                value_at(answer, "name", convert=text, optional=True) or "without a name",
            )
        except RecordError as error:
            refused.append(f"a job that cannot be read: {error}")
    return Teams(found, names, slugs), refused


def _as_text(value: Any) -> str:
    """external_id is declared as a text, but a number says the same."""
    return str(value) if isinstance(value, int) else text(value)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - LISTED
    return ", ".join(ordered[:LISTED]) + (f" and {more} more" if more > 0 else "")
