# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs and their checkpoints."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, update

from ..errors import LedgerError
from . import claims, tables
from .chain import fingerprint
from .records import Checkpoint, CheckpointState, NewCheckpoint, Run, RunState, new_id
from .states import CHECKPOINT_STATES, ENDED, FINISHED, RUN_STATES, check_move
from .store import Store, Writing

_RUN = [column for column in tables.runs.c if column.name != "number"]
_CHECKPOINT = [column for column in tables.checkpoints.c if column.name != "closed"]


class Runs(Store):
    def create_run(
        self,
        *,
        name: str,
        kind: str,
        requester: str,
        definition: Mapping[str, Any],
        devices: Mapping[str, str] | None = None,
    ) -> Run:
        """Record a new run in state ``planning``. A name has one unfinished run at a time.

        The run holds ``devices`` (addresses by name), see ``claims``; ``DevicesHeld`` where another one does. A
        definition with ``follows`` names a run whose devices in doubt this one may have.
        """
        for option, value in {"name": name, "kind": kind, "requester": requester}.items():
            if not value.strip() or not value.isprintable():
                raise LedgerError(f"A run needs a {option} of printable characters.")
        with self._write() as write:
            unfinished = write.connection.execute(_unfinished(name)).first()
            if unfinished is not None:
                raise LedgerError(
                    f"Run {unfinished.id} of {name} is {unfinished.state}: resume it, or abandon it first."
                )
            digest = fingerprint(definition)
            run = Run(
                id=new_id("r"),
                name=name,
                kind=kind,
                state="planning",
                requester=requester,
                digest=digest,
                definition=dict(definition),
                created=write.now,
                updated=write.now,
                version=1,
            )
            row = {column.name: getattr(run, column.name) for column in _RUN}
            write.connection.execute(insert(tables.runs).values(**row, number=write.next_seq))
            if devices:
                claims.take(write, run.id, name, devices, follows=claims.following(run))
            known = {"name": name, "kind": kind, "requester": requester, "digest": digest, "state": "planning"}
            write.event(run.id, "run.created", {"set": {**known, "definition": digest}})
            return run

    def run(self, run_id: str) -> Run:
        with self._read() as connection:
            return get_run(connection, run_id)

    def runs(self, *, limit: int = 20) -> list[Run]:
        """Return the newest runs, newest first."""
        with self._read() as connection:
            newest = select(*_RUN).order_by(tables.runs.c.number.desc()).limit(limit)
            return [Run(*row) for row in connection.execute(newest)]

    def open_run(self, name: str) -> Run | None:
        """Return the run of that name that is not finished, if there is one."""
        with self._read() as connection:
            row = connection.execute(_unfinished(name)).first()
            return None if row is None else Run(*row)

    def move_run(self, run_id: str, state: RunState, *, detail: Mapping[str, Any] | None = None) -> Run:
        """Change the state of a run. The state it has already is accepted and, without detail, records nothing."""
        with self._write() as write:
            _move_run(write, run_id, state, detail)
            return get_run(write.connection, run_id)

    def add_checkpoint(self, run_id: str, checkpoint: NewCheckpoint, *, after_end: bool = False) -> Checkpoint:
        """Append a checkpoint to a run that goes without a plan; one that is there already is returned as it is.

        ``after_end``: to one that has ended as well. A rollback is part of the run that it takes back.
        """
        with self._write() as write:
            run = get_run(write.connection, run_id)
            known = write.connection.execute(_one(run_id, checkpoint.name)).first()
            if known is not None:
                return Checkpoint(*known)
            if run.state in FINISHED and not after_end:
                raise LedgerError(f"Run {run_id} is {run.state}: it gets no further checkpoints.")
            last = select(func.coalesce(func.max(tables.checkpoints.c.position), -1) + 1)
            position = write.connection.execute(last.where(tables.checkpoints.c.run_id == run_id)).scalar_one()
            insert_checkpoints(write, run_id, [checkpoint], first=position)
            data = {"checkpoint": checkpoint.name, "set": checkpoint_fields(checkpoint, position)}
            write.event(run_id, "checkpoint.added", data)
            return Checkpoint(*write.connection.execute(_one(run_id, checkpoint.name)).one())

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """Return the checkpoints of a run in order."""
        with self._read() as connection:
            get_run(connection, run_id)
            ordered = select(*_CHECKPOINT).where(tables.checkpoints.c.run_id == run_id)
            return [Checkpoint(*row) for row in connection.execute(ordered.order_by(tables.checkpoints.c.position))]

    def move_checkpoint(
        self,
        run_id: str,
        name: str,
        state: CheckpointState,
        *,
        verdict: str | None = None,
        detail: Mapping[str, Any] | None = None,
        run_state: RunState | None = None,
        run_detail: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """Change the state of a checkpoint. ``detail`` is added to what is recorded already.

        ``run_state`` is what this means for the run: both are changed together, for whoever dies between the two leaves
        a run that never ends.
        """
        with self._write() as write:
            _move_checkpoint(write, run_id, name, state, verdict, detail)
            if run_state is not None:
                _move_run(write, run_id, run_state, run_detail)
            return get_checkpoint(write.connection, run_id, name)


def _move_checkpoint(
    write: Writing,
    run_id: str,
    name: str,
    state: CheckpointState,
    verdict: str | None,
    detail: Mapping[str, Any] | None,
) -> None:
    old = get_checkpoint(write.connection, run_id, name)
    if old.state == state and verdict is None and detail is None:
        return
    values: dict[str, Any] = {"state": state}
    if old.state != state:
        check_move(CHECKPOINT_STATES, f"Checkpoint {name} of run {run_id}", old.state, state)
        values |= {"verdict": None, "ended": None} if state in {"pending", "running"} else {}
        values |= {"started": write.now} if state == "running" else {}
        ended = state in {"passed", "failed", "skipped"}
        values |= {"ended": write.now, "closed": write.now} if ended else {}
    values |= {} if verdict is None else {"verdict": verdict}
    fields: dict[str, Any] = {key: values[key] for key in ("state", "verdict") if key in values}
    if detail is not None:
        values["detail"] = {**old.detail, **detail}
        fields["detail"] = fingerprint(values["detail"])
    one = (tables.checkpoints.c.run_id == run_id, tables.checkpoints.c.name == name)
    write.connection.execute(update(tables.checkpoints).where(*one).values(**values))
    write.event(run_id, "checkpoint.moved", {"checkpoint": name, "from": old.state, "set": fields})


def _move_run(write: Writing, run_id: str, state: RunState, detail: Mapping[str, Any] | None) -> None:
    run = get_run(write.connection, run_id)
    if run.state == state and detail is None:
        return
    if run.state != state:
        check_move(RUN_STATES, f"Run {run_id}", run.state, state)
    set_run(write, run, state=state)
    claims.settle(write, run_id, state)
    write.event(run_id, "run.moved", {"from": run.state, "detail": dict(detail or {}), "set": {"state": state}})


def get_run(connection: Connection, run_id: str) -> Run:
    row = connection.execute(select(*_RUN).where(tables.runs.c.id == run_id)).first()
    if row is None:
        raise LedgerError(f"The ledger has no run {run_id!r}; ledger_info lists the runs it has.")
    return Run(*row)


def get_checkpoint(connection: Connection, run_id: str, name: str) -> Checkpoint:
    get_run(connection, run_id)
    row = connection.execute(_one(run_id, name)).first()
    if row is None:
        names = select(tables.checkpoints.c.name).where(tables.checkpoints.c.run_id == run_id)
        known = connection.execute(names.order_by(tables.checkpoints.c.position)).scalars().all()
        raise LedgerError(f"Run {run_id} has no checkpoint {name!r}; it has {', '.join(known) or 'none yet'}.")
    return Checkpoint(*row)


def set_run(write: Writing, run: Run, **values: Any) -> None:
    """Update the row of ``run``, provided that it still is the version that was read."""
    same = (tables.runs.c.id == run.id, tables.runs.c.version == run.version)
    newer = update(tables.runs).where(*same).values(**values, version=run.version + 1, updated=write.now)
    if write.connection.execute(newer).rowcount != 1:
        raise LedgerError(f"Run {run.id} was changed by somebody else in the same moment; run the same command again.")


def insert_checkpoints(write: Writing, run_id: str, new: list[NewCheckpoint], *, first: int = 0) -> None:
    rows = [
        {
            "run_id": run_id,
            "name": checkpoint.name,
            "position": position,
            "state": "pending",
            "approval": checkpoint.approval,
            "destructive": checkpoint.destructive,
            "detail": dict(checkpoint.detail),
        }
        for position, checkpoint in enumerate(new, first)
    ]
    if rows:
        write.connection.execute(insert(tables.checkpoints), rows)


def checkpoint_fields(checkpoint: NewCheckpoint, position: int) -> dict[str, Any]:
    """Return what an event keeps of a new checkpoint."""
    return {
        "position": position,
        "state": "pending",
        "approval": checkpoint.approval,
        "destructive": checkpoint.destructive,
        "verdict": None,
        "detail": fingerprint(checkpoint.detail),
    }


def _one(run_id: str, name: str) -> Select[Any]:
    return select(*_CHECKPOINT).where(tables.checkpoints.c.run_id == run_id, tables.checkpoints.c.name == name)


def _unfinished(name: str) -> Select[Any]:
    ended: ColumnElement[bool] = tables.runs.c.state.in_(FINISHED)
    for kind, states in ENDED.items():
        ended |= (tables.runs.c.kind == kind) & tables.runs.c.state.in_(states)
    newest = select(*_RUN).where(tables.runs.c.name == name, ~ended)
    return newest.order_by(tables.runs.c.number.desc()).limit(1)
