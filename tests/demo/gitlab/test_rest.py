"""REST answers: lists with their headers, filters, single records and the real bodies of refusals."""

import httpx
import pytest

from demo.gitlab import Token

from .conftest import Client, Office, at


def iids(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [item["iid"] for item in response.json()]


def test_pages_by_number(client: Client, office: Office) -> None:
    for number in range(45):
        office.change(f"t{number}", number)
    response = client.get("projects/acme%2Fapp/merge_requests", state="all", page=2)
    assert iids(response) == list(range(25, 5, -1))
    headers = response.headers
    assert headers["x-page"] == "2"
    assert headers["x-per-page"] == "20"
    assert headers["x-prev-page"] == "1"
    assert headers["x-next-page"] == "3"
    assert headers["x-total"] == "45"
    assert headers["x-total-pages"] == "3"
    assert set(response.links) == {"prev", "next", "first", "last"}
    last = client.http.get(response.links["next"]["url"])
    assert iids(last) == [5, 4, 3, 2, 1]
    assert last.headers["x-next-page"] == ""
    assert set(last.links) == {"prev", "first", "last"}
    assert last.links["prev"]["url"].endswith("state=all&page=2&per_page=20")


def test_pages_are_never_longer_than_a_hundred(client: Client, office: Office) -> None:
    for number in range(101):
        office.change(f"t{number}", number)
    assert len(client.get("projects/1/merge_requests", per_page=500).json()) == 100
    bad = client.get("projects/1/merge_requests", per_page=0)
    assert bad.status_code == 400


def test_long_lists_are_not_counted(client: Client, office: Office) -> None:
    for number in range(10_001):
        office.change("t", number / 100)
    response = client.get("projects/1/merge_requests", per_page=1)
    assert "x-total" not in response.headers
    assert "x-total-pages" not in response.headers
    assert set(response.links) == {"next", "first"}


def test_filters(client: Client, office: Office) -> None:
    world = office.world
    first = office.change("first", 0)
    second = office.change("Draft: second", 10, office.ben)
    world.add_merge_request(office.tool, office.ben, "tool", at(20), reviewers=[office.cleo])
    world.add_merge_request(office.old, office.ben, "old", at(30))
    world.merge(first, office.ben, at(40))
    world.add_label(second, "bug", at(50))
    app = "projects/1/merge_requests"
    assert iids(client.get(app, state="merged")) == [1]
    assert iids(client.get(app, **{"iids[]": [2, 1]})) == [2, 1]
    assert iids(client.get(app, author_username="ben")) == [2]
    assert iids(client.get(app, author_id=1)) == [1]
    assert iids(client.get(app, labels="bug")) == [2]
    assert iids(client.get(app, labels="None")) == [1]
    assert iids(client.get(app, labels="Any")) == [2]
    assert iids(client.get(app, wip="yes")) == [2]
    assert iids(client.get(app, search="FIRST")) == [1]
    assert iids(client.get(app, updated_after="2024-03-06T11:00:00.000+00:00")) == [2]
    assert iids(client.get(app, order_by="updated_at", sort="asc")) == [1, 2]
    assert iids(client.get(app, created_before="2024-03-04T09:00:00Z")) == [1]

    def found(path: str, **parameters: object) -> list[str]:
        return [item["title"] for item in client.get(path, **parameters).json()]

    group = "groups/acme/merge_requests"
    assert found(group) == ["tool", "Draft: second", "first"]
    assert found(group, non_archived="false") == ["old", "tool", "Draft: second", "first"]
    assert found(group, reviewer_username="cleo") == ["tool"]
    assert found("merge_requests") == []
    assert found("merge_requests", scope="all", state="opened") == ["old", "tool", "Draft: second"]


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"state": "open"}, "state does not have a valid value"),
        ({"order_by": "iid"}, "order_by does not have a valid value"),
        ({"updated_after": "yesterday"}, "updated_after is invalid"),
        ({"page": "two"}, "page is invalid"),
    ],
)
def test_wrong_parameters(client: Client, parameters: dict[str, str], error: str) -> None:
    response = client.get("projects/1/merge_requests", **parameters)
    assert (response.status_code, response.json()) == (400, {"error": error})


def test_what_belongs_to_one_merge_request(client: Client, office: Office) -> None:
    world = office.world
    change = world.add_merge_request(
        office.app, office.ann, "t", at(0), reviewers=[office.ben], paths=["docs/a.md"]
    )
    world.comment(change, office.ben, "please test", at(1))
    world.request_review(change, office.ann, [office.ben], at(2))
    world.approve(change, office.ben, at(3))
    world.close(change, office.ann, at(4))
    world.reopen(change, office.ann, at(5))
    one = "projects/acme%2Fapp/merge_requests/1"
    whole = client.get(one).json()
    assert whole["created_at"] == "2024-03-04T09:00:00.000Z"
    assert whole["closed_at"] is None
    assert whole["changes_count"] == "1"
    assert [user["username"] for user in whole["reviewers"]] == ["ben"]
    # Asking again does not make a new row.
    assert client.get(f"{one}/reviewers").json() == [
        {
            "user": whole["reviewers"][0],
            "state": "approved",
            "created_at": "2024-03-04T09:00:00.000Z",
        }
    ]
    approvals = client.get(f"{one}/approvals").json()
    assert [entry["user"]["username"] for entry in approvals["approved_by"]] == ["ben"]
    events = client.get(f"{one}/resource_state_events").json()
    assert [event["state"] for event in events] == ["closed", "reopened"]
    assert [d["new_path"] for d in client.get(f"{one}/diffs").json()] == ["docs/a.md"]
    assert len(client.get(f"{one}/discussions").json()) == 3

    def bodies(**parameters: str) -> list[str]:
        return [note["body"] for note in client.get(f"{one}/notes", **parameters).json()]

    in_order = ["please test", "requested review from @ben", "approved this merge request"]
    assert bodies() == in_order[::-1]
    assert bodies(sort="asc", order_by="created_at") == in_order
    assert bodies(activity_filter="only_comments") == in_order[:1]
    note = client.get(f"{one}/notes/1").json()
    assert (note["body"], note["system"], note["noteable_iid"]) == ("please test", False, 1)


def test_users_and_the_token(client: Client) -> None:
    assert client.get("user").json()["username"] == "teamgauge-reader"
    assert client.get("version").json()["version"] == "18.0.2"
    assert client.get("personal_access_tokens/self").json()["scopes"] == ["read_api"]
    listed = client.get("users", username="ANN").json()
    assert [user["id"] for user in listed] == [1]
    # Only a user that is asked for by id shows the flag.
    assert "bot" not in listed[0]
    assert client.get("users/4").json()["bot"] is True
    assert client.get("users/1").json()["bot"] is False


def test_groups_and_projects(client: Client, office: Office) -> None:
    assert client.get("groups/acme%2Ftools").json()["parent_id"] == 1
    assert [g["full_path"] for g in client.get("groups/acme/subgroups").json()] == ["acme/tools"]
    assert [g["id"] for g in client.get("groups", search="tools").json()] == [2]
    direct = client.get("groups/1/projects", order_by="id", sort="asc").json()
    assert [p["path_with_namespace"] for p in direct] == ["acme/app", "acme/old"]
    every = client.get("groups/1/projects", include_subgroups="true", archived="false").json()
    assert {p["path_with_namespace"] for p in every} == {"acme/app", "acme/tools/tool"}
    office.world.add_member(office.world.group("acme"), office.ann, 50)
    office.world.add_member(office.world.group("acme/tools"), office.ben, 30)
    members = client.get("projects/acme%2Ftools%2Ftool/members/all").json()
    assert [(m["username"], m["access_level"]) for m in members] == [("ann", 50), ("ben", 30)]
    assert [m["username"] for m in client.get("groups/2/members").json()] == ["ben"]


def test_projects_after_a_key(client: Client) -> None:
    first = client.get("projects", pagination="keyset", order_by="id", sort="asc", per_page=3)
    assert [project["id"] for project in first.json()] == [1, 2, 3]
    assert set(first.links) == {"next"}
    assert "x-page" not in first.headers
    second = client.http.get(first.links["next"]["url"])
    assert [project["id"] for project in second.json()] == [4]
    assert second.links == {}
    wrong = client.get("projects", pagination="keyset", order_by="name")
    assert wrong.status_code == 405
    far = client.get("projects", page=501, per_page=100)
    assert far.status_code == 405
    assert far.json()["error"].startswith("Offset pagination has a maximum allowed offset of 50000")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("projects/acme%2Fnone", "404 Project Not Found"),
        ("projects/99/merge_requests", "404 Project Not Found"),
        ("groups/none/projects", "404 Group Not Found"),
        ("projects/1/merge_requests/100000000000000000000", "404 Not found"),
        ("users/99", "404 User Not Found"),
    ],
)
def test_what_is_not_there(client: Client, path: str, message: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (404, {"message": message})


def test_moved_projects_redirect(client: Client, office: Office) -> None:
    office.change("t", 0)
    office.world.rename_project(office.app, "application")
    office.world.move_project(office.app, office.world.group("acme/tools"))
    assert client.get("projects/acme%2Ftools%2Fapplication").json()["id"] == 1
    moved = client.get("projects/acme%2Fapp/merge_requests", state="all")
    assert moved.status_code == 302
    assert moved.text.startswith("This resource has been moved temporarily to http://127.0.0.1:")
    assert iids(client.http.get(moved.headers["location"])) == [1]


def test_hidden_and_private_projects(client: Client, stranger: Client, office: Office) -> None:
    assert client.get("projects/4").status_code == 200
    assert stranger.get("projects/4").json() == {"message": "404 Project Not Found"}
    assert stranger.get("projects/1").status_code == 200
    assert stranger.get("user").status_code == 401
    client.fake.hide(office.app)
    assert client.get("projects/1").status_code == 404
    assert 1 not in {project["id"] for project in client.get("projects").json()}


def test_tokens_that_do_not_open(client: Client, office: Office) -> None:
    def asked(token: str) -> httpx.Response:
        return client.http.get("/api/v4/user", headers={"PRIVATE-TOKEN": token})

    assert (asked("wrong").status_code, asked("wrong").json()) == (
        401,
        {"message": "401 Unauthorized"},
    )
    client.fake.tokens["narrow"] = Token(office.ann, scopes=("read_user",))
    refused = asked("narrow")
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    client.fake.expire_token_after(1)
    assert client.get("user").status_code == 200
    expired = client.get("user")
    assert expired.status_code == 401
    assert expired.json()["error"] == "invalid_token"
    answer = client.http.post("/api/graphql", json={"query": "{ currentUser { id } }"})
    assert (answer.status_code, answer.json()) == (401, {"errors": [{"message": "Invalid token"}]})


def test_nothing_can_be_written(client: Client) -> None:
    response = client.http.post("/api/v4/projects/1/merge_requests", json={})
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert client.get("runners").json() == {"error": "404 Not Found"}


def test_rate_limit_headers(client: Client) -> None:
    from demo.gitlab import RateLimit

    assert "ratelimit-limit" not in client.get("version").headers
    client.fake.rate_limit = RateLimit(per_minute=2)
    left = [client.get("version").headers["ratelimit-remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    refused = client.get("version")
    assert refused.status_code == 429
    assert refused.text == "Retry later\n"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["ratelimit-name"] == "throttle_authenticated_api"


def test_a_page_for_people(stranger: Client, office: Office) -> None:
    change = office.change("<script>alert(1)</script>", 0)
    office.world.merge(change, office.ben, at(2))
    page = stranger.http.get("/acme/app/-/merge_requests/1")
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (!1)" in page.text
    assert stranger.http.get("/acme/app/-/merge_requests/2").status_code == 404
    assert stranger.http.get("/secret/plan/-/merge_requests/1").status_code == 404
