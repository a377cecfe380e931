"""The tables behind hiring and retention, and that there is none behind diversity."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from app.errors import InvalidValueError
from app.metrics import get_indicator
from app.metrics.answers import Evidence, OccurrenceRow
from app.metrics.indicator import Point, Reason
from dashboards import occurrences
from dashboards.asked import Asked
from tests.dashboards.made import NOW, months

KEPT = {"team": "checkout", "period": "2026-10", "variant": None, "kind": None}


def row(kind: str, **more: object) -> OccurrenceRow:
    empty = dict.fromkeys(
        ("person_id", "name", "reference", "team", "first_day", "last_day", "value")
    )
    return OccurrenceRow(kind=kind, **{**empty, **more})  # type: ignore[arg-type]


def evidence(key: str, rows: list[OccurrenceRow], **point: object) -> Evidence:
    indicator = get_indicator(key)
    [made] = months(90.0)[-1:]
    fields = {name: getattr(made, name) for name in Point.__dataclass_fields__}
    return Evidence(
        indicator=indicator,
        team="checkout",
        team_name="Checkout",
        period="2026-10",
        variant=None,
        point=Point(**{**fields, "partial": False, **point}),
        rows=(),
        left_out={},
        target=100.0,
        instant=NOW,
        kind=next(iter(indicator.evidence_kinds), None),
        occurrences=rows,
    )


def tables(
    made: Evidence, names: Mapping[str, str] = occurrences.NO_NAMES
) -> list[occurrences.Table]:
    shown = occurrences.context(made, KEPT, Asked(), (), names)["tables"]
    assert isinstance(shown, list)
    return shown


def test_one_table_for_each_kind_that_there_is_something_of() -> None:
    made = evidence(
        "hiring_vs_plan",
        [
            row("member", person_id="7", name="Ann <b>", first_day=date(2024, 1, 1)),
            row(
                "opening", reference="R1", team="checkout", first_day=date(2026, 10, 1), value=30.0
            ),
            row("plan", team="checkout", first_day=date(2026, 2, 1), value=12.0),
        ],
        value=100 / 12,
        numerator=1.0,
        denominator=12.0,
        n=1,
    )
    shown = tables(made)
    assert [(table.title, table.heads, table.rows, table.numeric) for table in shown] == [
        ("Members", ("Person", "Member since", "Until"), [["Ann <b>", "1 Jan 2024", "–"]], False),
        (
            "Open openings",
            ("Opening", "Opened", "Open, days"),
            [["R1, checkout", "1 Oct 2026", "30"]],
            True,
        ),
        (
            "Rows of the plan",
            ("Team", "From", "Planned people"),
            [["checkout", "1 Feb 2026", "12"]],
            True,
        ),
    ]
    assert shown[1].csv == (
        "/api/v1/indicators/hiring_vs_plan/evidence"
        "?team=checkout&period=2026-10&kind=opening&format=csv"
    )
    assert occurrences.headline(made) == "1 person behind 8%"
    assert occurrences.lede(made) == (
        "Hiring Actual vs Plan of Checkout, October 2026. 1 person of 12 planned."
    )


def test_nobody_left() -> None:
    made = evidence("retention", [], value=100.0, numerator=0.0, denominator=6.5, n=0)
    [table] = tables(made)
    assert (table.title, table.rows) == ("Leavers", [])
    assert occurrences.headline(made) == "0 leavers behind 100%"
    assert occurrences.lede(made).endswith("0 leavers, 6.5 people on average.")


def test_without_a_plan_there_is_no_value() -> None:
    made = evidence(
        "hiring_vs_plan",
        [row("member", person_id="7", name="Ann")],
        value=None,
        reason=Reason.NO_DATA,
        denominator=None,
    )
    assert occurrences.headline(made) == "1 person, no value"
    assert occurrences.lede(made) == "Hiring Actual vs Plan of Checkout, October 2026."


def test_shares_have_no_list() -> None:
    made = evidence("diversity", [], value=None)
    shown = occurrences.context(made, KEPT, Asked())
    assert (shown["headline"], shown["tables"]) == ("No list behind these shares", [])
    assert "No person is listed" in str(shown["note"])


def test_headline_is_not_rounded_across_the_target() -> None:
    made = evidence("hiring_vs_plan", [], value=99.8, numerator=499.0, denominator=500.0)
    assert occurrences.headline(made) == "0 people behind 100%"
    assert occurrences.headline(made, (100.0, 95.0)) == "0 people behind 99.8%"


def test_teams_are_named() -> None:
    made = evidence("hiring_vs_plan", [row("opening", reference="R1", team="checkout", value=3.0)])
    [_, openings] = tables(made, {"checkout": "Checkout"})
    assert openings.rows == [["R1, Checkout", "–", "3"]]


def test_long_lists_begin_on_the_page_and_go_on_at_an_address_of_their_own() -> None:
    people = [row("member", person_id=f"p{n:02d}", name=f"Person {n:02d}") for n in range(60)]
    leaver = row("leaver", person_id="x", name="Xu", last_day=date(2026, 10, 2))
    made = evidence("hiring_vs_plan", [*people, leaver], value=90.0, numerator=60.0)
    members, leavers = tables(made)
    assert (len(members.rows), members.count) == (occurrences.SHOWN, 60)
    address = "/indicators/hiring_vs_plan/evidence?team=checkout&period=2026-10&kind=member"
    assert (members.whole, leavers.whole) == (address, None)
    kept = KEPT | {"kind": "member"}
    first = occurrences.context(replace(made, kind="member"), kept, Asked())
    assert (first["range"], first["next"]) == ("1 to 50 of 60", f"{address}&page=2")
    asked = Asked(query={"page": "2"})
    second = occurrences.context(replace(made, kind="member"), kept, asked)
    assert second["tables"][0].rows[0][0] == "Person 50"  # type: ignore[index]
    assert (second["range"], second["previous"], second["next"]) == (
        "51 to 60 of 60",
        address,
        None,
    )
    # Whatever kind is listed, the number is that of the members.
    left = occurrences.context(replace(made, kind="leaver"), KEPT | {"kind": "leaver"}, Asked())
    assert left["headline"] == first["headline"] == "60 people behind 90%"
    with pytest.raises(InvalidValueError, match="there are 2"):
        occurrences.context(replace(made, kind="member"), kept, Asked(query={"page": "3"}))
