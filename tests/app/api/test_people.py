"""Hiring, retention and diversity as the API and its CSV give them."""

from typing import Any

from fastapi.testclient import TestClient

HIRING = "/api/v1/indicators/hiring_vs_plan"


def test_the_people_behind_a_headcount(get: Any, client: TestClient) -> None:
    answer = get(f"{HIRING}/evidence?team=product&period=2024-02")
    assert answer["items"] == [
        {
            "kind": "member",
            "person_id": person,
            "name": person.title(),
            "reference": None,
            "team": None,
            "first_day": "2024-01-01",
            "last_day": "2024-02-29" if person == "ben" else None,
            "value": None,
        }
        for person in ("ann", "ben", "cid")
    ]
    assert (
        len(answer["items"])
        == get(f"{HIRING}/series?team=product&from=2024-02&to=2024-02")["points"][0]["n"]
    )
    first = get(f"{HIRING}/evidence?team=product&period=2024-02&limit=2")
    rest = get(f"{HIRING}/evidence?team=product&period=2024-02&limit=2&cursor={first['next']}")
    assert [row["person_id"] for row in first["items"] + rest["items"]] == ["ann", "ben", "cid"]
    table = client.get(f"{HIRING}/evidence?team=product&period=2024-02&format=csv").text
    assert table.splitlines()[0] == "kind,person_id,name,reference,team,first_day,last_day,value"
    assert get(f"{HIRING}/evidence?kind=plan")["items"] == []


def test_an_unknown_kind_is_named(client: TestClient) -> None:
    answer = client.get(f"{HIRING}/evidence?kind=salary")
    assert answer.status_code == 404
    assert "kind" in answer.text


def test_no_people_are_listed_for_diversity(get: Any, client: TestClient) -> None:
    address = "/api/v1/indicators/diversity/evidence"
    assert get(address) == {"items": [], "next": None}
    assert len(client.get(f"{address}?format=csv").text.splitlines()) == 1
    assert client.get(f"{address}?kind=member").status_code == 404


def test_a_hidden_point(get: Any, client: TestClient) -> None:
    answer = get("/api/v1/indicators/diversity/series?from=2024-02&to=2024-02")
    [point] = answer["points"]
    assert (point["value"], point["n"], point["status"]) == (None, None, "suppressed")
    assert (point["categories"], point["suppressed"], "beside" in point) == ([], True, False)
    assert (answer["limits"], answer["targets"]) == (None, [])
    table = client.get("/api/v1/indicators/diversity/series?from=2024-02&to=2024-02&format=csv")
    head, row = table.text.splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert (cells["value"], cells["n"], cells["categories"]) == ("", "", "")
    assert cells["suppressed"] == "true"


def test_beside_a_headcount(get: Any) -> None:
    [point] = get(f"{HIRING}/series?from=2024-02&to=2024-02")["points"]
    assert (point["value"], point["reason"], point["n"]) == (None, "no_data", 3)
    assert (point["numerator"], point["denominator"]) == (3.0, None)
    assert point["beside"] == {
        "hires": 0,
        "planned_hires": None,
        "hires_vs_planned": None,
        "transfers_in": 0,
        "leavers": 0,
        "open_openings": 0,
        "open_openings_median_age": None,
        "offers_accepted_not_started": 0,
    }


def test_the_pages_of_people(client: TestClient) -> None:
    team = "team=product&period=2024-02"
    hiring = client.get(f"/indicators/hiring_vs_plan/evidence?{team}")
    assert hiring.status_code == 200
    assert "3 people, no value" in hiring.text
    assert all(name in hiring.text for name in ("Ann", "Ben", "Cid"))
    retention = client.get(f"/indicators/retention/evidence?{team}")
    assert retention.status_code == 200
    assert "0 leavers behind 100%" in retention.text
    diversity = client.get(f"/indicators/diversity/evidence?{team}")
    assert diversity.status_code == 200
    assert "No list behind these shares" in diversity.text
    assert not any(name in diversity.text for name in ("Ann", "Ben", "Cid"))
    for address in (
        "/",
        "/teams/product",
        f"/indicators/diversity?{team}",
        f"/indicators/hiring_vs_plan?{team}",
        f"/indicators/retention?{team}",
    ):
        assert client.get(address).status_code == 200, address
