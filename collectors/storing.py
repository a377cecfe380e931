"""Stores a batch: COPY into staging tables, then set-based statements that write only what differs.

Nothing here commits; `runner` does, together with the run's counters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.engine import copy_rows
from app.store.tables import Base
from collectors.pseudonyms import Pseudonyms
from collectors.record import Batch, Complete, Reached, Record, Refused, Served

ORDER = {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}
"""Place of each table when parents come before children."""


@dataclass(slots=True)
class Stored:
    """How many rows a batch made, changed and deleted."""

    read: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    quarantined: int = 0

    def plus(self, other: "Stored") -> "Stored":
        """The sum of both."""
        both = replace(self)
        both.add(other)
        return both

    def add(self, other: "Stored") -> None:
        """Adds another batch's numbers to this."""
        self.read += other.read
        self.new += other.new
        self.changed += other.changed
        self.deleted += other.deleted
        self.quarantined += other.quarantined


def store(session: Session, source: str, batch: Batch, now: datetime, *, kept: str) -> Stored:
    """Stores a batch in the session's transaction. now: when vanished records were noticed.

    kept: the declared attribute that stays of people who were forgotten; of them nothing else is
    stored but what tells the numbers, see `pseudonyms`.
    """
    pseudonyms = Pseudonyms(session, batch, kept)
    batch = pseudonyms.batch
    stored = Stored(read=len(batch.records), quarantined=len(batch.refused))
    staged = _staged(session, batch)
    for kind in sorted(staged, key=lambda kind: (ORDER[_table(kind)], kind.known_rows_only)):
        table = staged[kind]
        if table.rows:
            stored.changed += table.update(session)
            if not kind.known_rows_only:
                stored.new += table.insert(session)
    for complete in sorted(
        batch.complete, key=lambda complete: ORDER[_table(complete.record)], reverse=True
    ):
        spared = pseudonyms.spared(_table(complete.record))
        stored.deleted += staged[complete.record].remove_rest(session, complete, now, spared)
    _store_positions(session, source, batch.reached, batch.forget)
    _store_quarantine(session, source, batch.refused, batch.accepted, now)
    _take_marks(session, source, batch.served)
    return stored


def _table(kind: type[Record]) -> str:
    name: str = kind.table.__tablename__
    return name


def _staged(session: Session, batch: Batch) -> "dict[type[Record], _Staging]":
    kinds: dict[type[Record], dict[tuple[Any, ...], Record]] = {
        complete.record: {} for complete in batch.complete
    }
    identities = {kind: kind.identity() for kind in kinds}
    for record in batch.records:
        kind = type(record)
        if kind not in identities:
            identities[kind] = kind.identity()
        key = tuple(getattr(record, name) for name in identities[kind])
        kinds.setdefault(kind, {})[key] = record
    staged = {}
    for place, (kind, records) in enumerate(kinds.items()):
        staging = _Staging(kind, f"staging_{place}_{_table(kind)}", len(records))
        staging.fill(session, records.values())
        staged[kind] = staging
    return staged


@dataclass(frozen=True, slots=True)
class _Staging:
    """A temporary table with the records of one kind, and the statements that bring them over.

    All names in its SQL are our own tables and columns; no text of a source is among them.
    """

    kind: type[Record]
    name: str
    rows: int
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", self.kind.columns())

    def fill(self, session: Session, records: Iterable[Record]) -> None:
        """Makes the temporary table, which vanishes with the transaction, and copies the records in."""
        columns = ", ".join(self.columns)
        session.execute(
            text(
                f"CREATE TEMP TABLE {self.name} ON COMMIT DROP AS"  # noqa: S608 - names of our own tables and columns
                f" SELECT {columns} FROM {_table(self.kind)} WITH NO DATA"
            )
        )
        copy_rows(
            session,
            self.name,
            self.columns,
            ([_adapted(getattr(record, name)) for name in self.columns] for record in records),
        )

    def _same_row(self) -> str:
        return " AND ".join(f"t.{name} = s.{name}" for name in self.kind.identity())

    def _assignments(self) -> tuple[list[str], list[str]]:
        """(columns to write, what is written); a row that is there again is no longer retired."""
        names = [name for name in self.columns if name not in self.kind.identity()]
        values = [f"s.{name}" for name in names]
        retires = self.kind.retires
        if retires is not None and retires not in names:
            names.append(retires)
            values.append("NULL::timestamptz")
        return names, values

    def update(self, session: Session) -> int:
        """Writes the rows that are there and differ; returns how many."""
        names, values = self._assignments()
        if not names:
            return 0
        assignments = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
        decisive = [name for name in names if name in self.kind.decisive]
        if decisive:
            before = ", ".join(f"t.{name}" for name in decisive)
            after = ", ".join(values[names.index(name)] for name in decisive)
            assignments.append(f"dirty = t.dirty OR ROW({before}) IS DISTINCT FROM ROW({after})")
        return self._counted(
            session,
            f"UPDATE {_table(self.kind)} t SET {', '.join(assignments)} FROM {self.name} s"  # noqa: S608 - names of our own tables and columns
            f" WHERE {self._same_row()} AND ROW({', '.join(f't.{name}' for name in names)})"
            f" IS DISTINCT FROM ROW({', '.join(values)})",
        )

    def insert(self, session: Session) -> int:
        """Writes the rows that are not there; returns how many."""
        columns = ", ".join(self.columns)
        return self._counted(
            session,
            f"INSERT INTO {_table(self.kind)} AS t ({columns}) SELECT {columns} FROM {self.name} s"  # noqa: S608 - names of our own tables and columns
            f" WHERE NOT EXISTS (SELECT 1 FROM {_table(self.kind)} t WHERE {self._same_row()})"
            " ON CONFLICT DO NOTHING",
        )

    def remove_rest(
        self, session: Session, complete: Complete, now: datetime, people: Sequence[str]
    ) -> int:
        """Deletes or retires the rows of the complete part that are not staged; returns how many.

        people: person_ids whose rows stay.
        """
        conditions = [
            f"NOT EXISTS (SELECT 1 FROM {self.name} s WHERE {self._same_row()})"  # noqa: S608 - names of our own tables and columns
        ]
        parameters: dict[str, Any] = {}
        if complete.column is not None:
            conditions.append(f"t.{complete.column} = ANY(:part)")
            parameters["part"] = list(complete.values)
        if complete.spare:
            (key,) = self.kind.identity()
            conditions.append(f"t.{key} <> ALL(:spare)")
            parameters["spare"] = list(complete.spare)
        if people:
            conditions.append("t.person_id <> ALL(:people)")
            parameters["people"] = list(people)
        retires = self.kind.retires
        if retires is None:
            removal = f"DELETE FROM {_table(self.kind)} t WHERE"  # noqa: S608 - names of our own tables and columns
        else:
            removal = (
                f"UPDATE {_table(self.kind)} t SET {retires} = :now WHERE t.{retires} IS NULL AND"  # noqa: S608 - names of our own tables and columns
            )
            parameters["now"] = now
        return self._counted(session, f"{removal} {' AND '.join(conditions)}", **parameters)

    def _counted(self, session: Session, statement: str, **parameters: Any) -> int:
        """Runs a statement and returns how many rows it wrote."""
        counted = f"WITH written AS ({statement} RETURNING 1) SELECT count(*) FROM written"  # noqa: S608 - names of our own tables and columns
        return int(session.execute(text(counted), parameters).scalar_one())


def _adapted(value: Any) -> Any:
    """A value as COPY takes it."""
    if isinstance(value, dict):
        return Jsonb(value)
    return list(value) if isinstance(value, tuple) else value


def _store_positions(
    session: Session, source: str, reached: Sequence[Reached], forget: Sequence[str]
) -> None:
    if forget:
        session.execute(
            text("DELETE FROM positions WHERE source = :source AND scope = ANY(:scopes)"),
            {"source": source, "scopes": list(forget)},
        )
    for each in reached:
        session.execute(
            text(
                """
                INSERT INTO positions AS p (source, scope, through, complete)
                SELECT :source, :scope, CAST(:through AS timestamptz), CAST(:complete AS boolean)
                WHERE NOT EXISTS (
                    SELECT 1 FROM positions o WHERE o.source = :source AND o.scope = :scope
                    AND (o.complete OR NOT :complete)
                    AND (CAST(:through AS timestamptz) IS NULL OR o.through >= :through))
                ON CONFLICT (source, scope) DO UPDATE SET
                    through = greatest(p.through, excluded.through),
                    complete = p.complete OR excluded.complete
                """
            ),
            {
                "source": source,
                "scope": each.scope,
                "through": each.through,
                "complete": each.complete,
            },
        )


def _take_marks(session: Session, source: str, served: Sequence[Served]) -> None:
    for each in served:
        session.execute(
            text(
                "DELETE FROM marks WHERE source = :source AND project_id = :project_id"
                " AND iid = :iid AND seen_at <= :seen_at"
            ),
            {"source": source, **asdict(each)},
        )


def _store_quarantine(
    session: Session,
    source: str,
    refused: Sequence[Refused],
    accepted: Sequence[str],
    now: datetime,
) -> None:
    if accepted:
        session.execute(
            text(
                "DELETE FROM quarantined_records WHERE source = :source AND address = ANY(:addresses)"
            ),
            {"source": source, "addresses": list(accepted)},
        )
    for each in refused:
        session.execute(
            text(
                """
                INSERT INTO quarantined_records AS q (source, address, kind, reason, seen_at)
                SELECT :source, :address, :kind, :reason, :now
                WHERE NOT EXISTS (
                    SELECT 1 FROM quarantined_records o
                    WHERE o.source = :source AND o.address = :address
                    AND o.kind = :kind AND o.reason = :reason)
                ON CONFLICT (source, address) DO UPDATE SET
                    kind = excluded.kind, reason = excluded.reason, seen_at = excluded.seen_at
                """
            ),
            {
                "source": source,
                "address": each.address,
                "kind": each.kind,
                "reason": each.reason,
                "now": now,
            },
        )
