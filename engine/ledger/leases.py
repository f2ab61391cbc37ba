# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: one process at a time acts for a run."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..errors import LeaseLost, LedgerError
from . import tables
from .processes import is_alive
from .records import Lease, LeaseOwner
from .runs import get_run
from .store import Store


class Leases(Store):
    def acquire_lease(
        self, run_id: str, *, owner: LeaseOwner, ttl: float, alive: Callable[[LeaseOwner], bool] = is_alive
    ) -> Lease:
        """Take the lease of a run. ``LedgerError`` names the holder while that one may still be at work.

        A holder on this host is at work while ``alive`` says so; one on another host while it has sent a
        heartbeat within its own ``ttl`` seconds.
        """
        with self._write() as write:
            get_run(write.connection, run_id)
            held = _held(write.connection, run_id)
            if held is not None:
                _must_be_free(write.connection, held, owner, write.now, alive)
                write.connection.execute(delete(tables.leases).where(tables.leases.c.run_id == run_id))
            lease = Lease(run_id=run_id, token=secrets.token_hex(32), owner=owner, ttl=ttl)
            write.connection.execute(
                insert(tables.leases).values(
                    run_id=run_id,
                    token=lease.token,
                    host=owner.host,
                    pid=owner.pid,
                    started=owner.started,
                    ttl=ttl,
                    heartbeat=write.now,
                )
            )
            taken_from = None if held is None else {"host": held.host, "pid": held.pid}
            write.event(run_id, "lease.acquired", {"host": owner.host, "pid": owner.pid, "taken_from": taken_from})
            return lease

    def lease_of(
        self, run_id: str, *, owner: LeaseOwner, alive: Callable[[LeaseOwner], bool] = is_alive
    ) -> Lease | None:
        """Return the lease of a run where ``owner`` holds it. ``LedgerError`` names another holder that is at work."""
        with self._read() as connection:
            held = _held(connection, run_id)
            if held is None:
                return None
            if (held.host, held.pid, held.started) == (owner.host, owner.pid, owner.started):
                return Lease(run_id=run_id, token=held.token, owner=owner, ttl=held.ttl)
            _must_be_free(connection, held, owner, self._ledger_time(connection), alive)
            return None

    def heartbeat(self, lease: Lease) -> None:
        """Say that the holder is at work. Raises ``LeaseLost`` where it does not hold the lease any more."""
        with self._transaction() as connection:
            beat = update(tables.leases).where(*_held_by(lease)).values(heartbeat=self._ledger_time(connection))
            if connection.execute(beat).rowcount != 1:
                raise _lost(lease)

    def release(self, lease: Lease) -> None:
        """Give the lease back. Raises ``LeaseLost`` where somebody else took it."""
        with self._write() as write:
            if write.connection.execute(delete(tables.leases).where(*_held_by(lease))).rowcount != 1:
                raise _lost(lease)
            write.event(lease.run_id, "lease.released", {"host": lease.owner.host, "pid": lease.owner.pid})


def _held(connection: Connection, run_id: str) -> Row[Any] | None:
    return connection.execute(select(tables.leases).where(tables.leases.c.run_id == run_id)).first()


def _must_be_free(
    connection: Connection, held: Row[Any], owner: LeaseOwner, now: datetime, alive: Callable[[LeaseOwner], bool]
) -> None:
    holder = LeaseOwner(held.host, held.pid, held.started)
    heard_of = now < held.heartbeat + timedelta(seconds=held.ttl)
    at_work = alive(holder) if holder.host == owner.host else heard_of
    if at_work:
        run = get_run(connection, held.run_id)
        raise LedgerError(
            f"Run {run.id} of {run.name} is in the hands of process {holder.pid} on {holder.host}"
            f"{_since(connection, run.id)}, last heard of at {held.heartbeat:%Y-%m-%d %H:%M:%S} UTC: wait for it to "
            "end, or end it, then run the same command again."
        )


def _since(connection: Connection, run_id: str) -> str:
    acquired = (tables.events.c.run_id == run_id, tables.events.c.kind == "lease.acquired")
    at: datetime | None = connection.execute(select(func.max(tables.events.c.at)).where(*acquired)).scalar_one()
    return "" if at is None else f" since {at:%Y-%m-%d %H:%M:%S} UTC"


def _held_by(lease: Lease) -> tuple[Any, ...]:
    return (tables.leases.c.run_id == lease.run_id, tables.leases.c.token == lease.token)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"Run {lease.run_id}: another process took over while this one (process {lease.owner.pid} on "
        f"{lease.owner.host}) was not heard of; this one stops."
    )
