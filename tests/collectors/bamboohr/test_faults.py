"""Each fault at each request of a small collection: what is stored after the next run is the same."""

import pytest

from tests.collectors.disturbed import kept, wrong_at_each_request

from .conftest import Lab, day

STORED = ("people", "identities", "employment", "memberships", "positions", "quarantined_records")


@pytest.mark.parametrize("following", [False, True], ids=["first", "following"])
def test_a_fault_at_each_request(lab: Lab, following: bool) -> None:
    ada = lab.hire(1, "Ada Moss", "2020-01-01", gender="Female")
    lab.hire(2, "Ben Vale", "2021-01-01", reports_to=ada, customGitLabUsername="ben")
    if following:
        lab.collect()
    restore = kept(lab.engine, STORED)
    if following:
        lab.clock.now()
        cleo = lab.hire(3, "Cleo Fern", "2021-01-01", "Frontend")
        lab.company.terminate(cleo, day("2024-05-31"))

    def contents() -> list[object]:
        return [lab.rows(f"SELECT t::text FROM {name} t ORDER BY 1") for name in STORED[:4]]

    assert wrong_at_each_request(lab.fake, restore, lab.collect, contents) == []
