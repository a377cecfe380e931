"""The fake's answers against the specification, and what a client has to get right."""

import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from demo.greenhouse import RateLimit
from demo.greenhouse.lists import LISTS
from tests.conftest import require_shared
from tests.demo.greenhouse.conftest import START, Api

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def specified(name: str) -> dict[str, Any]:
    endpoints = json.loads(
        require_shared("spec", "greenhouse", "endpoints.json").read_text(encoding="utf-8")
    )
    found: dict[str, Any]
    (found,) = (each for each in endpoints if each["path"] == f"/v3/{name}")
    return found


@pytest.mark.parametrize("name", [each.name for each in LISTS])
def test_parameters_are_those_of_the_specification(name: str) -> None:
    (kind,) = (each for each in LISTS if each.name == name)
    wanted = {each["name"]: each["type"] for each in specified(name)["parameters"]}
    assert {"cursor": "string", "per_page": "integer", **kind.filters} == wanted


@pytest.mark.parametrize("name", [each.name for each in LISTS])
def test_fields_are_those_of_the_specification(api: Api, openings: list[int], name: str) -> None:
    world = api.world
    offer = world.make_offer(world.openings[openings[0]], starts_on=date(2026, 3, 1), at=START)
    world.resolve_offer(offer, at=START)
    wanted = {each["name"]: TYPES[each["type"]] for each in specified(name)["responseFields"]}
    answers = api.get(name).json()
    assert answers
    for answer in answers:
        assert set(answer) == set(wanted)
        for field, value in answer.items():
            assert value is None or isinstance(value, wanted[field]), field


def test_pages_go_after_a_cursor_newest_first(api: Api, openings: list[int]) -> None:
    first = api.get("openings", "per_page=2&open=true")
    assert [each["id"] for each in first.json()] == [openings[4], openings[3]]
    assert set(first.links) == {"next"}
    link = first.links["next"]["url"]
    query = link.partition("?")[2]
    assert query.startswith("cursor=")
    assert "&" not in query
    second = api.get("openings", query)
    assert [each["id"] for each in second.json()] == [openings[1], openings[0]]
    assert second.links == {}
    refused = api.get("openings", f"{query}&per_page=2")
    assert refused.status_code == 422
    assert refused.json() == {
        "errors": ["When passing a cursor, do not include other query params."]
    }
    assert api.get("openings", "cursor=nonsense").status_code == 422


def test_filters(api: Api, openings: list[int]) -> None:
    later = (START + timedelta(days=3)).isoformat().replace("+00:00", "Z")
    much_later = (START + timedelta(days=29)).isoformat().replace("+00:00", "Z")
    assert api.ids("openings", f"updated_at=gte|{later}") == [openings[n] for n in (4, 3, 2)]
    assert api.ids("openings", f"updated_at=gte|{later}|lte|{much_later}") == openings[:2:-1]
    assert api.ids("openings", f"closed_at=gt|{later}") == [openings[2]]
    assert api.ids("openings", "open=false") == [openings[2]]
    assert api.ids("openings", f"ids={openings[0]},{openings[1]}") == [openings[1], openings[0]]
    assert api.get("openings", "fields=id,open&per_page=1").json() == [
        {"id": openings[4], "open": True}
    ]
    for query in (
        "updated_at=2026-01-01",
        "updated_at=gte|soon",
        "updated_at=gte",
        "open=yes",
        "per_page=501",
        "per_page=0",
        "page=2",
        "ids=a",
        "open=true&open=false",
    ):
        assert api.get("openings", query).status_code == 422, query


@pytest.mark.parametrize(
    "name", ["created_at", "updated_at", "resolved_at", "sent_on", "starts_on"]
)
def test_offers_take_no_filter_on_time(api: Api, openings: list[int], name: str) -> None:
    assert api.get("offers", f"{name}=gte|2026-01-01T00:00:00Z").status_code == 422
    assert api.get("offers", "status=Accepted").status_code == 200


def test_tokens(api: Api) -> None:
    assert api.token(secret="wrong").status_code == 401
    assert (
        api.http.post(f"{api.url}/token", auth=("demo-client", "demo-client-secret")).status_code
        == 400
    )
    answer = api.token().json()
    assert answer["token_type"] == "Bearer"
    assert api.http.get(f"{api.url}/v3/jobs").status_code == 401
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert api.http.get(f"{api.url}/v3/jobs", headers=headers).json() == []
    api.fake.revoke_tokens()
    assert api.http.get(f"{api.url}/v3/jobs", headers=headers).status_code == 401
    api.fake.lifetime = timedelta(seconds=-1)
    assert api.get("jobs").status_code == 401


def test_scopes_and_addresses(api: Api) -> None:
    api.fake.scopes.discard("offers")
    assert api.get("offers").status_code == 403
    assert api.get("candidates").status_code == 404


def test_the_window_of_the_rate_limit_is_fixed(api: Api) -> None:
    api.fake.rate_limit = RateLimit(requests=2, seconds=30)
    answers = [api.get("jobs") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert len({each.headers["x-ratelimit-reset"] for each in answers}) <= 2  # whole seconds
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    api.fake.rate_limit.ends = 0.0  # the window is over, whatever was asked in it
    assert api.get("jobs").status_code == 200


def test_faults(api: Api) -> None:
    api.fake.fail_next(503, headers={"Retry-After": "1"}, only="list")
    assert api.get("jobs").status_code == 503
    api.fake.drop_next(only="list")
    with pytest.raises(httpx.HTTPError):
        api.get("jobs")
    assert api.get("jobs").status_code == 200
