"""Every kind of work can be written into the queue, and read again in another process."""

import json
from datetime import UTC, datetime

from collectors.gitlab.changed_paths import ReadChangedPaths
from collectors.gitlab.collection import Found, Item, ProjectItem
from collectors.gitlab.counts import RepairCount
from collectors.gitlab.items import KINDS, read
from collectors.gitlab.lists import ReadProject
from collectors.gitlab.marked import ReadMarked
from collectors.gitlab.projects import SurveyedProject
from collectors.gitlab.reach import SettleProject
from collectors.gitlab.records import ProjectRecord
from collectors.gitlab.reread import Reread
from collectors.gitlab.scopes import Scope
from collectors.gitlab.windows import PlanWindows, ReadWindow
from collectors.known import KnownProject

GROUP = Scope("group", "acme", "gitlab.groups")
FOUND = Found(
    SurveyedProject(
        ProjectRecord(
            id=3, path="acme/b", name="b", web_url="https://git.test/acme/b", archived=True
        ),
        7,
    ),
    GROUP,
)
ITEMS: tuple[Item, ...] = (
    ReadProject(found=FOUND),
    PlanWindows(found=FOUND, size=250, former=("group:acme window:3 /",)),
    ReadWindow(found=FOUND, window="group:acme window:3 /"),
    Reread(found=FOUND, numbers={4: 17, 5: None}),
    RepairCount(found=FOUND, count=9, refused=frozenset({2, 8})),
    SettleProject(
        project=KnownProject(3, "acme/b", "https://git.test/acme/b", 7, unreachable=False),
        surveyed=(GROUP, Scope("project", "other/c")),
    ),
    ReadChangedPaths(found=FOUND, numbers=(1, 2)),
    ReadMarked(found=FOUND, marks={6: datetime(2026, 3, 2, 9, 30, 1, 250_000, tzinfo=UTC)}),
)


def test_every_kind_stands_in_the_list() -> None:
    # By their names: a class with slots is made twice.
    subclasses = (*Item.__subclasses__(), *ProjectItem.__subclasses__())
    names = {kind.__name__ for kind in subclasses} - {"ProjectItem"}
    assert names == {kind.__name__ for kind in KINDS}
    assert set(KINDS) == {type(item) for item in ITEMS}


def test_what_is_written_is_read_as_the_same() -> None:
    for item in ITEMS:
        handed = item.handed()
        assert read(handed.kind, json.loads(json.dumps(handed.fields))) == item
