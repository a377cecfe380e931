"""Handbook updates: which projects and paths count, whose they are, and per how many people."""

from datetime import date

import pytest
from sqlalchemy import insert

from app.metrics import queries
from app.metrics.refresh import refresh
from app.settings import Settings
from app.store.tables import ChangedPath

from .conftest import Store

MARCH = date(2024, 3, 1)


@pytest.fixture
def settings() -> Settings:
    """Product scope is acme/product/**; the handbook is one project whole and one part of another."""
    return Settings.model_validate(
        {
            "reporting": {"history_start": "2024-01-01"},
            "gitlab": {
                "groups": ["acme"],
                "product_scope": ["acme/product/**"],
                "handbook": [
                    {"project": "acme/handbook"},
                    {"project": "acme/product/docs", "paths": ["handbook/**", "*.md"]},
                ],
            },
            "files": {"teams": "/nowhere/teams.yaml"},
        }
    )


def test_by_hand(store: Store, settings: Settings) -> None:
    store.team("red")
    for number, person in enumerate(("ann", "ben"), 1):
        store.person(person, number)
        store.member(person, "red", date(2024, 1, 1))
    store.account(8, "eve")
    store.account(9, "robo", bot=True)
    store.project(1, "acme/handbook")
    store.project(2, "acme/product/docs")
    store.project(3, "acme/product/api")
    merged = "2024-03-05 12:00"

    def merge(author: int, project: int, *paths: str) -> None:
        key = store.merge_request(author, "2024-03-01 12:00", project=project, merged=merged)
        for path in paths:
            store.session.execute(insert(ChangedPath).values(merge_request_id=key, path=path))

    merge(1, 1)  # out of product scope, and counts all the same
    merge(2, 2, "src/a.py", "handbook/teams/red.md")  # one path matches
    merge(2, 2, "readme.md", "handbook/x.md")  # two match, counts once
    merge(2, 2, "docs/readme.md")  # `*` does not cross a slash
    merge(2, 2)  # its paths are not read yet
    merge(1, 3)  # no handbook
    merge(8, 1)  # not of the team
    merge(9, 1)  # a bot's
    store.merge_request(1, "2024-03-01 12:00", project=1)  # not merged
    refresh(store.session, settings, store.collected("2024-04-20 12:00"))
    row = store.shown("handbook_update_rate", "red", MARCH)
    assert (row.value, row.n, row.numerator, row.denominator) == (1.5, 3, 3, 2)
    found = queries.evidence(
        store.session, settings, "handbook_update_rate", team="red", period="2024-03"
    )
    assert len(found.rows) == 3
    assert found.point.coverage == 0.75
    # What is out of scope for the product is not in the merge request rate.
    assert store.value("mr_rate", "red", MARCH, "narrow") == (2.5, 5)


def test_paths_that_are_read_later_restate(store: Store, settings: Settings) -> None:
    store.team("red")
    store.person("ann", 1)
    store.member("ann", "red", date(2024, 1, 1))
    store.project(2, "acme/product/docs")
    key = store.merge_request(1, "2024-03-01 12:00", project=2, merged="2024-03-05 12:00")
    refresh(store.session, settings, store.collected("2024-04-20 12:00"))
    assert store.value("handbook_update_rate", "red", MARCH) == (0, 0)
    store.session.execute(insert(ChangedPath).values(merge_request_id=key, path="a.md"))
    refresh(store.session, settings, store.collected("2024-04-21 12:00"))
    assert store.value("handbook_update_rate", "red", MARCH) == (1, 1)
