"""A project that was renamed: the addresses of its merge requests, wherever a run ends."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from collectors import known
from demo.gitlab import MergeRequest
from tests.collectors.gitlab.conftest import Lab, visible


def two(lab: Lab) -> list[MergeRequest]:
    """Two merge requests in acme/app."""
    app, ada = lab.world.project("acme/app"), lab.world.user("ada")
    return [
        lab.world.add_merge_request(app, ada, title, lab.clock.pass_(hours=1))
        for title in ("One", "Two")
    ]


@pytest.mark.parametrize("requests", [1, 2, None])
def test_every_address_is_new_wherever_the_run_ended(
    lab: Lab, other_engine: Callable[[], Engine], requests: int | None
) -> None:
    _, newer = two(lab)
    lab.collect()
    lab.world.rename_project(lab.world.project("acme/app"), "application")
    lab.world.comment(newer, lab.world.user("ben"), "Why?", lab.clock.pass_(hours=1))
    lab.fake.tokens[lab.fake.token].requests_left = requests
    lab.collect()
    lab.fake.tokens[lab.fake.token].requests_left = None
    assert lab.collect().outcome == "done"
    addresses = [address for (address,) in lab.rows("SELECT web_url FROM merge_requests")]
    assert len(addresses) == 2
    assert all("/acme/application/-/" in address for address in addresses)
    fresh = other_engine()
    lab.collect(engine=fresh)
    assert visible(lab.engine) == visible(fresh)


def test_they_are_told_in_portions(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "PORTION", 1)
    two(lab)
    lab.collect()
    [(project,)] = lab.rows("SELECT id FROM projects WHERE path = 'acme/app'")
    portions = list(known.Known(lab.engine, "gitlab").merge_requests_of(project))
    assert [len(each) for each in portions] == [1, 1]
    assert [*known.Known(lab.engine, "gitlab").merge_requests_of(-1)] == []
    lab.world.rename_project(lab.world.project("acme/app"), "application")
    assert lab.collect().rows_changed == 3  # both addresses, and the project's own
