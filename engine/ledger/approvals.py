# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals: asked for, decided and used, each at most once."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Text, insert, select, type_coerce, update

from ..errors import GateClosed, LedgerError
from ..gates import Approval, Decision, check, check_use
from . import tables
from .chain import GENESIS, Link, link
from .records import new_id
from .replay import approval_fields, fold_approvals
from .runs import get_checkpoint, get_run
from .states import APPROVAL_STATES, FINISHED, check_move
from .store import Store, Writing

_APPROVAL = [column for column in tables.approvals.c if column.name != "number"]


class Approvals(Store):
    def request_approval(
        self,
        *,
        run_id: str,
        checkpoint: str,
        digest: str,
        requester: str,
        destructive: bool,
        ttl_seconds: float,
        after_rejection: bool = False,
    ) -> Approval:
        """Ask for an approval, or return the one that was asked for already and is pending or approved.

        One that is open for the same checkpoint with another digest is void: nobody shall approve what is not done.

        A rejection stands: for the same digest it raises ``GateClosed``, unless ``after_rejection``.
        """
        if ttl_seconds <= 0:
            raise LedgerError(f"An approval must be open for some time; {ttl_seconds} seconds is none.")
        self._expire(run_id)
        with self._write() as write:
            write.judge_clock()
            run = get_run(write.connection, run_id)
            if run.state in FINISHED:
                raise LedgerError(f"Run {run_id} is {run.state}: nothing of it is left to approve.")
            get_checkpoint(write.connection, run_id, checkpoint)
            known = _latest(write.connection, run_id, checkpoint, digest)
            if known is not None and known.state in {"pending", "approved"}:
                return known
            if known is not None and known.state == "rejected" and not after_rejection:
                check_use(known, digest, write.now)
            void_approvals(write, run_id, checkpoint=checkpoint, reason="what would be done has changed")
            new = Approval(
                id=new_id("a"),
                run_id=run_id,
                checkpoint=checkpoint,
                digest=digest,
                state="pending",
                requester=requester,
                destructive=destructive,
                created=write.now,
                expires=write.now + timedelta(seconds=ttl_seconds),
            )
            row = {column.name: getattr(new, column.name) for column in _APPROVAL}
            write.connection.execute(insert(tables.approvals).values(**row, number=write.next_seq))
            write.event(run_id, "approval.requested", {"approval": new.id, "set": approval_fields(new)})
            return new

    def approval(self, approval_id: str) -> Approval:
        with self._read() as connection:
            return self._aged(connection, _get(connection, approval_id))

    def approvals(self, *, run_id: str | None = None, states: Collection[str] | None = None) -> list[Approval]:
        """Return approvals, oldest first."""
        wanted = select(*_APPROVAL).order_by(tables.approvals.c.number)
        if run_id is not None:
            wanted = wanted.where(tables.approvals.c.run_id == run_id)
        with self._read() as connection:
            aged = [self._aged(connection, Approval(*row)) for row in connection.execute(wanted)]
        return [approval for approval in aged if states is None or approval.state in states]

    def decide_approval(self, approval_id: str, decision: Decision) -> Approval:
        """Record a decision. Raises ``GateClosed`` where the rules of ``engine.gates`` do not let it count."""
        self._expire(self.approval(approval_id).run_id)
        with self._write() as write:
            approval = _get(write.connection, approval_id)
            write.judge_clock()
            run = get_run(write.connection, approval.run_id)
            if run.state in FINISHED and approval.state in {"pending", "approved"}:
                raise GateClosed(
                    f"Approval {approval_id}: run {run.id} is {run.state}; there is nothing left to decide."
                )
            check(approval, decision, write.now)
            self._must_be_supported(write.connection, approval)
            decided = replace(
                approval,
                state="approved" if decision.verdict == "approve" else "rejected",
                decided_by=decision.approver.strip(),
                decided=write.now,
                reason=decision.reason.strip(),
                risk_acknowledged=decision.risk_acknowledged,
                break_glass=decision.break_glass,
                door=decision.door,
            )
            _move(write, approval, decided)
            return decided

    def consume_approval(self, *, run_id: str, checkpoint: str, digest: str) -> Approval:
        """Use the approval of a gate: it opens the gate once. Raises ``GateClosed``, saying what is missing."""
        self._expire(run_id)
        with self._write() as write:
            write.judge_clock()
            run = get_run(write.connection, run_id)
            if run.state in FINISHED:
                raise GateClosed(f"Run {run_id} is {run.state}: its gates stay closed.")
            approval = _latest(write.connection, run_id, checkpoint, digest) or _latest(
                write.connection, run_id, checkpoint, None
            )
            if approval is None:
                raise GateClosed(f"Run {run_id}, checkpoint {checkpoint}: no approval was requested yet.")
            check_use(approval, digest, write.now)
            self._must_be_supported(write.connection, approval)
            used = replace(approval, state="used", used=write.now)
            _move(write, approval, used)
            return used

    def open_gate(self, *, run_id: str, checkpoint: str, digest: str) -> Approval | None:
        """Return the used approval under which a checkpoint that was cut off may still go on, if there is one.

        An approval opens its gate until the checkpoint passes, fails or is skipped; being killed in between
        is not the end of it.
        """
        with self._read() as connection:
            get_checkpoint(connection, run_id, checkpoint)
            of = (tables.checkpoints.c.run_id == run_id, tables.checkpoints.c.name == checkpoint)
            state, closed = connection.execute(
                select(tables.checkpoints.c.state, tables.checkpoints.c.closed).where(*of)
            ).one()
            approval = _latest(connection, run_id, checkpoint, digest)
            if approval is None or approval.used is None or state not in {"pending", "running"}:
                return None
            if closed is not None and closed >= approval.used:
                return None
            self._must_be_supported(connection, approval)
            return approval

    def _expire(self, run_id: str) -> None:
        """Record what has run out, in a transaction of its own: it stays recorded when the caller's is refused."""
        with self._read() as connection:
            due = connection.execute(_due(run_id, self._ledger_time(connection))).first()
        if due is None:
            return
        with self._write() as write:
            for row in write.connection.execute(_due(run_id, write.now)).all():
                approval = Approval(*row)
                _move(write, approval, replace(approval, state="expired"))

    def _aged(self, connection: Connection, approval: Approval) -> Approval:
        # A reader writes nothing, but must not be told that what has run out is still open.
        if approval.state not in {"pending", "approved"} or self._ledger_time(connection) < approval.expires:
            return approval
        return replace(approval, state="expired")

    def _must_be_supported(self, connection: Connection, approval: Approval) -> None:
        """Raise ``LedgerError`` where the row is not what its events say: nobody approves by editing the table."""
        events = tables.events.c
        raw = (type_coerce(events.at, Text), events.kind, type_coerce(events.data, Text), events.hash, events.previous)
        mine = select(events.seq, events.run_id, *raw).where(
            events.run_id == approval.run_id, events.kind.startswith("approval.")
        )
        links = []
        for seq, run_id, at, kind, data, digest, previous in connection.execute(mine.order_by(events.seq)):
            event = Link(seq, run_id, at, kind, data)
            if link(self._key, previous if seq > 1 else GENESIS, event) != digest:
                raise _edited(approval)
            links.append(event)
        if fold_approvals(links).get(approval.id) != approval_fields(approval):
            raise _edited(approval)


def void_approvals(write: Writing, run_id: str, *, reason: str, checkpoint: str | None = None) -> None:
    """Expire what is open of a run, or of one of its checkpoints."""
    open_ones = select(*_APPROVAL).where(
        tables.approvals.c.run_id == run_id, tables.approvals.c.state.in_(["pending", "approved"])
    )
    if checkpoint is not None:
        open_ones = open_ones.where(tables.approvals.c.checkpoint == checkpoint)
    for row in write.connection.execute(open_ones).all():
        approval = Approval(*row)
        _move(write, approval, replace(approval, state="expired"), why=reason)


def _move(write: Writing, old: Approval, new: Approval, *, why: str | None = None) -> None:
    check_move(APPROVAL_STATES, f"Approval {old.id}", old.state, new.state)
    fields = {name: value for name, value in approval_fields(new).items() if value != approval_fields(old)[name]}
    values = {name: getattr(new, name) for name in fields}
    same = (tables.approvals.c.id == old.id, tables.approvals.c.state == old.state)
    if write.connection.execute(update(tables.approvals).where(*same).values(**values)).rowcount != 1:
        raise GateClosed(f"Approval {old.id} was decided or used by somebody else in the same moment.")
    data: dict[str, Any] = {"approval": old.id, "checkpoint": old.checkpoint, "from": old.state, "set": fields}
    write.event(old.run_id, f"approval.{new.state}", data | ({"why": why} if why else {}))


def _get(connection: Connection, approval_id: str) -> Approval:
    row = connection.execute(select(*_APPROVAL).where(tables.approvals.c.id == approval_id)).first()
    if row is None:
        raise LedgerError(f"The ledger has no approval {approval_id!r}; ledger_info lists those it has.")
    return Approval(*row)


def _latest(connection: Connection, run_id: str, checkpoint: str, digest: str | None) -> Approval | None:
    of = select(*_APPROVAL).where(tables.approvals.c.run_id == run_id, tables.approvals.c.checkpoint == checkpoint)
    if digest is not None:
        of = of.where(tables.approvals.c.digest == digest)
    row = connection.execute(of.order_by(tables.approvals.c.number.desc()).limit(1)).first()
    return None if row is None else Approval(*row)


def _due(run_id: str, now: datetime) -> Select[Any]:
    return select(*_APPROVAL).where(
        tables.approvals.c.run_id == run_id,
        tables.approvals.c.state.in_(["pending", "approved"]),
        tables.approvals.c.expires <= now,
    )


def _edited(approval: Approval) -> LedgerError:
    return LedgerError(
        f"Approval {approval.id} is not what the ledger's events say: somebody edited the record. Nothing is approved "
        "by it; ledger_info with verify=true says what was changed."
    )
