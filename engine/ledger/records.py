# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger gives and takes. Every time is an aware datetime in UTC."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from ..gates import Approval

__all__ = [
    "OUTCOMES",
    "Approval",
    "Checkpoint",
    "CheckpointState",
    "Event",
    "Lease",
    "LeaseOwner",
    "NewCheckpoint",
    "NewTarget",
    "Outcome",
    "Run",
    "RunState",
    "Target",
    "Verification",
    "new_id",
]

RunState = Literal[
    "planning",
    "planned",
    "running",
    "waiting",
    "parked",
    "paused",
    "completed",
    "stopped",
    "failed",
    "rolled_back",
    "abandoned",
]
CheckpointState = Literal["pending", "running", "passed", "failed", "skipped"]

OUTCOMES: Final = (
    "pending",
    "unchanged",
    "changed",
    "failed",
    "rejected",
    "unreachable",
    "unknown",
    "held_back",
    "rolled_back",
)
"""What can become of one target; ``held_back`` is a device that drifted between plan and push."""

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"


def new_id(prefix: Literal["r", "a"]) -> str:
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _position in range(10))}"


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    name: str
    kind: str
    state: RunState
    requester: str
    digest: str
    """Of the plan; until there is one, of the definition."""
    definition: dict[str, Any]
    created: datetime
    updated: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    run_id: str
    name: str
    position: int
    state: CheckpointState
    approval: bool
    destructive: bool
    verdict: str | None
    detail: dict[str, Any]
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    run_id: str
    checkpoint: str
    name: str
    outcome: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    name: str
    approval: bool = False
    destructive: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewTarget:
    checkpoint: str
    name: str
    outcome: str = "pending"
    detail: Mapping[str, Any] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Sealed artefacts by kind: ``wanted``, ``before`` and so on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    outcome: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    run_id: str | None
    at: datetime
    kind: str
    data: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    ok: bool
    events: int
    broken_at: int | None
    """The first event that is altered or missing; ``None`` where the chain holds and only other rows are wrong."""
    problems: list[str]
    head: str
    """Hash of the newest event. Kept elsewhere, it shows later that the whole ledger was not put back in time."""


@dataclass(frozen=True, slots=True)
class LeaseOwner:
    host: str
    pid: int
    started: str
    """When the process started, as the host counts it: a pid alone is reused."""


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: str
    token: str = field(repr=False)
    owner: LeaseOwner
    ttl: float
