"""Pages, cursors and tables."""

import csv
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from io import StringIO
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.spreadsheet import cell

LISTS = [
    "/api/v1/indicators",
    "/api/v1/teams",
    "/api/v1/indicators/mr_rate/compare?parent=product&period=2024-03",
    "/api/v1/indicators/open_mr_age/evidence?period=2024-03-04",
    "/api/v1/indicators/mr_rate/evidence?period=2024-03&team=checkout",
    "/api/v1/indicators/mr_rate/evidence?period=2024-03&team=checkout&sort=-merged",
    "/api/v1/teams/checkout/scorecard",
    "/api/v1/teams/checkout/attention",
    "/api/v1/runs",
    "/api/v1/data-quality",
]


def with_parameter(address: str, parameter: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{parameter}"


@pytest.mark.parametrize("address", LISTS)
def test_pages_of_one_row_make_the_whole_list(get: Any, address: str) -> None:
    whole = get(address)["items"]
    assert len(whole) > 1
    rows: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = get(with_parameter(address, f"limit=1&cursor={cursor}"))
        assert len(answer["items"]) == 1
        rows += answer["items"]
        cursor = answer["next"]
        assert len(rows) <= len(whole)
    assert rows == whole


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize("cursor", ["abc", "!!", "W10=", "WzFd", "bnVsbA==", "é", "e30="])
def test_a_cursor_that_is_none_is_refused(client: TestClient, address: str, cursor: str) -> None:
    answer = client.get(with_parameter(address, f"cursor={cursor}"))
    assert answer.status_code == 422
    assert answer.json()["field"] == "cursor"


@pytest.mark.parametrize("forged", ["[" * 5_000, '["x", ' + "9" * 5_000 + "]", '"' * 3, "{}"])
def test_a_cursor_that_no_list_would_give_is_refused(client: TestClient, forged: str) -> None:
    cursor = urlsafe_b64encode(forged.encode()).decode()
    answer = client.get(f"/api/v1/teams?cursor={cursor}")
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize("sort", ["", "&sort=-value"])
@pytest.mark.parametrize(
    "gone", ["acme/gone!1", "acme/other!99", "none", "a\0b!1", "a!" + "9" * 30]
)
def test_what_comes_after_a_merge_request_that_is_gone(get: Any, gone: str, sort: str) -> None:
    """Rather one twice than one never; whether all are read or only what is shown."""
    address = f"/api/v1/indicators/open_mr_age/evidence?period=2024-03-04{sort}"
    whole = get(address)["items"]
    first = get(f"{address}&limit=2")
    assert first["items"] == whole[:2]
    of, period, end, last = json.loads(urlsafe_b64decode(first["next"]))
    assert (end, last) == (2, f"{whole[1]['project']}!{whole[1]['iid']}")
    changed = urlsafe_b64encode(json.dumps([of, period, end, gone]).encode()).decode()
    assert get(f"{address}&limit=2&cursor={first['next']}")["items"] == whole[2:4]
    assert get(f"{address}&limit=2&cursor={changed}")["items"] == whole[1:3]


def test_a_cursor_of_another_list_is_refused(client: TestClient, get: Any) -> None:
    cursor = get("/api/v1/teams?limit=1")["next"]
    for address in (
        f"/api/v1/indicators?cursor={cursor}",
        f"/api/v1/indicators/mr_rate/compare?cursor={cursor}",
    ):
        assert client.get(address).json()["field"] == "cursor"
    assert get(f"/api/v1/teams?cursor={cursor}&limit=2")["items"][0]["slug"] == "product"


@pytest.mark.parametrize("position", [10**30, -1, "1", 1.0, True, None])
def test_a_cursor_that_was_tampered_with_is_refused(
    client: TestClient, get: Any, position: object
) -> None:
    of, _ = json.loads(urlsafe_b64decode(get("/api/v1/runs?limit=1")["next"]))
    cursor = urlsafe_b64encode(json.dumps([of, position]).encode()).decode()
    answer = client.get(f"/api/v1/runs?cursor={cursor}")
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "1.5", "9" * 5_000])
def test_a_limit_out_of_bounds_is_refused(client: TestClient, limit: str) -> None:
    answer = client.get(f"/api/v1/teams?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["field"] == "limit"


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].endswith('.csv"')
    return list(csv.DictReader(StringIO(answer.text, newline="")))


@pytest.mark.parametrize("address", LISTS)
def test_the_table_has_the_rows_of_the_list(client: TestClient, get: Any, address: str) -> None:
    items = get(address)["items"]
    rows = rows_of(client.get(with_parameter(address, "format=csv")))
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        for name, value in item.items():
            if isinstance(value, bool):
                assert row[name] == str(value).lower()
            elif isinstance(value, float | int):
                assert float(row[name]) == value  # unrounded: it reads back as the same double
            elif value is None and name in row:
                assert row[name] == ""
            elif isinstance(value, str) and not value.startswith("="):
                assert row[name] == value


def test_the_table_of_a_series_are_its_points(client: TestClient, get: Any) -> None:
    address = "/api/v1/indicators/open_mr_age/series?team=checkout"
    points = get(address)["points"]
    answer = client.get(f"{address}&format=csv")
    assert answer.text.splitlines()[0] == (
        "period,value,n,numerator,denominator,p25,p75,p95,status,reason,partial,coverage,recorded_at"
    )
    assert answer.text.count("\r\n") == len(points) + 1
    rows = rows_of(answer)
    assert [row["period"] for row in rows] == [point["period"] for point in points]
    assert [float(row["value"]) if row["value"] else None for row in rows] == [
        point["value"] for point in points
    ]


def test_the_table_of_evidence_is_safe_in_a_spreadsheet(client: TestClient) -> None:
    rows = rows_of(client.get("/api/v1/indicators/open_mr_age/evidence?team=search&format=csv"))
    assert [row["title"] for row in rows] == [
        '\'=HYPERLINK("http://evil.test","x"), "quoted"\nand broken'
    ]
    assert rows[0]["author.username"] == "cid"
    assert rows[0]["flags"] == ""


def test_the_table_of_evidence_has_the_rows_that_are_asked_for(client: TestClient) -> None:
    address = "/api/v1/indicators/open_mr_age/evidence?format=csv"
    rows = rows_of(client.get(f"{address}&sort=-created&state=in_review"))
    assert [row["author.username"] for row in rows] == ["ben", "ann"]
    assert "beside.answer" not in rows[0]
    answers = "/api/v1/indicators/community_response/evidence?format=csv&period=2024-03"
    [row] = rows_of(client.get(answers))
    told = {name: value for name, value in row.items() if name.startswith("beside.")}
    assert told == {
        "beside.answer": "missed",
        "beside.due_at": "2024-03-06T00:00:00Z",
        "beside.answered_at": "",
    }


def test_the_table_of_findings_can_be_of_one_kind(client: TestClient, get: Any) -> None:
    rows = rows_of(client.get("/api/v1/data-quality?kind=unmatched_identity&format=csv"))
    assert [(row["kind"], row["address"]) for row in rows] == [("unmatched_identity", "eve")]
    assert list(rows[0]) == ["kind", "title", "address", "text", "line", "effect", "remedy"]
    cursor = get("/api/v1/data-quality?limit=1")["next"]
    answer = client.get(f"/api/v1/data-quality?kind=bot&limit=1&cursor={cursor}")
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def test_a_table_with_a_limit_is_a_page_that_links_to_the_next(client: TestClient) -> None:
    answer = client.get("/api/v1/teams?format=csv&limit=3")
    assert [row["slug"] for row in rows_of(answer)] == ["organisation", "product", "checkout"]
    following = answer.links["next"]["url"]
    rest = client.get(following)
    assert [row["slug"] for row in rows_of(rest)] == ["search"]
    assert "next" not in rest.links


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "true"),
        (0.1 + 0.2, "0.30000000000000004"),
        (-1.5, "-1.5"),
        (7, "7"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (["orphaned", "end_estimated"], "orphaned end_estimated"),
        ({"a": 1}, '{"a": 1}'),
        ([{"key": "ü"}], '[{"key": "ü"}]'),
    ],
)
def test_a_cell(value: object, expected: str) -> None:
    assert cell(value) == expected
