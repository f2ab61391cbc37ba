# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and targets: whole fleets at a time, in the order of the plan."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..errors import LedgerError
from . import tables
from .approvals import void_approvals
from .records import OUTCOMES, NewCheckpoint, NewTarget, Outcome, Target
from .runs import checkpoint_fields, get_checkpoint, get_run, insert_checkpoints, set_run
from .states import FINISHED
from .store import Store, Writing

_BATCH: Final = 1_000
"""Rows written in one statement, or read in one transaction: a reader that takes its time blocks nobody."""
_BLOB_BATCH: Final = 200

_TARGET = [column for column in tables.targets.c if column.name != "position"]
_Names = dict[str, dict[str, list[str]]]


class Targets(Store):
    def set_plan(
        self, run_id: str, *, digest: str, checkpoints: Sequence[NewCheckpoint], targets: Iterable[NewTarget]
    ) -> None:
        """Store the plan of a run in one transaction and make the run ``planned``.

        Allowed until the first checkpoint starts; a plan made again replaces the one before and voids its approvals.
        """
        with self._write() as write:
            run = get_run(write.connection, run_id)
            if run.state not in {"planning", "planned"}:
                raise LedgerError(f"Run {run_id} is {run.state}: its plan is fixed. Abandon it to plan anew.")
            for table in (tables.targets, tables.blobs, tables.checkpoints):
                write.connection.execute(delete(table).where(table.c.run_id == run_id))
            _insert_plan_checkpoints(write, run_id, checkpoints)
            void_approvals(write, run_id, reason="a new plan was made")
            names = _insert_targets(write, run_id, targets, {checkpoint.name for checkpoint in checkpoints}, first=0)
            if write.connection.dialect.name == "postgresql":
                # Without fresh statistics, recording outcomes is four times slower until autovacuum comes by.
                write.connection.exec_driver_sql("ANALYZE targets")
            set_run(write, run, state="planned", digest=digest)
            write.event(
                run_id,
                "plan.set",
                {
                    "from": run.state,
                    "set": {"digest": digest, "state": "planned"},
                    "checkpoints": {new.name: checkpoint_fields(new, at) for at, new in enumerate(checkpoints)},
                    "targets": names,
                },
            )

    def add_targets(self, run_id: str, checkpoint: str, names: Collection[str]) -> list[str]:
        """Add pending targets to a checkpoint of a run that goes without a plan; return those that are new."""
        with self._write() as write:
            if (state := get_run(write.connection, run_id).state) in FINISHED:
                raise LedgerError(f"Run {run_id} is {state}: it gets no further targets.")
            get_checkpoint(write.connection, run_id, checkpoint)
            mine = (tables.targets.c.run_id == run_id, tables.targets.c.checkpoint == checkpoint)
            known = set(write.connection.execute(select(tables.targets.c.name).where(*mine)).scalars())
            new = [name for name in dict.fromkeys(names) if name not in known]
            if new:
                last = select(func.coalesce(func.max(tables.targets.c.position), -1) + 1)
                first = write.connection.execute(last.where(tables.targets.c.run_id == run_id)).scalar_one()
                rows = (NewTarget(checkpoint=checkpoint, name=name) for name in new)
                added = _insert_targets(write, run_id, rows, {checkpoint}, first=first)
                write.event(run_id, "targets.added", {"targets": added})
            return new

    def targets(
        self, run_id: str, *, checkpoint: str | None = None, outcomes: Collection[str] | None = None
    ) -> Iterator[Target]:
        """Yield the targets of a run in the order of the plan."""
        wanted: list[ColumnElement[bool]] = [tables.targets.c.run_id == run_id]
        if checkpoint is not None:
            wanted.append(tables.targets.c.checkpoint == checkpoint)
        if outcomes is not None:
            wanted.append(tables.targets.c.outcome.in_(list(outcomes)))
        ordered = select(tables.targets.c.position, *_TARGET).where(*wanted).order_by(tables.targets.c.position)
        last = -1
        while True:
            with self._read() as connection:
                rows = connection.execute(ordered.where(tables.targets.c.position > last).limit(_BATCH)).all()
            for row in rows:
                yield Target(*row[1:])
            if len(rows) < _BATCH:
                return
            last = rows[-1].position

    def record_outcomes(self, run_id: str, checkpoint: str, rows: Sequence[Outcome]) -> None:
        """Record what became of some targets of a checkpoint: one transaction, one event."""
        if not rows:
            return
        _check_outcomes(run_id, checkpoint, [(row.name, row.outcome) for row in rows])
        with self._write() as write:
            _update_outcomes(write, run_id, checkpoint, rows)
            _put_blobs(write.connection, run_id, ((row.name, row.blobs) for row in rows))
            names = defaultdict(list)
            for row in rows:
                names[row.outcome].append(row.name)
            counts = {outcome: len(of) for outcome, of in names.items()}
            write.event(run_id, "targets.moved", {"checkpoint": checkpoint, "counts": counts, "targets": dict(names)})

    def blobs(self, run_id: str, kind: str, names: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield name and sealed artefact, by name; of all targets that have one, or of ``names``."""
        mine = (tables.blobs.c.run_id == run_id, tables.blobs.c.kind == kind)
        ordered = select(tables.blobs.c.name, tables.blobs.c.blob).where(*mine).order_by(tables.blobs.c.name)
        if names is not None:
            unique = sorted(set(names))
            for start in range(0, len(unique), _BLOB_BATCH):
                batch = unique[start : start + _BLOB_BATCH]
                with self._read() as connection:
                    rows = connection.execute(ordered.where(tables.blobs.c.name.in_(batch))).all()
                yield from ((row.name, bytes(row.blob)) for row in rows)
            return
        page = ordered.limit(_BLOB_BATCH)
        while True:
            with self._read() as connection:
                rows = connection.execute(page).all()
            yield from ((row.name, bytes(row.blob)) for row in rows)
            if len(rows) < _BLOB_BATCH:
                return
            page = ordered.where(tables.blobs.c.name > rows[-1].name).limit(_BLOB_BATCH)

    def counts(self, run_id: str) -> dict[str, dict[str, int]]:
        """Return how many targets of each checkpoint have each outcome, checkpoints in order."""
        with self._read() as connection:
            counted: dict[str, dict[str, int]] = {}
            checkpoints = tables.checkpoints
            ordered = select(checkpoints.c.name).where(checkpoints.c.run_id == run_id).order_by(checkpoints.c.position)
            for name in connection.execute(ordered).scalars():
                counted[name] = {}
            columns = (tables.targets.c.checkpoint, tables.targets.c.outcome)
            grouped = select(*columns, func.count()).where(tables.targets.c.run_id == run_id).group_by(*columns)
            for checkpoint, outcome, count in connection.execute(grouped):
                counted.setdefault(checkpoint, {})[outcome] = count
            return counted


def _insert_plan_checkpoints(write: Writing, run_id: str, checkpoints: Sequence[NewCheckpoint]) -> None:
    names = [checkpoint.name for checkpoint in checkpoints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LedgerError(f"The plan of run {run_id} names checkpoint {twice[0]!r} twice.")
    insert_checkpoints(write, run_id, list(checkpoints))


def _insert_targets(
    write: Writing, run_id: str, targets: Iterable[NewTarget], checkpoints: Collection[str], *, first: int
) -> _Names:
    """Insert the targets as they come and return their names by checkpoint and outcome."""
    names: _Names = {}
    seen: set[tuple[str, str]] = set()
    rows: list[dict[str, Any]] = []
    artefacts: list[tuple[str, Mapping[str, bytes]]] = []

    def flush() -> None:
        if rows:
            write.connection.execute(insert(tables.targets), rows)
        _put_blobs(write.connection, run_id, artefacts)
        rows.clear()
        artefacts.clear()

    for position, target in enumerate(targets, first):
        if target.checkpoint not in checkpoints:
            raise LedgerError(
                f"Target {target.name} is planned for checkpoint {target.checkpoint!r}, which is not there."
            )
        if (target.checkpoint, target.name) in seen:
            raise LedgerError(f"Target {target.name} is planned twice for checkpoint {target.checkpoint}.")
        if target.outcome not in OUTCOMES:
            raise LedgerError(_no_outcome(target.name, target.outcome))
        seen.add((target.checkpoint, target.name))
        names.setdefault(target.checkpoint, {}).setdefault(target.outcome, []).append(target.name)
        rows.append(
            {
                "run_id": run_id,
                "checkpoint": target.checkpoint,
                "name": target.name,
                "position": position,
                "outcome": target.outcome,
                "detail": dict(target.detail),
            }
        )
        if target.blobs:
            artefacts.append((target.name, target.blobs))
        if len(rows) >= _BATCH:
            flush()
    flush()
    return names


def _check_outcomes(run_id: str, checkpoint: str, rows: Sequence[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, outcome in rows:
        if outcome not in OUTCOMES:
            raise LedgerError(_no_outcome(name, outcome))
        if name in seen:
            raise LedgerError(f"Target {name} of run {run_id}, checkpoint {checkpoint}, has two outcomes in one batch.")
        seen.add(name)


def _update_outcomes(write: Writing, run_id: str, checkpoint: str, rows: Sequence[Outcome]) -> None:
    table = tables.targets
    one = (table.c.run_id == run_id, table.c.checkpoint == checkpoint, table.c.name == bindparam("of_name"))
    known = set(
        write.connection.execute(
            select(table.c.name).where(
                table.c.run_id == run_id, table.c.checkpoint == checkpoint, table.c.name.in_([row.name for row in rows])
            )
        ).scalars()
        if len(rows) <= _BATCH
        else write.connection.execute(
            select(table.c.name).where(table.c.run_id == run_id, table.c.checkpoint == checkpoint)
        ).scalars()
    )
    unknown = [row.name for row in rows if row.name not in known]
    if unknown:
        raise LedgerError(f"Run {run_id}, checkpoint {checkpoint}, has no target {unknown[0]} ({len(unknown)} in all).")
    plain = [{"of_name": row.name, "to": row.outcome} for row in rows if not row.detail]
    detailed = [{"of_name": row.name, "to": row.outcome, "new": dict(row.detail)} for row in rows if row.detail]
    if plain:
        # Without new detail, what the plan recorded stays.
        write.connection.execute(update(table).where(*one).values(outcome=bindparam("to")), plain)
    if detailed:
        both = update(table).where(*one).values(outcome=bindparam("to"), detail=bindparam("new"))
        write.connection.execute(both, detailed)


def _put_blobs(connection: Connection, run_id: str, artefacts: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    rows = [
        {"run_id": run_id, "kind": kind, "name": name, "blob": blob}
        for name, kinds in artefacts
        for kind, blob in kinds.items()
    ]
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    put = dialect.insert(tables.blobs)
    key = ["run_id", "kind", "name"]
    connection.execute(put.on_conflict_do_update(index_elements=key, set_={"blob": put.excluded.blob}), rows)


def _no_outcome(name: str, outcome: str) -> str:
    return f"Target {name}: there is no outcome {outcome!r}; there are {', '.join(OUTCOMES)}."
