# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables. Text for times and JSON: the same bytes on every database, so that hashes hold across a move."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from .chain import canonical, moment, stamp

SCHEMA = 1


class Moment(TypeDecorator[datetime]):
    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy calls it so
        return None if value is None else stamp(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy calls it so
        return None if value is None else moment(value)


class Json(TypeDecorator[dict[str, Any]]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy calls it so
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002 - SQLAlchemy calls it so
        return None if value is None else json.loads(value)


metadata = MetaData()

chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("mac", String(64), nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String(32), index=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("data", Json, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("requester", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("definition", Json, nullable=False),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", BigInteger, nullable=False, unique=True),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("approval", Boolean, nullable=False),
    Column("destructive", Boolean, nullable=False),
    Column("verdict", Text),
    Column("detail", Json, nullable=False),
    Column("started", Moment),
    Column("ended", Moment),
    # Never cleared: an approval used before this no longer holds the gate open.
    Column("closed", Moment),
)

targets = Table(
    "targets",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("checkpoint", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Json, nullable=False),
    Index("targets_in_order", "run_id", "position"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("checkpoint", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("requester", Text, nullable=False),
    Column("destructive", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("decided_by", Text),
    Column("decided", Moment),
    Column("reason", Text),
    Column("risk_acknowledged", Boolean, nullable=False),
    Column("break_glass", Boolean, nullable=False),
    Column("door", String(16)),
    Column("used", Moment),
    Column("number", BigInteger, nullable=False, unique=True),
)

claims = Table(
    "claims",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    # A device has two: its name and its address.
    Column("key", Text, primary_key=True, index=True),
    Column("device", Text, nullable=False),
    Column("why", String(16), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("token", String(64), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    Column("ttl", Float, nullable=False),
    Column("heartbeat", Moment, nullable=False),
)
