"""GraphQL answers: what each way in sees, and what merge requests and their notes look like."""

from .conftest import Client, Office, at

LIST = """query ($after: String, $first: Int, $sort: MergeRequestSort) {
  project(fullPath: "acme/app") {
    mergeRequests(after: $after, first: $first, sort: $sort) {
      count
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes { iid }
    }
  }
}"""


def titles(client: Client, where: str, arguments: str = "") -> list[str]:
    """Titles of the merge requests of a group or project, in the order of the answer."""
    asked = f"{{ {where} {{ mergeRequests{arguments} {{ count nodes {{ title }} }} }} }}"
    (found,) = client.data(asked).values()
    nodes = found["mergeRequests"]["nodes"]
    assert found["mergeRequests"]["count"] == len(nodes)
    return [node["title"] for node in nodes]


def test_groups_show_subgroups_and_archives_only_when_asked(client: Client, office: Office) -> None:
    office.change("app", 0)
    office.world.add_merge_request(office.tool, office.ann, "tool", at(1))
    office.world.add_merge_request(office.old, office.ann, "old", at(2))
    acme = 'group(fullPath: "acme")'
    assert titles(client, acme) == ["app"]
    assert titles(client, acme, "(includeSubgroups: true)") == ["tool", "app"]
    assert titles(client, acme, "(includeArchived: true)") == ["old", "app"]
    both = "(includeSubgroups: true, includeArchived: true, sort: CREATED_ASC)"
    assert titles(client, acme, both) == ["app", "tool", "old"]
    assert titles(client, 'project(fullPath: "acme/old")') == ["old"]


def test_projects_of_a_group(client: Client) -> None:
    asked = """{ group(fullPath: "ACME") { projectsCount projects(includeSubgroups: true) {
        count nodes { id fullPath archived } } } }"""
    group = client.data(asked)["group"]
    assert group["projectsCount"] == 2
    assert group["projects"]["count"] == 3
    # Without an order the newest come first.
    assert group["projects"]["nodes"] == [
        {"id": "gid://gitlab/Project/3", "fullPath": "acme/old", "archived": True},
        {"id": "gid://gitlab/Project/2", "fullPath": "acme/tools/tool", "archived": False},
        {"id": "gid://gitlab/Project/1", "fullPath": "acme/app", "archived": False},
    ]
    living = """{ group(fullPath: "acme") { projects(includeSubgroups: true, includeArchived: false,
        sort: FULL_PATH_ASC) { nodes { fullPath } } } }"""
    nodes = client.data(living)["group"]["projects"]["nodes"]
    assert [node["fullPath"] for node in nodes] == ["acme/app", "acme/tools/tool"]


def test_projects_by_path_and_id(client: Client) -> None:
    asked = """{ projects(fullPaths: ["acme/app", "acme/none", "acme/old"]) { nodes { path } }
        byId: projects(ids: ["gid://gitlab/Project/2"]) { nodes { path } } }"""
    data = client.data(asked)
    assert [node["path"] for node in data["projects"]["nodes"]] == ["old", "app"]
    assert data["byId"]["nodes"] == [{"path": "tool"}]


def test_a_whole_merge_request(client: Client, office: Office) -> None:
    world = office.world
    change = world.add_merge_request(
        office.app,
        office.ann,
        "Draft: Sort the list",
        at(0),
        reviewers=[office.ben],
        assignees=[office.ann],
        labels=["Community contribution"],
        paths=["a.py", "b.py"],
    )
    world.mark_ready(change, office.ann, at(1))
    world.request_review(change, office.ann, [office.cleo], at(2), removing=[office.ben])
    world.comment(change, office.cleo, "Looks good", at(3))
    world.approve(change, office.cleo, at(4))
    world.merge(change, office.cleo, at(5))
    asked = """{ project(fullPath: "acme/app") { mergeRequest(iid: "1") {
        id iid title draft state createdAt updatedAt mergedAt closedAt preparedAt webUrl
        targetProjectId userNotesCount reference(full: true) commitCount
        diffStats { path } diffStatsSummary { fileCount }
        author { __typename id username name bot human type state publicEmail }
        mergeUser { username } approvedBy { nodes { username } }
        assignees { nodes { username } } labels { nodes { title } }
        reviewers { nodes { username mergeRequestInteraction { reviewState reviewed approved } } }
        notes { count nodes { body system systemNoteIconName systemNoteMetadata { action }
          createdAt author { username } } }
    } } }"""
    assert client.data(asked)["project"]["mergeRequest"] == {
        "id": "gid://gitlab/MergeRequest/1",
        "iid": "1",
        "title": "Sort the list",
        "draft": False,
        "state": "merged",
        "createdAt": "2024-03-04T09:00:00Z",
        "updatedAt": "2024-03-04T14:00:00Z",
        "mergedAt": "2024-03-04T14:00:00Z",
        "closedAt": None,
        "preparedAt": "2024-03-04T09:00:00Z",
        "webUrl": "https://gitlab.example.com/acme/app/-/merge_requests/1",
        "targetProjectId": 1,
        "userNotesCount": 1,
        "reference": "acme/app!1",
        "commitCount": 1,
        "diffStats": [{"path": "a.py"}, {"path": "b.py"}],
        "diffStatsSummary": {"fileCount": 2},
        "author": {
            "__typename": "MergeRequestAuthor",
            "id": "gid://gitlab/User/1",
            "username": "ann",
            "name": "Ann",
            "bot": False,
            "human": True,
            "type": "HUMAN",
            "state": "active",
            "publicEmail": "ann@example.com",
        },
        "mergeUser": {"username": "cleo"},
        "approvedBy": {"nodes": [{"username": "cleo"}]},
        "assignees": {"nodes": [{"username": "ann"}]},
        "labels": {"nodes": [{"title": "Community contribution"}]},
        "reviewers": {
            "nodes": [
                {
                    "username": "cleo",
                    "mergeRequestInteraction": {
                        "reviewState": "APPROVED",
                        "reviewed": False,
                        "approved": True,
                    },
                }
            ]
        },
        "notes": {
            "count": 4,
            "nodes": [
                note("marked this merge request as **ready**", 10, "ann", "title", "pencil"),
                note(
                    "requested review from @cleo and removed review request for @ben",
                    11,
                    "ann",
                    "reviewer",
                    "user",
                ),
                note("Looks good", 12, "cleo"),
                note("approved this merge request", 13, "cleo", "approved", "check"),
            ],
        },
    }


def note(
    body: str, hour: int, author: str, action: str | None = None, icon: str | None = None
) -> dict[str, object]:
    return {
        "body": body,
        "system": action is not None,
        "systemNoteIconName": icon,
        "systemNoteMetadata": {"action": action} if action else None,
        "createdAt": f"2024-03-04T{hour:02}:00:00Z",
        "author": {"username": author},
    }


def test_notes_are_filtered_and_paged(client: Client, office: Office) -> None:
    change = office.change("Chatty", 0)
    for hour in range(1, 131):
        office.world.comment(change, office.ben, f"note {hour}", at(hour))
    office.world.approve(change, office.cleo, at(200))
    asked = """query ($after: String) { project(fullPath: "acme/app") { mergeRequest(iid: "1") {
        notes(first: 60, after: $after) { count pageInfo { hasNextPage endCursor } nodes { body } }
        activity: notes(filter: ONLY_ACTIVITY) { count }
        comments: notes(filter: ONLY_COMMENTS) { count nodes { body } }
    } } }"""
    bodies: list[str] = []
    after = None
    pages = 0
    while True:
        found = client.data(asked, after=after)["project"]["mergeRequest"]
        bodies += [node["body"] for node in found["notes"]["nodes"]]
        pages += 1
        if not found["notes"]["pageInfo"]["hasNextPage"]:
            break
        after = found["notes"]["pageInfo"]["endCursor"]
    assert pages == 3
    assert bodies == [f"note {hour}" for hour in range(1, 131)] + ["approved this merge request"]
    assert found["notes"]["count"] == 131
    assert found["activity"]["count"] == 1
    # No page is longer than 100, whatever was asked for.
    assert found["comments"]["count"] == 130
    assert len(found["comments"]["nodes"]) == 100


def test_filters_of_the_list(client: Client, office: Office) -> None:
    world = office.world
    first = office.change("first", 0)
    second = office.change("Draft: second", 10, office.ben)
    third = office.change("third", 20)
    world.merge(first, office.ben, at(30))
    world.close(second, office.ben, at(40))
    world.lock_for_merge(third, at(50))
    world.add_label(first, "bug", at(60))
    app = 'project(fullPath: "acme/app")'
    assert titles(client, app, "(state: merged)") == ["first"]
    assert titles(client, app, "(state: closed)") == ["Draft: second"]
    # A locked one is not among the opened ones.
    assert titles(client, app, "(state: opened)") == []
    assert titles(client, app, "(state: locked)") == ["third"]
    assert len(titles(client, app, "(state: all)")) == 3
    assert titles(client, app, "(draft: true)") == ["Draft: second"]
    assert titles(client, app, '(authorUsername: "BEN")') == ["Draft: second"]
    assert titles(client, app, '(labels: ["bug"])') == ["first"]
    assert titles(client, app, '(labelName: ["bug", "other"])') == []
    assert titles(client, app, '(iids: ["3", "1", "99"])') == ["third", "first"]
    # Both ends are included.
    mine = '(createdAfter: "2024-03-04T19:00:00Z", createdBefore: "2024-03-04T19:00:00Z")'
    assert titles(client, app, mine) == ["Draft: second"]
    assert titles(client, app, '(mergedAfter: "2024-03-04")') == ["first"]
    updated = '(updatedAfter: "2024-03-06T11:00:00Z", sort: UPDATED_ASC)'
    assert titles(client, app, updated) == ["third", "first"]
    assert titles(client, app, "(sort: MERGED_AT_ASC)")[0] == "first"
    assert titles(client, app, "(sort: TITLE_ASC)") == ["Draft: second", "first", "third"]
    assert titles(client, app, "(sort: TITLE_DESC)") == ["third", "first", "Draft: second"]


def test_ties_go_by_id_with_the_highest_first(client: Client, office: Office) -> None:
    for number in range(4):
        office.change(f"t{number}", 0)
    app = 'project(fullPath: "acme/app")'
    assert titles(client, app, "(sort: UPDATED_ASC)") == ["t3", "t2", "t1", "t0"]


def test_pages_hold_while_the_list_changes(client: Client, office: Office) -> None:
    for number in range(1, 11):
        office.change(f"t{number}", number)
    page = client.data(LIST, first=4, sort="UPDATED_ASC")["project"]["mergeRequests"]
    assert [node["iid"] for node in page["nodes"]] == ["1", "2", "3", "4"]
    assert page["count"] == 10
    assert page["pageInfo"]["hasNextPage"]
    assert not page["pageInfo"]["hasPreviousPage"]
    # One that was seen moves to the end, and the one at the cursor vanishes.
    moved = office.app.merge_requests[2]
    office.world.comment(moved, office.ben, "again", at(500))
    office.world.delete_merge_request(office.app.merge_requests[4])
    seen = [node["iid"] for node in page["nodes"]]
    while page["pageInfo"]["hasNextPage"]:
        after = page["pageInfo"]["endCursor"]
        page = client.data(LIST, first=4, sort="UPDATED_ASC", after=after)["project"][
            "mergeRequests"
        ]
        assert page["pageInfo"]["hasPreviousPage"]
        seen += [node["iid"] for node in page["nodes"]]
    assert seen == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "2"]


def test_pages_backwards(client: Client, office: Office) -> None:
    for number in range(1, 8):
        office.change(f"t{number}", number)
    asked = """query ($before: String) { project(fullPath: "acme/app") {
        mergeRequests(last: 3, before: $before, sort: CREATED_ASC) {
          pageInfo { hasNextPage hasPreviousPage startCursor } edges { cursor node { iid } } } } }"""
    page = client.data(asked)["project"]["mergeRequests"]
    assert [edge["node"]["iid"] for edge in page["edges"]] == ["5", "6", "7"]
    assert page["edges"][0]["cursor"] == page["pageInfo"]["startCursor"]
    assert page["pageInfo"]["hasPreviousPage"]
    before = page["pageInfo"]["startCursor"]
    page = client.data(asked, before=before)["project"]["mergeRequests"]
    assert [edge["node"]["iid"] for edge in page["edges"]] == ["2", "3", "4"]
    assert page["pageInfo"]["hasNextPage"]


def test_bad_cursors_and_both_ends_are_refused(client: Client) -> None:
    bad = client.graphql(LIST, after="not-a-cursor")
    assert bad["errors"][0]["message"] == "Please provide a valid cursor"
    both = '{ project(fullPath: "acme/app") { mergeRequests(first: 1, last: 1) { count } } }'
    message = client.graphql(both)["errors"][0]["message"]
    assert message == "Can only provide either `first` or `last`, not both"


def test_users(client: Client, office: Office) -> None:
    asked = """{ users(ids: ["gid://gitlab/User/4", "gid://gitlab/User/99"]) {
        nodes { username bot type } }
        named: users(usernames: ["Ann", "nobody"], sort: CREATED_ASC) { nodes { id } }
        everyone: users { count } humans: users(humans: true) { count }
        user(username: "ben") { id } }"""
    assert client.data(asked) == {
        "users": {"nodes": [{"username": "project_1_bot_a1", "bot": True, "type": "PROJECT_BOT"}]},
        "named": {"nodes": [{"id": "gid://gitlab/User/1"}]},
        "everyone": {"count": 4},
        "humans": {"count": 3},
        "user": {"id": "gid://gitlab/User/2"},
    }


def test_renaming_and_deleting_users(client: Client, office: Office) -> None:
    change = office.change("t", 0)
    office.world.request_review(change, office.ann, [office.ben], at(1))
    office.world.comment(change, office.cleo, "hm", at(2))
    office.world.rename_user(office.ben, "benjamin", "Benjamin")
    office.world.delete_user(office.cleo)
    asked = """{ project(fullPath: "acme/app") { mergeRequest(iid: "1") {
        reviewers { nodes { id username } } notes { nodes { body author { username bot type } } }
    } } }"""
    found = client.data(asked)["project"]["mergeRequest"]
    assert found["reviewers"]["nodes"] == [{"id": "gid://gitlab/User/2", "username": "benjamin"}]
    first, second = found["notes"]["nodes"]
    assert first["body"] == "requested review from @ben"
    assert second["author"] == {"username": "ghost", "bot": False, "type": "GHOST"}


def test_what_is_not_seen_is_null(client: Client, stranger: Client, office: Office) -> None:
    asked = """{ group(fullPath: "secret") { id } project(fullPath: "secret/plan") { id }
        none: group(fullPath: "none") { id } currentUser { username } metadata { version } }"""
    seen = client.data(asked)
    assert seen == {
        "group": {"id": "gid://gitlab/Group/3"},
        "project": {"id": "gid://gitlab/Project/4"},
        "none": None,
        "currentUser": {"username": "teamgauge-reader"},
        "metadata": {"version": "18.0.2"},
    }
    assert set(stranger.data(asked).values()) == {None}
    client.fake.hide(office.app)
    assert client.data('{ project(fullPath: "acme/app") { id } }') == {"project": None}


def test_members_see_private_groups(client: Client, office: Office) -> None:
    from demo.gitlab import Token

    client.fake.tokens["ann"] = Token(office.ann)
    asked = {"query": '{ group(fullPath: "secret") { projects { nodes { path } } } }'}
    headers = {"Authorization": "Bearer ann"}

    def found() -> object:
        return client.http.post("/api/graphql", json=asked, headers=headers).json()["data"]["group"]

    client.http.headers.pop("PRIVATE-TOKEN")
    assert found() is None
    office.world.add_member(office.world.group("secret"), office.ann)
    assert found() == {"projects": {"nodes": [{"path": "plan"}]}}


def test_a_merge_request_by_its_global_id(client: Client, office: Office) -> None:
    office.change("t", 0)
    asked = "query ($id: MergeRequestID!) { mergeRequest(id: $id) { iid } }"
    assert client.data(asked, id="gid://gitlab/MergeRequest/1") == {"mergeRequest": {"iid": "1"}}
    assert client.data(asked, id="gid://gitlab/MergeRequest/9") == {"mergeRequest": None}
    assert "errors" in client.graphql(asked, id="gid://gitlab/User/1")


def test_several_queries_in_one_request(client: Client) -> None:
    queries = [{"query": "{ currentUser { username } }"}, {"query": '{ echo(text: "a") }'}]
    answer = client.http.post("/api/graphql", json=queries).json()
    assert answer == [
        {"data": {"currentUser": {"username": "teamgauge-reader"}}},
        {"data": {"echo": '"teamgauge-reader" says: a'}},
    ]


def test_wrong_queries_in_gitlabs_words(client: Client) -> None:
    unknown = client.graphql("{ metadata { colour } }")["errors"][0]
    assert unknown["message"] == "Field 'colour' doesn't exist on type 'Metadata'"
    assert unknown["extensions"]["code"] == "undefinedField"
    argument = client.graphql('{ group(fullPath: "acme", deep: true) { id } }')["errors"][0]
    assert argument["message"] == "Field 'group' doesn't accept argument 'deep'"
    assert client.graphql("{ metadata {")["errors"]
    assert client.graphql("")["errors"] == [{"message": "Unexpected end of document"}]


def test_the_request_log(client: Client) -> None:
    client.fake.forget_requests()
    client.graphql("query Mine($n: Int) { users(first: $n) { count } }", n=3)
    client.get("version")
    first, second = client.fake.requests
    assert (first.kind, first.operation, first.variables, first.status) == (
        "graphql",
        "Mine",
        {"n": 3},
        200,
    )
    assert (second.kind, second.operation, second.path) == ("rest", "version", "/api/v4/version")
    assert client.fake.count() == 2
    assert client.fake.count("rest") == 1
