"""Shares and their values as bytes, for another process of the same release to compute and to send back.

Nothing in them is ever executed: numbers as numpy writes them, and JSON.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from app.metrics.calendar import Clock
from app.metrics.daily import DailyValues
from app.metrics.indicator import Computed, Reason, Value
from app.metrics.shares import Share
from app.metrics.stale import StalePeriods
from app.metrics.work_columns import Attribution, Presence, WorkColumns
from app.metrics.workset import Workset

COLUMNS = (
    ("work", WorkColumns),
    ("handbook", WorkColumns),
    ("attribution", Attribution),
    ("presence", Presence),
)
"""The fields of a workset that consist of columns, with what each is."""
OWNED = ("project", "team")
MATRICES = ("chosen", "n", "value", "p25", "p75", "p95")
HEAD = "head"
"""The array that holds the JSON."""


def pack(share: Share) -> bytes:
    """A share without what belongs to all teams alone: who computes merge requests does not read it."""
    workset = share.workset
    head = {
        "zone": workset.clock.zone.key,
        "data_through": workset.clock.data_through,
        "history_start": workset.history_start,
        "team_ids": list(workset.team_ids),
        "root_id": workset.root_id,
        "periods": {key: list(stale.periods) for key, stale in share.stale.items()},
    }
    teams = frozenset(workset.team_ids)
    owned = [
        (project, team)
        for project, owners in workset.owners.items()
        for team in sorted(owners & teams)
    ]
    arrays: dict[str, Any] = {
        f"{name}.{each.name}": getattr(getattr(workset, name), each.name)
        for name, kind in COLUMNS
        for each in fields(kind)
    }
    arrays |= {f"why.{key}": stale.why for key, stale in share.stale.items()}
    arrays["owners"] = np.array(owned, np.int64).reshape(-1, len(OWNED))
    return _written(head, arrays)


def unpack(content: bytes) -> Share:
    """What `pack` wrote."""
    head, arrays = _read(content)
    team_ids = head["team_ids"]
    owners: dict[int, frozenset[int]] = {}
    for project, team in arrays["owners"].tolist():
        owners[project] = owners.get(project, frozenset()) | {team}
    columns: dict[str, Any] = {
        name: kind(**{each.name: arrays[f"{name}.{each.name}"] for each in fields(kind)})
        for name, kind in COLUMNS
    }
    return Share(
        Workset(
            clock=Clock(ZoneInfo(head["zone"]), datetime.fromisoformat(head["data_through"])),
            history_start=date.fromisoformat(head["history_start"]),
            team_ids=team_ids,
            root_id=head["root_id"],
            owners=owners,
            **columns,
        ),
        {
            key: StalePeriods(team_ids, _days(periods), arrays[f"why.{key}"])
            for key, periods in head["periods"].items()
        },
    )


def pack_values(outcome: Iterable[tuple[str, Computed]]) -> bytes:
    """The values of a share, in the order in which they come. Coverage is counted where all is known."""
    parts: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for key, computed in outcome:
        assert not computed.coverage, "of the organisation's share alone, which stays where it is"
        for variant, values in computed.values.items():
            part: dict[str, Any] = {"key": key, "variant": variant}
            if isinstance(values, DailyValues):
                part |= {"team_ids": list(values.team_ids), "days": list(values.days)}
                arrays |= {f"{len(parts)}.{name}": getattr(values, name) for name in MATRICES}
            else:
                part["values"] = list(map(tuple, values))
            parts.append(part)
    return _written({"parts": parts}, arrays)


def unpack_values(content: bytes) -> Iterator[tuple[str, Computed]]:
    """What `pack_values` wrote, one variant of an indicator after the other."""
    head, arrays = _read(content)
    for number, part in enumerate(head["parts"]):
        values: Iterable[Value]
        if "days" in part:
            matrices = {name: arrays[f"{number}.{name}"] for name in MATRICES}
            values = DailyValues(part["team_ids"], _days(part["days"]), **matrices)
        else:
            values = map(_value, part["values"])
        yield part["key"], Computed(values={part["variant"]: values}, coverage=())


def _value(written: Sequence[Any]) -> Value:
    value = Value(*written)
    return value._replace(
        period=date.fromisoformat(written[Value._fields.index("period")]),
        reason=None if value.reason is None else Reason(value.reason),
    )


def _days(written: Iterable[str]) -> list[date]:
    return [date.fromisoformat(each) for each in written]


def _written(head: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    buffer = BytesIO()
    everything: dict[str, Any] = {HEAD: np.frombuffer(orjson.dumps(head), np.uint8), **arrays}
    np.savez(buffer, **everything)
    return buffer.getvalue()


def _read(content: bytes) -> tuple[Any, Mapping[str, Any]]:
    with np.load(BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return orjson.loads(arrays.pop(HEAD).tobytes()), arrays
