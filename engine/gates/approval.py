# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two values that the rules speak of: what was asked, and what somebody answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ApprovalState = Literal["pending", "approved", "rejected", "expired", "used"]
Verdict = Literal["approve", "reject"]
Door = Literal["terminal", "file", "cli", "api", "awx"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for one gate of one run, bound to one digest, and what became of it. All times are UTC."""

    id: str
    run_id: str
    checkpoint: str
    digest: str
    state: ApprovalState
    requester: str
    destructive: bool
    created: datetime
    expires: datetime
    decided_by: str | None = None
    decided: datetime | None = None
    reason: str | None = None
    risk_acknowledged: bool = False
    break_glass: bool = False
    door: Door | None = None
    used: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person answered to one request."""

    approver: str
    verdict: Verdict
    reason: str
    digest: str
    """The approval's digest, or at least its first 12 characters: what the approver looked at."""
    risk_acknowledged: bool = False
    break_glass: bool = False
    """Lets the requester approve; recorded and shown wherever the approval is."""
    door: Door = "cli"
