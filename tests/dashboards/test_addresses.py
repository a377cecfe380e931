"""Addresses: nothing empty in them, nothing in a name that leaves its place, no script."""

import pytest

from app.errors import InvalidValueError
from dashboards import addresses
from dashboards.asked import Asked


def test_empty_parameters_are_left_out() -> None:
    assert addresses.overview(period=None, variant="") == "/"
    assert addresses.team("checkout", period="2026-10") == "/teams/checkout?period=2026-10"


def test_names_cannot_leave_their_place() -> None:
    assert addresses.team("a/../b?c#d") == "/teams/a%2F..%2Fb%3Fc%23d"
    assert addresses.evidence("x", team="a&b=c") == "/indicators/x/evidence?team=a%26b%3Dc"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//host/x", "", "E001"])
def test_only_web_addresses_are_followed(url: str) -> None:
    assert addresses.outside(url) is None
    assert addresses.outside("https://gitlab.example/a") == "https://gitlab.example/a"


def test_merge_request_has_a_short_name() -> None:
    url = "https://gitlab.example/acme/shop/web/-/merge_requests/12"
    assert addresses.reference(url) == "acme/shop/web!12"
    assert addresses.reference(f"{url}#note_7") == "acme/shop/web!12"
    assert addresses.reference("contractor-lowe") == "contractor-lowe"


@pytest.mark.parametrize("page", ["0", "-1", "4", "two", "1e1", "9" * 30])
def test_page_that_does_not_exist_is_named(page: str) -> None:
    with pytest.raises(InvalidValueError, match="there are 3") as caught:
        Asked(query={"page": page}).page_number(3)
    assert caught.value.field == "page"
    assert Asked(query={"page": "3"}).page_number(3) == 3
    assert Asked().page_number(0) == 1


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ([("perod", "2026-10")], "perod", r"no parameter 'perod'\."),
        ([("period", "2026-10"), ("period", "")], "period", "'period' is given more than once"),
    ],
)
def test_parameter_that_cannot_be_meant_is_refused(
    query: list[tuple[str, str]], field: str, words: str
) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        Asked.of({}, query, ("period", "variant"))
    assert caught.value.field == field
    asked = Asked.of({"key": 7}, [("period", "2026-10"), ("variant", "")], ("period", "variant"))
    assert (asked.path, asked.get("period"), asked.get("variant")) == (
        {"key": "7"},
        "2026-10",
        None,
    )


def test_value_outside_a_list_is_answered_with_the_list() -> None:
    with pytest.raises(InvalidValueError, match=r"grain 'hour' is none of day, week\."):
        Asked(query={"grain": "hour"}).one_of("grain", {"day": 0, "week": 0}, "week")
    assert Asked(query={"grain": ""}).one_of("grain", {"day": 0, "week": 0}, "week") == "week"
