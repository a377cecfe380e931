"""The fake's answers against BambooHR's own OpenAPI description, and that it is as strict as it says."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from demo.bamboohr import INVOLUNTARY, BambooHRFake, Company
from tests.conftest import require_shared

SPEC = "urn:bamboohr"
CHANGED = "2025-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def described() -> Any:
    path = require_shared("spec", "bamboohr", "public-openapi.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)


@pytest.fixture
def fake() -> BambooHRFake:
    """Somebody with a history, somebody who left, somebody without anything, one who was deleted."""
    company = Company(lambda: datetime(2026, 3, 1, tzinfo=UTC))
    ada = company.add("Adelaide", "Moss", preferred="Ada", email="ada@acme.example")
    ben = company.add("Ben", "Vale", gender="Male", customGitLabUsername="ben")
    company.add("Cleo", "Fern")
    for employee in (ada, ben):
        company.status(employee, date(2024, 1, 1))
        company.job(employee, date(2024, 1, 1), "Backend", division="Engineering")
    company.job(ben, date(2025, 1, 1), "Backend", reports_to=ada)
    company.job(ben, date(2026, 1, 1)).day = None
    company.terminate(ben, date(2025, 6, 30), INVOLUNTARY)
    company.delete(company.add("Dan", "Reed"))
    return BambooHRFake(company)


@pytest.fixture
def client(fake: BambooHRFake) -> Iterator[httpx.Client]:
    with (
        fake.serving() as url,
        httpx.Client(
            base_url=url, auth=(fake.key, "x"), headers={"Accept": "application/json"}
        ) as client,
    ):
        yield client


def check(described: Any, path: str, method: str, response: httpx.Response) -> Any:
    """Holds an answer against the schema of its path, status and content type; gives its content."""
    operation = described["paths"][f"/api/{path}"][method]
    told = operation["responses"][str(response.status_code)]
    kind = response.headers["content-type"]
    if not response.content:
        assert "content" not in told
        return None
    content = response.json()
    schemas = told["content"]
    place = kind if kind in schemas else "application/json"
    pointer = "/".join(
        each.replace("~", "~0").replace("/", "~1")
        for each in (
            "paths",
            f"/api/{path}",
            method,
            "responses",
            str(response.status_code),
            "content",
            place,
            "schema",
        )
    )
    registry: Registry[Any] = Registry().with_resource(
        SPEC, Resource.from_contents(described, default_specification=DRAFT202012)
    )
    validator = Draft202012Validator(
        {"$ref": f"{SPEC}#/{pointer}"},
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)] == []
    return content


def get(client: httpx.Client, path: str, **parameters: str) -> httpx.Response:
    return client.get(path, params=parameters)


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        (
            "employmentStatus",
            {"id", "employeeId", "date", "employmentStatus", "terminationTypeId"},
        ),
        ("jobInfo", {"id", "employeeId", "date", "department", "division", "reportsTo"}),
    ],
)
def test_history_tables(described: Any, client: httpx.Client, table: str, fields: set[str]) -> None:
    path = "v1/employees/{id}/tables/{table}"
    everybody = check(described, path, "get", get(client, f"v1/employees/all/tables/{table}"))
    assert {row["employeeId"] for row in everybody} == {"101", "102"}
    assert all(fields <= row.keys() for row in everybody)
    one = check(described, path, "get", get(client, f"v1/employees/102/tables/{table}"))
    by_id = {row["id"]: row for row in everybody}
    assert [by_id[row["id"]] for row in one] == one
    assert len(one) == (2 if table == "employmentStatus" else 3)
    check(described, path, "get", get(client, "v1/employees/all/tables/unknown"))
    assert get(client, "v1/employees/all/tables/unknown").status_code == 404
    changed = "v1/employees/changed/tables/{table}"
    since = get(client, f"v1/employees/changed/tables/{table}", since=CHANGED)
    told = check(described, changed, "get", since)
    assert told["table"] == table
    rows = [row for each in told["employees"].values() for row in each["rows"]]
    assert sorted(row["id"] for row in rows) == sorted(by_id)
    none = get(client, f"v1/employees/changed/tables/{table}", since="2026-03-02T00:00:00Z")
    assert check(described, changed, "get", none)["employees"] == {}
    refused = get(client, f"v1/employees/changed/tables/{table}", since="yesterday")
    assert refused.status_code == 400
    check(described, changed, "get", refused)
    missing = get(client, "v1/employees/changed/tables/unknown", since=CHANGED)
    assert missing.status_code == 404
    check(described, changed, "get", missing)


def test_a_future_supervisor_is_told_by_name(client: httpx.Client) -> None:
    rows = get(client, "v1/employees/102/tables/jobInfo").json()
    assert {row["reportsTo"] for row in rows} == {None, "Ada Moss"}
    assert "0000-00-00" in {row["date"] for row in rows}


def test_changed_employees(described: Any, client: httpx.Client) -> None:
    path = "v1/employees/changed"
    told = check(described, path, "get", get(client, path, since=CHANGED))
    assert {number: each["action"] for number, each in told["employees"].items()} == {
        "101": "Inserted",
        "102": "Inserted",
        "103": "Inserted",
        "104": "Deleted",
    }
    gone = check(described, path, "get", get(client, path, since=CHANGED, type="deleted"))
    assert list(gone["employees"]) == ["104"]
    for refused in (get(client, path), get(client, path, since=CHANGED, type="other")):
        assert refused.status_code == 400
        check(described, path, "get", refused)


def test_the_list_of_employees(described: Any, fake: BambooHRFake, client: httpx.Client) -> None:
    path = "v1/employees"
    fake.api.hidden.fields["workEmail"] = {102}
    asked = "workEmail,hireDate,reportsToId,reportsToName,gender,customGitLabUsername"
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = get(client, path, fields=asked, **{"page[limit]": "2"}, **after)
        told = check(described, path, "get", page)
        assert told["meta"]["total"] == 3
        found += told["data"]
        cursor = told["meta"]["page"]["nextCursor"]
        if cursor is None:
            break
        after = {"page[after]": cursor}
    assert [each["employeeId"] for each in found] == ["101", "102", "103"]
    # fields that the list does not know are passed over, those that the key may not see are null
    assert not {"gender", "customGitLabUsername", "terminationDate"} & found[0].keys()
    assert [each["_restrictedFields"] for each in found] == [[], ["workEmail"], []]
    assert [each["workEmail"] for each in found] == ["ada@acme.example", None, None]
    assert [each["status"] for each in found] == ["Active", "Inactive", "Inactive"]
    for wrong in ({"page[limit]": "2501"}, {"page[after]": "7"}, {"page[after]": "x"}):
        refused = get(client, path, **wrong)
        assert refused.status_code == 400
        check(described, path, "get", refused)


def test_one_employee(described: Any, fake: BambooHRFake, client: httpx.Client) -> None:
    path = "v1/employees/{id}"
    fake.api.hidden.fields["gender"] = None
    asked = "firstName,gender,customGitLabUsername,customNone"
    told = check(described, path, "get", get(client, "v1/employees/102", fields=asked))
    assert told == {"id": "102", "firstName": "Ben", "customGitLabUsername": "ben"}
    fake.api.hidden.employees.add(102)
    for employee, status in (("102", 403), ("999", 404)):
        refused = get(client, f"v1/employees/{employee}")
        assert refused.status_code == status
        check(described, path, "get", refused)


def test_the_directory_has_active_employees_only(described: Any, client: httpx.Client) -> None:
    told = check(described, "v1/employees/directory", "get", get(client, "v1/employees/directory"))
    assert [each["displayName"] for each in told["employees"]] == ["Ada Moss"]


def test_fields(described: Any, client: httpx.Client) -> None:
    told = check(described, "v1/meta/fields", "get", get(client, "v1/meta/fields"))
    assert {"gender", "customGitLabUsername"} <= {each["alias"] for each in told}


def test_the_dataset_of_employees(described: Any, client: httpx.Client) -> None:
    path = "v1_2/datasets/{datasetName}/fields"
    fields = check(described, path, "get", get(client, "v1_2/datasets/employee/fields"))
    labels = {each["name"]: each["label"] for each in fields["fields"]}
    assert labels["customField4341"] == "GitLab Username"
    unknown = get(client, "v1_2/datasets/other/fields")
    assert unknown.status_code == 422
    check(described, path, "get", unknown)
    path = "v2/datasets/{datasetName}/data"
    asked = ["eeid", "customField4341", "gender"]
    found: list[Any] = []
    for number in (1, 2):
        content = {"fields": asked, "page": number, "pageSize": 2}
        page = client.post("v2/datasets/employee/data", json=content)
        told = check(described, path, "post", page)
        assert told["meta"] == {"page": number, "pageSize": 2, "totalPages": 2, "totalItems": 3}
        found += [row["fields"] for row in told["data"]]
    assert found[1] == {"eeid": "102", "customField4341": "ben", "gender": "Male"}
    assert [each["eeid"] for each in found] == ["101", "102", "103"]
    for wrong, status in (
        ({"fields": ["other"]}, 422),
        ({"fields": asked, "pageSize": 1001}, 422),
        ({}, 400),
    ):
        refused = client.post("v2/datasets/employee/data", json=wrong)
        assert refused.status_code == status
        check(described, path, "post", refused)
    other = client.post("v2/datasets/other/data", json={"fields": asked})
    assert other.status_code == 404
    check(described, path, "post", other)


@pytest.mark.parametrize("key", ["", "wrong", "demo-api-key-2"])
def test_other_keys_open_nothing(client: httpx.Client, key: str) -> None:
    address = f"{client.base_url}v1/employees"
    assert httpx.get(address, auth=(key, "x")).status_code == 401
    assert httpx.get(address, headers={"Authorization": f"Bearer{key}"}).status_code == 401
    assert httpx.get(address).status_code == 401


def test_without_accept_it_is_xml(client: httpx.Client) -> None:
    told = client.get("v1/employees/directory", headers={"Accept": "*/*"})
    assert told.headers["content-type"] == "application/xml"


def test_other_companies_and_paths_are_not_there(client: httpx.Client) -> None:
    root = str(client.base_url).partition("/api/")[0]
    assert client.get(f"{root}/api/gateway.php/other/v1/employees").status_code == 404
    assert client.get(f"{root}/api/v1/employees").status_code == 200
    assert client.get(f"{root}/v1/employees").status_code == 404
    assert client.get("v1/other").status_code == 404
    assert client.post("v1/employees").status_code == 404
