# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which databases the ledger runs on, and what each needs to be durable."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from ..errors import LedgerError

BUSY_SECONDS: Final = 30
"""How long a writer waits for another one before it gives up."""


def connect(url: str, *, create: bool) -> Engine:
    """Return an engine for ``url``. With ``create``, a missing SQLite file and its directory are made."""
    if url.startswith(("http://", "https://")):
        raise LedgerError("The ledger server is not part of this release; use a sqlite or postgresql+psycopg URL.")
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError(
            "The ledger URL is not one: expected sqlite:////absolute/path or postgresql+psycopg://user@host/database."
        ) from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed, create=create)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(parsed)
    raise LedgerError(f"The ledger does not run on {parsed.drivername}; use sqlite or postgresql+psycopg.")


def shown(engine: Engine) -> str:
    """Return the engine's URL without any secret: the query may hold a password as well."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=2,
            connect_args={"connect_timeout": 10},
        )
    except (ImportError, NoSuchModuleError):
        raise LedgerError("The ledger on PostgreSQL needs the Python package psycopg on the controller.") from None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader sees one moment of the ledger; a writer, alone under the head's row lock, sees the newest.
        if connection.get_execution_options().get("reading"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def _sqlite(url: URL, *, create: bool) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise LedgerError("The ledger must outlive the process: give a file, sqlite:////absolute/path/ledger.db.")
    path = Path(url.database)
    if create:
        _make_file(path)
    elif not path.exists():
        raise LedgerError(f"There is no ledger at {path}; it is made by the first run.")
    # One connection a transaction: nothing is shared between threads or inherited by a forked worker.
    engine = create_engine(
        url, hide_parameters=True, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later could not wait for another writer: it would fail at once.
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.stat().st_mode & 0o002:
            raise LedgerError(f"Everybody may write to the ledger {path}: take that right away (chmod o-w).")
        _write_ahead(path)
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be made: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise LedgerError(f"The ledger {path} cannot be opened: {error}.") from error


def _write_ahead(path: Path) -> None:
    # SQLite does not wait for others while it changes this mode, whatever the time-out says.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            else:
                return
        time.sleep(0.02)
