# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may approve what, and when an approval counts. Pure: no clock, no store, nothing of the rest but the errors."""

from .approval import Approval, ApprovalState, Decision, Door, Verdict
from .rules import check, check_use

__all__ = ["Approval", "ApprovalState", "Decision", "Door", "Verdict", "check", "check_use"]
