# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions: every write holds the chain head, so writers follow one another and each event has its place."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Text, insert, select, text, type_coerce, update
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from ..errors import LedgerAway, LedgerError
from . import tables
from .chain import GENESIS, Link, canonical, link, moment, seal_head, stamp
from .database import shown

CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""How far behind the newest event a clock may be before gates refuse to judge by it."""

_CREATION_LOCK: Final = 7_305_803_112_204_217

_HEAD: Final = select(
    tables.chain_head.c.seq,
    tables.chain_head.c.hash,
    type_coerce(tables.chain_head.c.at, Text).label("at"),
    tables.chain_head.c.mac,
)
"""The chain head as it is stored: what somebody edited may not parse."""


def _signed(head: Row[Any] | None, key: bytes) -> Row[Any]:
    """The chain head, which must be there and signed with the key."""
    if head is None or not compare_digest(head.mac, seal_head(key, head.seq, head.hash, head.at)):
        raise LedgerError(
            "The ledger was written with another fleet key, or its chain head was altered: nothing is written to "
            "it. Use the key it was made with; if that is the key, ledger_info with verify=true says what is wrong."
        )
    return head


class Writing:
    """One write transaction."""

    def __init__(self, connection: Connection, key: bytes, clock: Callable[[Connection], datetime]) -> None:
        head = _signed(connection.execute(_HEAD.with_for_update()).one_or_none(), key)
        self.connection = connection
        # Read under the lock: before it, a writer that waited would be in the past.
        now = clock(connection)
        self.now = max(now, moment(head.at))
        """Never before the newest event: what has expired stays expired when a clock is set back."""
        self._clock = now
        self._key = key
        self._seq: int = head.seq
        self._hash: str = head.hash

    @property
    def next_seq(self) -> int:
        return self._seq + 1

    def event(self, run_id: str | None, kind: str, data: Mapping[str, Any]) -> int:
        """Append an event and return its number."""
        self._seq += 1
        row = Link(self._seq, run_id, stamp(self.now), kind, canonical(data))
        digest = link(self._key, self._hash, row)
        self.connection.execute(
            insert(tables.events).values(
                seq=row.seq, run_id=run_id, at=self.now, kind=kind, data=data, hash=digest, previous=self._hash
            )
        )
        self._hash = digest
        return self._seq

    def judge_clock(self) -> None:
        """Raise ``LedgerError`` where the clock is too far back to tell what has expired."""
        if self._clock < self.now - CLOCK_TOLERANCE:
            raise LedgerError(
                f"The clock says {self._clock:%Y-%m-%d %H:%M:%S} UTC, the ledger's newest event is from "
                f"{self.now:%Y-%m-%d %H:%M:%S} UTC: set the clock right before anything is approved."
            )

    def close(self) -> None:
        self.connection.execute(
            update(tables.chain_head).values(
                seq=self._seq,
                hash=self._hash,
                at=self.now,
                mac=seal_head(self._key, self._seq, self._hash, stamp(self.now)),
            )
        )


class Store:
    """What all parts of the ledger stand on."""

    def __init__(self, engine: Engine, chain_key: bytes, clock: Callable[[], datetime] | None = None) -> None:
        self._engine = engine
        self._key = chain_key
        self._clock = clock
        self._pid = os.getpid()

    def close(self) -> None:
        self._engine.dispose()

    def create(self) -> None:
        """Make the tables where they are missing. Raises ``LedgerError`` for a ledger of another key or release."""
        with self._transaction() as connection:
            if connection.dialect.name == "postgresql":
                # Two first runs at once would both make the tables.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATION_LOCK})
            tables.metadata.create_all(connection)
            head = connection.execute(select(tables.chain_head)).one_or_none()
            if head is None and connection.execute(select(tables.events.c.seq).limit(1)).first() is None:
                now = self._read_clock(connection)
                connection.execute(
                    insert(tables.chain_head).values(
                        id=1,
                        schema=tables.SCHEMA,
                        seq=0,
                        hash=GENESIS,
                        at=now,
                        mac=seal_head(self._key, 0, GENESIS, stamp(now)),
                    )
                )
            elif head is not None and head.schema != tables.SCHEMA:
                raise LedgerError(
                    f"The ledger has schema {head.schema}, this release {tables.SCHEMA}: use the matching release."
                )
            else:
                # Now, for with another key a run's own definition looks like another one.
                _signed(connection.execute(_HEAD).one_or_none(), self._key)

    @contextmanager
    def _write(self) -> Iterator[Writing]:
        with self._transaction() as connection:
            writing = Writing(connection, self._key, self._read_clock)
            yield writing
            writing.close()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._transaction(reading=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, reading: bool = False) -> Iterator[Connection]:
        if os.getpid() != self._pid:
            # A forked worker must not talk on its parent's connections.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        try:
            with self._engine.connect() as connection:
                connection.execution_options(reading=reading)
                with connection.begin():
                    yield connection
        except OperationalError as error:
            # No connection, a server that shuts down, a full disk, a lock that somebody holds: not what was asked.
            reason = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            # SQLite says so of a full disk as well.
            more = "; is its disk full?" if reason[0] == "disk I/O error" else ""
            raise LedgerAway(f"The ledger {shown(self._engine)} cannot be used: {reason[0]}{more}") from None
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            raise LedgerError(f"The ledger {shown(self._engine)} cannot be used: {reason[0]}") from None
        except SQLAlchemyError as error:
            raise LedgerError(f"The ledger {shown(self._engine)} cannot be used: {type(error).__name__}.") from error

    def _read_clock(self, connection: Connection) -> datetime:
        # Controllers disagree about the time; a database server is one clock for all of them.
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name == "postgresql":
            now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return now.astimezone(UTC)
        return datetime.now(UTC)

    def _ledger_time(self, connection: Connection) -> datetime:
        newest: datetime | None = connection.execute(select(tables.chain_head.c.at)).scalar_one_or_none()
        now = self._read_clock(connection)
        return now if newest is None else max(now, newest)
