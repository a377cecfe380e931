"""Every answer: exactly the contract's fields, as /openapi.json describes them, unrounded."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from sqlalchemy import Engine, text

POINT = {
    "period", "value", "n", "numerator", "denominator", "p25", "p75", "p95", "status", "reason",
    "partial", "coverage", "recorded_at",
}  # fmt: skip

QUARANTINED = "https://git.test/1/1009"
"""Closed a day before it was created."""

KEYS = [
    "open_mr_review_time",
    "open_mr_age",
    "community_response",
    "hiring_vs_plan",
    "mr_rate",
    "diversity",
    "handbook_update_rate",
    "retention",
    "review_time_to_merge",
    "first_engagement_time",
    "time_to_merge",
]
"""Every indicator, in the order of the definitions."""

ADDRESSES = {
    "/api/v1/indicators": "/api/v1/indicators",
    "/api/v1/teams": "/api/v1/teams",
    "/api/v1/indicators/open_mr_age/series?team=product": "/api/v1/indicators/{key}/series",
    "/api/v1/indicators/open_mr_age/series?grain=week": "/api/v1/indicators/{key}/series",
    "/api/v1/indicators/mr_rate/series?variant=wider": "/api/v1/indicators/{key}/series",
    "/api/v1/indicators/mr_rate/compare?parent=product": "/api/v1/indicators/{key}/compare",
    "/api/v1/indicators/open_mr_age/compare": "/api/v1/indicators/{key}/compare",
    "/api/v1/indicators/open_mr_age/evidence": "/api/v1/indicators/{key}/evidence",
    "/api/v1/indicators/mr_rate/evidence?period=2024-03": "/api/v1/indicators/{key}/evidence",
    "/api/v1/indicators/community_response/evidence?period=2024-03": (
        "/api/v1/indicators/{key}/evidence"
    ),
    "/api/v1/indicators/hiring_vs_plan/series": "/api/v1/indicators/{key}/series",
    "/api/v1/indicators/hiring_vs_plan/evidence": "/api/v1/indicators/{key}/evidence",
    "/api/v1/indicators/diversity/series": "/api/v1/indicators/{key}/series",
    "/api/v1/indicators/diversity/evidence": "/api/v1/indicators/{key}/evidence",
    "/api/v1/indicators/retention/compare": "/api/v1/indicators/{key}/compare",
    "/api/v1/restatements": "/api/v1/restatements",
    "/api/v1/teams/checkout": "/api/v1/teams/{slug}",
    "/api/v1/teams/checkout/scorecard": "/api/v1/teams/{slug}/scorecard",
    "/api/v1/teams/checkout/attention": "/api/v1/teams/{slug}/attention",
    "/api/v1/runs": "/api/v1/runs",
    "/api/v1/data-quality": "/api/v1/data-quality",
    "/healthz": "/healthz",
    "/readyz": "/readyz",
}


ELSEWHERE = {"/metrics", "/api/v1/audit"}
"""Paths that have tests of their own: one is no JSON, one answers where people sign in."""


@pytest.mark.parametrize(("address", "path"), ADDRESSES.items())
def test_every_answer_is_as_openapi_describes_it(
    client: TestClient, get: Any, address: str, path: str
) -> None:
    description = client.get("/openapi.json").json()
    content = description["paths"][path]["get"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"]
    answer = get(address)
    Draft202012Validator({**schema, "components": description["components"]}).validate(answer)
    assert client.get(address).headers["content-type"] == "application/json"


def test_openapi_describes_every_path_and_only_problems_as_errors(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) - ELSEWHERE == set(ADDRESSES.values())
    for path in description["paths"].values():
        for status, answer in path["get"]["responses"].items():
            if status != "200":
                assert list(answer["content"]) == ["application/problem+json"]
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_openapi_says_what_every_parameter_and_field_means(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    for path, methods in description["paths"].items():
        for parameter in methods["get"].get("parameters", []):
            assert parameter.get("description"), (path, parameter["name"])
        for status, answer in methods["get"]["responses"].items():
            problem = answer["content"].get("application/problem+json", {"schema": {}})["schema"]
            for name, field in problem.get("properties", {}).items():
                assert field.get("description"), (path, status, name)
    shapes = description["components"]["schemas"]
    assert {"PointAnswer", "EvidenceAnswer", "TeamAnswer", "RunAnswer"} <= set(shapes)
    for shape, schema in shapes.items():
        Draft202012Validator.check_schema(schema)
        for name, field in schema.get("properties", {}).items():
            of = shapes[field["$ref"].rpartition("/")[2]] if "$ref" in field else field
            assert of.get("description"), (shape, name)


def test_openapi_refers_only_to_what_it_holds(client: TestClient) -> None:
    description = client.get("/openapi.json").json()

    def references(part: Any) -> Iterator[str]:
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if key == "$ref":
                yield value
            elif isinstance(value, dict | list):
                yield from references(value)

    shapes = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert set(references(description)) == shapes - {"#/components/schemas/HTTPValidationError"}
    operations = [methods["get"]["operationId"] for methods in description["paths"].values()]
    assert len(set(operations)) == len(operations)


def test_a_series_as_known_at_says_how_far_the_data_reached_then(get: Any) -> None:
    address = "/api/v1/indicators/open_mr_age/series?from=2024-03-18&as_known_at="
    before = get(f"{address}2024-03-20T11:59:59Z")
    assert (before["data_through"], before["points"]) == (None, [])
    since = get(f"{address}2024-03-25T08:00:00%2B01:00")
    assert since["data_through"] == "2024-03-20T12:00:00Z"
    assert [(point["period"], point["partial"]) for point in since["points"]] == [
        ("2024-03-18", False),
        ("2024-03-19", False),
        ("2024-03-20", True),
    ]


def test_indicators(get: Any) -> None:
    answer = get("/api/v1/indicators")
    assert answer["next"] is None
    by_key = {item["key"]: item for item in answer["items"]}
    assert list(by_key) == KEYS
    assert (by_key["diversity"]["target"], by_key["diversity"]["better"]) == (None, None)
    assert set(by_key["mr_rate"]) == {
        "key", "title", "definition", "unit", "cadence", "better", "variants", "target", "ours",
    }  # fmt: skip
    assert (by_key["mr_rate"]["target"], by_key["mr_rate"]["better"]) == (10, "higher")
    assert [variant["key"] for variant in by_key["mr_rate"]["variants"]] == [
        "narrow",
        "wider",
        "overall",
    ]
    assert (by_key["open_mr_age"]["unit"], by_key["open_mr_age"]["cadence"]) == ("days", "daily")


def test_teams(get: Any) -> None:
    assert get("/api/v1/teams")["items"] == [
        {"slug": "organisation", "name": "Organisation", "parent": None, "headcount": 2},
        {"slug": "product", "name": "Product", "parent": "organisation", "headcount": 2},
        {"slug": "checkout", "name": "Checkout", "parent": "product", "headcount": 1},
        {"slug": "search", "name": "Search", "parent": "product", "headcount": 1},
    ]


def test_a_series(get: Any, collected: Engine) -> None:
    answer = get(
        "/api/v1/indicators/open_mr_age/series?team=checkout&from=2024-03-19&to=2024-03-20"
    )
    assert set(answer) == {
        "indicator", "team", "unit", "grain", "variant", "data_through", "points", "limits", "targets",
    }  # fmt: skip
    assert (answer["indicator"], answer["team"]) == ("open_mr_age", "checkout")
    assert (answer["unit"], answer["grain"], answer["variant"]) == ("days", "day", None)
    assert answer["data_through"] == "2024-03-20T12:00:00Z"
    assert answer["limits"] is None
    assert answer["targets"] == [{"valid_from": "2024-01-01", "value": 30}]
    assert [set(point) for point in answer["points"]] == [POINT, POINT]
    with collected.connect() as connection:
        stored = connection.scalar(
            text(
                "SELECT value FROM period_values v JOIN teams t ON t.id = v.team_id"
                " WHERE slug = 'checkout' AND indicator = 'open_mr_age' AND period = '2024-03-20'"
                " AND superseded_at IS NULL"
            )
        )
    point = answer["points"][1]
    # Created 1 February at noon and 20 February at eleven: 48 days, and 29 days and one hour.
    assert point["value"] == stored == (48 + 29 + 1 / 24) / 2
    assert (point["period"], point["n"], point["partial"]) == ("2024-03-20", 2, True)
    assert (point["status"], point["reason"]) == ("problem", None)
    # ann's, ben's and cid's, but not the bot's
    assert point["coverage"] == 1.0


def test_an_empty_parameter_is_as_good_as_none(get: Any) -> None:
    asked = "team=&from=&to=&grain=&variant=&as_known_at="
    assert get(f"/api/v1/indicators/mr_rate/series?{asked}") == get(
        "/api/v1/indicators/mr_rate/series"
    )


def test_a_rate_has_numerator_and_denominator(get: Any) -> None:
    answer = get("/api/v1/indicators/mr_rate/series?team=checkout&from=2024-03")
    [point] = answer["points"]
    assert (point["numerator"], point["denominator"], point["value"]) == (3.0, 1.0, 3.0)
    assert (point["n"], point["partial"], point["status"]) == (3, True, None)
    assert answer["variant"] == "narrow"
    assert point["coverage"] == 0.75  # eve's belongs to no team


def test_compare_has_the_parent_first(get: Any) -> None:
    answer = get("/api/v1/indicators/mr_rate/compare?parent=product&period=2024-03")
    assert [row["team"] for row in answer["items"]] == ["product", "checkout", "search"]
    assert set(answer["items"][0]) == POINT | {"team", "name", "previous", "signal"}
    assert [row["previous"] for row in answer["items"]] == [0.0, 0.0, 0.0]
    assert answer["items"][0]["signal"] is False


def test_evidence(get: Any) -> None:
    answer = get("/api/v1/indicators/open_mr_age/evidence?team=checkout")
    assert len(answer["items"]) == 2
    first, second = answer["items"]
    assert set(first) == {
        "project", "iid", "title", "web_url", "state", "draft", "author", "created_at", "merged_at",
        "closed_at", "review_started_at", "value", "flags",
    }  # fmt: skip
    assert first["author"] == {"username": "ann", "name": "Ann"}
    assert (first["value"], first["flags"]) == (48.0, [])
    assert first["created_at"] == "2024-02-01T12:00:00Z"
    assert first["review_started_at"] == "2024-02-10T12:00:00Z"
    assert (second["author"]["username"], second["flags"]) == ("ben", ["orphaned"])
    rate = get("/api/v1/indicators/mr_rate/evidence?team=checkout&period=2024-03")
    assert [row["value"] for row in rate["items"]] == [None] * 3


def test_evidence_that_is_narrowed_and_sorted(get: Any) -> None:
    address = "/api/v1/indicators/open_mr_age/evidence?"

    def authors(query: str) -> list[str]:
        return [row["author"]["username"] for row in get(address + query)["items"]]

    assert authors("") == ["ann", "ben", "cid"]
    assert authors("state=orphaned") == ["ben"]
    assert authors("state=not_in_review") == ["cid"]
    assert authors("state=in_review,orphaned") == ["ben"]
    assert authors("state=in_review,draft") == []
    assert authors("project=acme/other") == ["cid"]
    assert authors("project=acme/checkout/api&state=in_review&sort=value") == ["ben", "ann"]
    # Never asked for a review: nothing to be sorted by comes last both ways.
    assert authors("sort=review") == ["ann", "ben", "cid"]
    assert authors("sort=-review") == ["ben", "ann", "cid"]
    assert authors("label=bug") == []
    merged = "/api/v1/indicators/mr_rate/evidence?period=2024-03&variant=overall&label="
    labelled = get(f"{merged}community%20contribution")["items"]
    assert [row["author"]["username"] for row in labelled] == ["eve"]


def test_evidence_of_answers_to_the_community(get: Any) -> None:
    address = "/api/v1/indicators/community_response/evidence?period=2024-03"
    [row] = get(address)["items"]
    # Saturday 2 March: the clock starts on Monday. Nobody but the author touched it.
    assert row["beside"] == {
        "answer": "missed",
        "due_at": "2024-03-06T00:00:00Z",
        "answered_at": None,
    }
    assert get(f"{address}&answer=missed")["items"] == [row]
    for other in ("met", "pending", "waiting_for_author"):
        assert get(f"{address}&answer={other}")["items"] == []


def test_a_team(get: Any) -> None:
    answer = get("/api/v1/teams/product?on=2024-02-29&from=2024-03-01&to=2024-03-31")
    assert answer["headcount"] == 3
    assert answer["ancestors"] == [{"slug": "organisation", "name": "Organisation"}]
    assert [person["name"] for person in answer["people"]] == ["Ann", "Ben", "Cid"]
    assert answer["membership_changes"] == [
        {
            "day": "2024-03-01",
            "person": "Ben",
            "kind": "left",
            "team": "checkout",
            "elsewhere": None,
            "employment": None,
            "orphaned": 1,
        }
    ]
    assert get("/api/v1/teams/checkout")["managers"] == [
        {"person_id": "ann", "name": "Ann", "username": "ann", "role": "manager"}
    ]
    without = {"diversity", "first_engagement_time", "time_to_merge"}
    assert [target["indicator"] for target in answer["targets"]] == [
        key for key in KEYS if key not in without
    ]


def test_a_scorecard(get: Any) -> None:
    answer = get("/api/v1/teams/checkout/scorecard")
    assert [(row["indicator"], row["period"]) for row in answer["items"]] == [
        (key, "2024-03-20" if key.startswith("open_") else "2024-02") for key in KEYS
    ]
    assert set(answer["items"][0]) == POINT | {
        "indicator", "title", "unit", "variant", "signal", "target", "limits",
    }  # fmt: skip


def test_attention(get: Any) -> None:
    answer = get("/api/v1/teams/checkout/attention")
    assert [(row["kind"], row["author"]["username"], row["value"]) for row in answer["items"]] == [
        ("in_review", "ann", 39.0),
        ("in_review", "ben", 29 + 1 / 24),
        ("orphaned", "ben", 29 + 1 / 24),
    ]


def test_data_quality(get: Any) -> None:
    cases = get("/api/v1/data-quality")["items"]
    assert [case["kind"] for case in cases] == [
        "unmatched_identity",
        "quarantined_merge_request",
        "bot",
    ]
    assert [case["address"] for case in cases] == ["eve", QUARANTINED, "robo"]
    assert [case["line"] for case in cases] == [",Eve,,eve,", None, None]
    assert cases[1]["title"] == "Quarantined merge requests"
    assert cases[1]["effect"] == "Left out of every indicator."
    assert get("/api/v1/data-quality?kind=bot")["items"] == cases[2:]
    assert get("/api/v1/data-quality?kind=early_note")["items"] == []


def test_runs(get: Any) -> None:
    answer = get("/api/v1/runs")
    assert {run["source"] for run in answer["items"]} == {"files", "gitlab"}
    ids = [run["id"] for run in answer["items"]]
    assert ids == sorted(ids, reverse=True)


def test_head_of_the_application_is_one_object(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()
