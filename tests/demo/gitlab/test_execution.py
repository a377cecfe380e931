"""The short way of executing gives what graphql-core gives, for answers and for errors alike."""

from typing import Any

import pytest
from graphql import execute_sync, get_operation_ast, parse, validate

from demo.gitlab.access import Viewer
from demo.gitlab.catalogue import Catalogue
from demo.gitlab.complexity import Cost
from demo.gitlab.execution import Result, execute
from demo.gitlab.resolvers import Context
from demo.gitlab.schema import schema

from .conftest import Office, at

FULL = """
fragment Person on User { id username name bot human type state active createdAt publicEmail webUrl }
fragment Change on MergeRequest {
  __typename id iid title state draft createdAt updatedAt mergedAt closedAt webUrl
  labels { count nodes { title color } } milestone { title } diffStats { path additions }
  diffStatsSummary { fileCount } project { ... on Project { id fullPath } }
  author { ...Person } mergeUser { ...Person } approvedBy { nodes { ...Person } }
  assignees { nodes { username } } reviewers { nodes { ...Person
    mergeRequestInteraction { reviewState reviewed approved canMerge } } }
  notes(first: $notes) { count pageInfo { hasNextPage endCursor } edges { cursor node { id } }
    nodes { id body system createdAt author { ...Person } systemNoteMetadata { action id } } }
}
query All($path: ID!, $first: Int = 2, $notes: Int, $after: String, $since: Time) {
  group(fullPath: $path) {
    fullName
    renamed: name
    mergeRequests(includeSubgroups: true, first: $first, after: $after, updatedAfter: $since,
        sort: UPDATED_ASC) {
      count pageInfo { hasNextPage endCursor } nodes { ...Change id } nodes { updatedAt }
    }
    projects(includeSubgroups: true) { count nodes { fullPath archived lastActivityAt } }
  }
  currentUser { username } metadata { version } queryComplexity { score limit }
}
"""


def fill(office: Office) -> None:
    world = office.world
    for number in range(6):
        change = world.add_merge_request(
            office.app if number % 2 else office.tool,
            office.ann,
            f"Draft: t{number}" if number == 3 else f"t{number}",
            at(number),
            reviewers=[office.ben] if number % 3 else (),
            labels=["bug"],
            paths=["a", "b"],
        )
        world.comment(change, office.cleo, "hm", at(number + 1))
        world.request_review(change, office.ann, [office.cleo], at(number + 2))
        world.approve(change, office.cleo, at(number + 3))
        if number % 2:
            world.merge(change, office.ben, at(number + 4))


def both(office: Office, text: str, variables: dict[str, Any]) -> tuple[Result, Result]:
    """The result of the short way, and that of graphql-core."""
    world = office.world
    document = parse(text)
    assert validate(schema(), document) == []
    operation = get_operation_ast(document)
    assert operation is not None
    context = Context(
        world, Catalogue(world), Viewer(office.ann, True), "http://x", "18", Cost(1, 1), 250
    )
    short = execute(schema(), document, operation, context, variables)
    whole = execute_sync(schema(), document, context_value=context, variable_values=dict(variables))
    errors = tuple(dict(error.formatted) for error in whole.errors or ())
    return short, Result(whole.data, errors)


@pytest.mark.parametrize(
    "variables",
    [
        {"path": "acme"},
        {"path": "acme", "first": 100, "notes": 1},
        {"path": "acme/tools", "first": 1, "since": "2024-03-04T12:00:00Z"},
        {"path": "none"},
    ],
)
def test_answers_are_equal(office: Office, variables: dict[str, Any]) -> None:
    fill(office)
    short, whole = both(office, FULL, variables)
    assert short.smooth
    assert whole.errors == ()
    assert short.data == whole.data


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("directive", ["include", "skip"])
def test_what_is_left_out(office: Office, directive: str, wanted: bool) -> None:
    fill(office)
    text = """
      query ($path: ID!, $b: Boolean!) {
        group(fullPath: $path) {
          name @DIRECTIVE(if: $b)
          ...Rest @DIRECTIVE(if: $b)
          ... @DIRECTIVE(if: $b) { path }
        }
      }
      fragment Rest on Group { fullPath }
    """.replace("DIRECTIVE", directive)

    short, whole = both(office, text, {"path": "acme", "b": wanted})

    assert short.smooth
    assert short.data == whole.data
    assert whole.data is not None
    assert len(whole.data["group"]) == (3 if wanted is (directive == "include") else 0)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (FULL, {"path": "acme", "after": "nonsense"}),
        (FULL, {}),
        (FULL, {"path": "acme", "since": "yesterday"}),
        ("{ user { id } }", {}),
        ("{ __schema { queryType { name } } }", {}),
    ],
)
def test_errors_and_odd_queries_are_graphql_cores(
    office: Office, text: str, variables: dict[str, Any]
) -> None:
    fill(office)
    short, whole = both(office, text, variables)
    assert not short.smooth
    assert short.data == whole.data
    assert short.errors == whole.errors


def test_a_resolver_that_breaks_its_promise(office: Office) -> None:
    """A null where the schema has none is the error that graphql-core tells."""
    fill(office)
    office.world.merge_requests[1].title = None  # type: ignore[assignment]
    short, whole = both(office, FULL, {"path": "acme", "first": 100})
    assert not short.smooth
    assert short.data == whole.data
    assert "Cannot return null for non-nullable field" in short.errors[0]["message"]
    assert short.errors == whole.errors
