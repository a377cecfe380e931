"""The cost of queries, held against the worked figures of the specification's note on limits."""

import pytest

from .conftest import Client, Office

QUERY = """{ group(fullPath: "acme") { mergeRequests(%(list)s) { %(list_more)s nodes {
    iid state createdAt mergedAt
    author { username }
    reviewers { nodes { username mergeRequestInteraction { reviewState } } }
    notes(filter: ONLY_ACTIVITY, first: %(notes)d) { %(notes_more)s
      nodes { body createdAt author { username } %(note_more)s } }
    %(more)s
} } } %(root_more)s }"""
PAGE = "pageInfo { hasNextPage endCursor }"
SYSTEM = "system systemNoteIconName systemNoteMetadata { action }"
RICH = """id title webUrl draft updatedAt closedAt preparedAt targetBranch sourceBranch
    project { fullPath } mergeUser { username } approvedBy { nodes { username } }
    assignees { nodes { username } } labels { nodes { title } } milestone { title }
    diffStatsSummary { additions deletions fileCount } commitCount userNotesCount"""


def query(**parts: object) -> str:
    plain: dict[str, object] = {
        "list": "first: 100",
        "list_more": "",
        "notes": 50,
        "notes_more": "",
        "note_more": "",
        "more": "",
        "root_more": "",
    }
    return QUERY % {**plain, **parts}


ASKED_TOO = 3
"""What `queryComplexity { score limit }` adds, by the same note."""


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ({}, 63),
        ({"notes": 100}, 69),
        ({"list": "first: 50"}, 47),
        ({"list_more": PAGE}, 69),
        ({"list_more": PAGE, "notes_more": PAGE}, 77),
        ({"list_more": PAGE, "notes_more": PAGE, "note_more": SYSTEM}, 89),
        (
            {
                "list_more": f"{PAGE} count",
                "notes_more": PAGE,
                "note_more": f"{SYSTEM} id",
                "more": RICH,
            },
            184 - ASKED_TOO,
        ),
        ({"list": 'first: 100, search: "x"'}, 73),
    ],
)
def test_the_worked_figures(client: Client, parts: dict[str, object], score: int) -> None:
    asked = query(root_more="queryComplexity { score limit }", **parts)
    assert client.data(asked)["queryComplexity"] == {"score": score + ASKED_TOO, "limit": 250}


def test_single_numbers_cost_no_page(client: Client) -> None:
    asked = query(list='first: 100, iids: ["1"]', root_more="queryComplexity { score }")
    # group 1 + (nodes 29 + 1 + default sort 1), and 2 for the question itself.
    assert client.data(asked)["queryComplexity"]["score"] == 1 + 31 + 2


def test_page_sizes_in_variables_count(client: Client) -> None:
    text = query(list="first: $size", root_more="queryComplexity { score }")
    asked = f"query A($size: Int = 100) {text}"
    assert client.data(asked)["queryComplexity"]["score"] == 63 + 2
    assert client.data(asked, size=50)["queryComplexity"]["score"] == 47 + 2


def test_fragments_cost_what_they_select(client: Client) -> None:
    plain = """{ queryComplexity { score } project(fullPath: "acme/app") { id name } }"""
    spread = """fragment P on Project { id name }
        query { queryComplexity { score } project(fullPath: "acme/app") { ...P id } }"""
    assert client.data(plain) == client.data(spread)


def test_too_complex_is_refused_and_not_run(client: Client, stranger: Client) -> None:
    twice = f"{{ a: {query()[1:-1]} b: {query()[1:-1]} c: {query()[1:-1]} d: {query()[1:-1]} }}"
    assert client.graphql(twice) == {
        "errors": [{"message": "Query has complexity of 252, which exceeds max complexity of 250"}]
    }
    thrice = f"{{ a: {query()[1:-1]} b: {query()[1:-1]} c: {query()[1:-1]} e: {query()[1:-1]} }}"
    message = stranger.graphql(thrice)["errors"][0]["message"]
    assert message == "Query has complexity of 252, which exceeds max complexity of 200"


def test_a_lower_limit_can_be_switched_on(client: Client) -> None:
    client.fake.max_complexity = 60
    message = client.graphql(query())["errors"][0]["message"]
    assert message == "Query has complexity of 63, which exceeds max complexity of 60"
    client.fake.max_complexity = None
    assert "errors" not in client.graphql(query())


def nested(levels: int) -> str:
    inner = "id"
    for _ in range(levels):
        inner = f"parent {{ {inner} }}"
    return f'{{ group(fullPath: "acme/tools") {{ {inner} }} }}'


def test_too_deep_is_refused(client: Client, stranger: Client) -> None:
    assert "errors" not in client.graphql(nested(18))
    refused = client.graphql(nested(19))
    assert refused == {
        "errors": [{"message": "Query has depth of 21, which exceeds max depth of 20"}]
    }
    message = stranger.graphql(nested(14))["errors"][0]["message"]
    assert message == "Query has depth of 16, which exceeds max depth of 15"


def test_too_long_is_refused(client: Client, office: Office) -> None:
    fitting = "{ currentUser { id } }".ljust(10_000)
    assert "errors" not in client.graphql(fitting)
    answer = client.http.post("/api/graphql", json={"query": fitting + " "})
    assert answer.status_code == 422
    assert answer.json() == {"errors": [{"message": "Query too large"}]}
    assert office.world.version > 0
