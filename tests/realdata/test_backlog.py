"""ParaView with far more open than it ever had, and everything read and computed anew in the end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.metrics.refresh import refresh
from app.store.engine import sessions
from demo.history import END, load
from tests.conftest import require_shared
from tests.realdata.conftest import NewDatabase, site
from tests.realdata.plain import read_histories

pytestmark = pytest.mark.timeout(600)

BEFORE = datetime(2026, 5, 31, 15, tzinfo=UTC)
LATER = datetime(2026, 8, 25, 9, 30, tzinfo=UTC)
MERGED_UNTIL = datetime(2025, 3, 1, tzinfo=UTC)
"""The last merge: what was merged later stays open."""


def test_a_backlog_costs_one_request_per_hundred_that_are_open(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    path = require_shared("data", "mr-history", "paraview.csv.gz")
    history = load([path], areas=3, until=BEFORE, merge_until=MERGED_UNTIL)
    history.write_files(tmp_path)
    opened = sum(
        row.created_at <= BEFORE and row.merged_at > MERGED_UNTIL for row in read_histories([path])
    )
    with site(
        history.world, new_database(), history.groups, tmp_path, history_start="2024-01-01"
    ) as it:
        it.collect(BEFORE)
        before = it.stamps()

        again = it.collect(BEFORE + timedelta(hours=1))

        assert it.rows("SELECT count(*) FROM merge_requests WHERE state = 'opened'") == [(opened,)]
        assert opened > 500
        assert len(again.requests) <= 2 + opened // 100
        assert it.stamps() == before
        assert (again.refresh.written.new, again.refresh.written.restated) == (0, 0)

        history.advance(END, merge_until=MERGED_UNTIL)
        later = it.collect(LATER)
        before = it.stamps()
        full = it.collect(LATER, full=True)
        with sessions(it.engine).begin() as session:
            everything = refresh(session, it.settings, datetime.now(UTC), everything=True)

        assert later.gitlab.rows_new > 100
        assert full.gitlab.rows_read > 20_000
        counts = (full.gitlab.rows_new, full.gitlab.rows_changed, full.gitlab.rows_deleted)
        assert counts == (0, 0, 0)
        assert (full.refresh.written.total, everything.written.total) == (0, 0)
        assert it.stamps() == before
