"""The kinds of work that any process can do, in one list, and how they are written into the queue."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from collectors.gitlab.changed_paths import ReadChangedPaths
from collectors.gitlab.collection import Item
from collectors.gitlab.counts import RepairCount
from collectors.gitlab.lists import ReadProject
from collectors.gitlab.marked import ReadMarked
from collectors.gitlab.reach import SettleProject
from collectors.gitlab.reread import Reread
from collectors.gitlab.windows import PlanWindows, ReadWindow

KINDS: tuple[type[Item], ...] = (
    ReadProject,
    PlanWindows,
    ReadWindow,
    Reread,
    RepairCount,
    SettleProject,
    ReadChangedPaths,
    ReadMarked,
)
"""Every kind of work, in the order in which a run comes to them."""

_ADAPTERS: dict[str, TypeAdapter[Item]] = {kind.__name__: TypeAdapter(kind) for kind in KINDS}


def read(kind: str, fields: Mapping[str, Any]) -> Item:
    """The item that `Item.handed` wrote. Raises KeyError and ValueError for what this program does
    not know: another version of it wrote that."""
    return _ADAPTERS[kind].validate_python(dict(fields))
