"""Each fault at each request of a small collection: what is stored after the next run is the same."""

from datetime import timedelta

import pytest

from tests.collectors.disturbed import kept, wrong_at_each_request
from tests.collectors.greenhouse.conftest import START, Lab

STORED = ("openings", "offers", "positions", "quarantined_records")


@pytest.mark.parametrize("following", [False, True], ids=["first", "following"])
def test_a_fault_at_each_request(lab: Lab, following: bool) -> None:
    world = lab.world
    job = world.add_job("Engineer", world.add_department("Backend", "backend"))
    first, _ = (world.open_opening(job, at=START + timedelta(minutes=n)) for n in range(2))
    if following:
        lab.collect()
    restore = kept(lab.engine, STORED)
    if following:
        lab.clock.pass_(days=2)
        world.close_opening(first, world.add_close_reason("Hired"), lab.clock())
        world.open_opening(job, at=lab.clock.pass_(hours=1))
        lab.clock.pass_(hours=1)

    def contents() -> object:
        return lab.openings(), lab.offers()

    assert wrong_at_each_request(lab.fake, restore, lab.collect, contents) == []
    assert len(lab.openings()) == (3 if following else 2)
