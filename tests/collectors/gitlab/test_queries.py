"""The queries against GitLab's schema and its limits."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, get_operation_ast, validate

import collectors.gitlab.queries as queries_package
from collectors.gitlab import queries
from collectors.gitlab.collection import LARGEST_WITHOUT_TOKEN
from collectors.gitlab.counts import STRETCHES
from collectors.gitlab.projects import PORTIONS
from collectors.gitlab.queries import Query, with_people, with_stretches
from demo.gitlab.complexity import cost
from tests.conftest import require_shared

EVERYTHING = {
    "size": 100,
    "notes": 100,
    "whole": True,
    "projects": True,
    "latest": True,
    "opened": True,
    "locked": True,
    "verified": True,
    "labels": True,
    "reviewers": True,
    "numbers": ["1"],
}

QUERIES = [
    queries.GROUP_MERGE_REQUESTS,
    queries.PROJECT_MERGE_REQUESTS,
    queries.MERGE_REQUESTS_BY_NUMBER,
    queries.MERGE_REQUEST_REST,
    queries.PROJECT_LISTING,
    queries.PROJECT_SPAN,
    queries.PROJECT_WINDOW,
    queries.CHANGED_PATHS,
    with_stretches(STRETCHES),
    *(with_people(name, n) for name in ("group_survey", "project_survey") for n in (0, PORTIONS)),
]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The subset of GitLab 18.0's own schema."""
    path = require_shared("spec", "gitlab", "gitlab_subset.graphql")
    return build_schema(path.read_text(encoding="utf-8"))


def spent(schema: GraphQLSchema, query: Query, **changes: Any) -> int:
    operation = get_operation_ast(query.document)
    assert operation is not None
    variables = {**EVERYTHING, **changes}
    if query is queries.MERGE_REQUEST_REST:
        variables["notes"] = True
    return cost(schema, query.document, operation, variables).score


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_queries_are_valid_and_short(schema: GraphQLSchema, query: Query) -> None:
    assert validate(schema, query.document) == []
    assert len(query.text) < 10_000
    assert "queryComplexity" in query.text


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_the_largest_page_stays_below_what_gitlab_allows(
    schema: GraphQLSchema, query: Query
) -> None:
    # 250 with a token, 200 without one, whose pages of merge requests are smaller.
    assert spent(schema, query) < 240
    if "people0" not in query.text:
        assert spent(schema, query, size=LARGEST_WITHOUT_TOKEN) < 200


def test_every_file_is_used() -> None:
    folder = Path(queries_package.__file__).parent
    files = {path.stem for path in folder.glob("*.graphql")}

    assert files == {query.name for query in QUERIES} | set(queries.FRAGMENTS.values())


def test_people_are_asked_for_in_portions() -> None:
    text = with_people("group_survey", 2).text

    assert "$people0: [ID!]!" in text
    assert "people1: users(ids: $people1, first: 100) { nodes { ...Person } }" in text
    assert "people2" not in text
    assert "people" not in with_people("group_survey", 0).text.replace("# ", "").split("query ")[1]
