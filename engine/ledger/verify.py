# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: is the chain whole, and is every row what the events say."""

import json
from collections.abc import Iterator
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Row, Table, Text, select, type_coerce

from . import tables
from .chain import GENESIS, Link, fingerprint, link, seal_head
from .records import Verification
from .replay import Fields, Replay, fold_targets
from .store import Store

_PAGE: Final = 500
_SHOWN: Final = 50
"""Problems that are spelled out; a wiped table would list every device."""

_RUN: Final = ("name", "kind", "requester", "digest", "state", "definition")
_CHECKPOINT: Final = ("position", "state", "approval", "destructive", "verdict", "detail")
_APPROVAL: Final = tuple(column.name for column in tables.approvals.c if column.name not in {"id", "number"})
_TARGET_EVENTS: Final = ("plan.set", "targets.added", "targets.moved")


class Verifying(Store):
    def verify(self) -> Verification:
        """Check the whole ledger as it is at one moment. Never raises for what it finds."""
        with self._read() as connection:
            chain = _Chain(self._key)
            replay = Replay()
            for row in _events(connection):
                event = chain.follow(row)
                try:
                    replay.apply(event)
                except (ValueError, KeyError, TypeError, AttributeError):
                    chain.broken(event.seq, f"Event {event.seq} cannot be read.")
            chain.end(connection)
            problems = chain.problems + list(_rows(connection, replay))
        shown = problems[:_SHOWN] + ([f"... and {len(problems) - _SHOWN} more."] if len(problems) > _SHOWN else [])
        return Verification(not problems, chain.count, chain.broken_at, shown, chain.newest)


class _Chain:
    def __init__(self, key: bytes) -> None:
        self.problems: list[str] = []
        self.broken_at: int | None = None
        self.count = 0
        self.newest = GENESIS
        self._key = key
        self._seq = 0

    def follow(self, row: Row[Any]) -> Link:
        event = Link(row.seq, row.run_id, row.at, row.kind, row.data)
        if event.seq != self._seq + 1:
            self.broken(self._seq + 1, f"{_span(self._seq + 1, event.seq - 1)} missing.")
        elif row.previous != self.newest:
            self.broken(event.seq, f"Event {event.seq} does not follow event {self._seq}.")
        if not compare_digest(link(self._key, row.previous, event), row.hash):
            self.broken(event.seq, f"Event {event.seq} ({event.kind}, run {event.run_id}) was altered.")
        self._seq, self.newest = event.seq, row.hash
        self.count += 1
        return event

    def end(self, connection: Connection) -> None:
        stored = tables.chain_head.c
        head = connection.execute(select(stored.seq, stored.hash, _raw(stored.at), stored.mac)).one_or_none()
        if head is None:
            self.broken(self._seq + 1, "The chain head is missing: events may have been deleted at the end.")
            return
        if not compare_digest(head.mac, seal_head(self._key, head.seq, head.hash, head.at)):
            self.broken(min(head.seq, self._seq) + 1, "The chain head was altered, or written with another fleet key.")
        if head.seq > self._seq:
            self.broken(self._seq + 1, f"{_span(self._seq + 1, head.seq)} missing at the end.")
        elif head.seq < self._seq:
            self.broken(head.seq + 1, f"{_span(head.seq + 1, self._seq)} not written by the ledger.")
        elif head.hash != self.newest:
            self.broken(self._seq, f"Event {self._seq} is not the one that the chain head names.")

    def broken(self, seq: int, problem: str) -> None:
        self.broken_at = seq if self.broken_at is None else min(self.broken_at, seq)
        self.problems.append(problem)


def _rows(connection: Connection, replay: Replay) -> Iterator[str]:
    runs = {(run_id,): fields for run_id, fields in replay.runs.items()}
    approvals = {(approval_id,): fields for approval_id, fields in replay.approvals.items()}
    yield from _compare(connection, tables.runs, ("id",), _RUN, runs)
    yield from _compare(connection, tables.checkpoints, ("run_id", "name"), _CHECKPOINT, replay.checkpoints)
    yield from _compare(connection, tables.approvals, ("id",), _APPROVAL, approvals)
    for run_id in replay.runs:
        yield from _compare_targets(connection, run_id)


def _compare(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    names: tuple[str, ...],
    expected: dict[Any, Fields],
) -> Iterator[str]:
    what = table.name.removesuffix("s").capitalize()
    left = set(expected)
    columns = [table.c[name] for name in key] + [_raw(table.c[name]) for name in names]
    for row in connection.execute(select(*columns)):
        identity = tuple(row[: len(key)])
        left.discard(identity)
        named = f"{what} {' '.join(identity)}"
        if identity not in expected:
            yield f"{named} is in no event: it was put into the table by hand."
            continue
        for name, value in zip(names, row[len(key) :], strict=True):
            should = expected[identity].get(name)
            found = _digest(value) if name in {"definition", "detail"} else value
            if found != should:
                said = "" if name in {"definition", "detail"} else f" says {value!r}, the events say {should!r}"
                yield f"{named}: {name}{said or ' is not what the events say'}."
    for identity in sorted(left):
        yield f"{what} {' '.join(identity)} is missing from its table."


def _compare_targets(connection: Connection, run_id: str) -> Iterator[str]:
    events = tables.events.c
    mine = select(events.seq, events.run_id, _raw(events.at), events.kind, _raw(events.data)).where(
        events.run_id == run_id, events.kind.in_(_TARGET_EVENTS)
    )
    try:
        expected = fold_targets(Link(*row) for row in connection.execute(mine.order_by(events.seq)))
    except (ValueError, KeyError, TypeError, AttributeError):
        # The chain has named the event already.
        return
    table = tables.targets.c
    rows = select(table.checkpoint, table.name, table.outcome).where(table.run_id == run_id)
    for checkpoint, name, outcome in connection.execute(rows):
        should = expected.pop((checkpoint, name), None)
        if should != outcome:
            yield f"Target {name} ({run_id} {checkpoint}) says {outcome!r}, the events say {should or 'nothing'!r}."
    for checkpoint, name in expected:
        yield f"Target {name} ({run_id} {checkpoint}) is missing from its table."


def _events(connection: Connection) -> Iterator[Row[Any]]:
    events = tables.events.c
    raw = [events.seq, events.run_id, _raw(events.at), events.kind, _raw(events.data), events.hash, events.previous]
    page = select(*raw).order_by(events.seq).limit(_PAGE)
    last = None
    while True:
        rows = connection.execute(page if last is None else page.where(events.seq > last)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1].seq


def _raw(column: Column[Any]) -> Any:
    """Read a column as the text that is stored: edited JSON or an edited time may not parse."""
    return column if isinstance(column.type, Boolean) else type_coerce(column, Text).label(column.name)


def _digest(stored: str) -> str:
    try:
        return fingerprint(json.loads(stored))
    except ValueError:
        return "unreadable"


def _span(first: int, last: int) -> str:
    return f"Event {first} is" if first == last else f"Events {first} to {last} are"
