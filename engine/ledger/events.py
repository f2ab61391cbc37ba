# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: what happened, in order."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from ..errors import LedgerError
from . import tables
from .records import Event
from .runs import get_run
from .store import Store

_PAGE: Final = 500
_OURS: Final = frozenset({"run", "plan", "checkpoint", "targets", "approval", "lease", "claims"})
"""Groups of events that stand for a change of a row; the ledger alone writes them."""

_EVENT = [column for column in tables.events.c if column.name != "previous"]


class Events(Store):
    def append_event(self, run_id: str | None, kind: str, data: Mapping[str, Any]) -> int:
        """Append an event of the caller's own kind, as in ``rollout.engine_started``; return its number."""
        if kind.partition(".")[0] in _OURS:
            raise LedgerError(f"Events of kind {kind!r} are written by the ledger only; choose another first word.")
        with self._write() as write:
            if run_id is not None:
                get_run(write.connection, run_id)
            return write.event(run_id, kind, dict(data))

    def events(self, run_id: str | None = None, *, after: int = 0) -> Iterator[Event]:
        """Yield the events of one run, or of all, with numbers above ``after``."""
        wanted = select(*_EVENT).order_by(tables.events.c.seq).limit(_PAGE)
        if run_id is not None:
            wanted = wanted.where(tables.events.c.run_id == run_id)
        while True:
            with self._read() as connection:
                rows = connection.execute(wanted.where(tables.events.c.seq > after)).all()
            yield from (Event(*row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq
