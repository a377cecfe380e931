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
    "Slice": "slice",
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


@cache
def with_stretches(number: int) -> Query:
    """How many merge requests of a project there are in each of so many stretches: `count0`, `count1`, …

    Each has its bounds, both inclusive, in the variables `after0` and `before0`, `after1` and so on.
    """
    name = "project_counts"
    variables = "".join(f"\n  $after{n}: Time\n  $before{n}: Time" for n in range(number))
    fields = "".join(
        f"\n    count{n}: mergeRequests(createdAfter: $after{n}, createdBefore: $before{n}, first: 1)"
        " { count }"
        for n in range(number)
    )
    text = _file(name).replace("\n  $path: ID!", f"\n  $path: ID!{variables}", 1)
    return _query(name, text.replace("\n    id\n", f"\n    id{fields}\n", 1))


GROUP_MERGE_REQUESTS = query("group_merge_requests")
PROJECT_MERGE_REQUESTS = query("project_merge_requests")
MERGE_REQUESTS_BY_NUMBER = query("merge_requests_by_number")
MERGE_REQUEST_REST = query("merge_request_rest")
PROJECT_LISTING = query("project_listing")
PROJECT_SPAN = query("project_span")
PROJECT_WINDOW = query("project_window")
CHANGED_PATHS = query("changed_paths")
