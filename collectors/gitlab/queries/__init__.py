"""The GraphQL queries, one operation or fragment a file, put together with the fragments they use."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from graphql import DocumentNode, parse


@dataclass(frozen=True, slots=True)
class Query:
    """An operation with its fragments. name: as in the run report's requests by kind."""

    name: str
    text: str
    document: DocumentNode


def _file(name: str) -> str:
    return files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")


FRAGMENTS = {
    "Person": "person",
    "ProjectFields": "project",
    "Outline": "outline",
    "MergeRequestFields": "merge_request",
    "NotesPage": "notes",
    "OpenPage": "open_page",
}
"""File of each fragment."""


def _with_fragments(text: str) -> str:
    while True:
        used = dict.fromkeys(re.findall(r"\.\.\.(\w+)", text))
        missing = [name for name in used if f"fragment {name} " not in text]
        if not missing:
            return text
        text = "\n".join([text, *(_file(FRAGMENTS[name]) for name in missing)])


def _query(name: str, text: str) -> Query:
    text = _with_fragments(text)
    return Query(name, text, parse(text, no_location=True))


def query(name: str) -> Query:
    """The operation in the file of this name."""
    return _query(name, _file(name))


@cache
def with_people(survey: str, portions: int) -> Query:
    """A survey that asks for portions of people beside it: `people0`, `people1`, … of 100 each.

    The portions are the variables of the same names, lists of global ids of users.
    """
    text = _file(survey)
    variables = "".join(f"\n  $people{n}: [ID!]!" for n in range(portions))
    fields = "".join(
        f"\n  people{n}: users(ids: $people{n}, first: 100) {{ nodes {{ ...Person }} }}"
        for n in range(portions)
    )
    text = re.sub(r"\(\n {2}\$path: ID!", rf"\g<0>{variables}", text, count=1)
    text = text.replace("\n  queryComplexity", f"{fields}\n  queryComplexity", 1)
    return _query(survey, text)


GROUP_MERGE_REQUESTS = query("group_merge_requests")
PROJECT_MERGE_REQUESTS = query("project_merge_requests")
MERGE_REQUESTS_BY_NUMBER = query("merge_requests_by_number")
MERGE_REQUEST_REST = query("merge_request_rest")
PROJECT_LISTING = query("project_listing")
CHANGED_PATHS = query("changed_paths")
