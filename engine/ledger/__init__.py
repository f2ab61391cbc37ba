# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The durable record of runs, checkpoints, targets, approvals and events. The events form a hash chain."""

from .claims import Holder
from .ledger import Ledger, open_ledger
from .processes import is_alive, process, this_process
from .records import (
    OUTCOMES,
    Approval,
    Checkpoint,
    CheckpointState,
    Event,
    Lease,
    LeaseOwner,
    NewCheckpoint,
    NewTarget,
    Outcome,
    Run,
    RunState,
    Target,
    Verification,
)
from .states import FINISHED

__all__ = [
    "FINISHED",
    "OUTCOMES",
    "Approval",
    "Checkpoint",
    "CheckpointState",
    "Event",
    "Holder",
    "Lease",
    "LeaseOwner",
    "Ledger",
    "NewCheckpoint",
    "NewTarget",
    "Outcome",
    "Run",
    "RunState",
    "Target",
    "Verification",
    "is_alive",
    "open_ledger",
    "process",
    "this_process",
]
