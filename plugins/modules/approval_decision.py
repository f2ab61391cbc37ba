# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: approval_decision
short_description: Approve or reject
version_added: 0.1.0
description:
  - Decides on one request for an approval, after showing what it is for. The playbook C(raywright.fleet.approve) is this
    module with checks around it.
  - Who requested an approval cannot approve it, but can reject it.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  approval:
    description: Id of the approval.
    type: str
    required: true
  digest:
    description: What is approved, by the whole digest or at least its first 12 characters.
    type: str
    required: true
  verdict:
    description: The decision.
    type: str
    choices: [approve, reject]
    default: approve
  reason:
    description: Why. It is kept.
    type: str
    required: true
  approver:
    description: Who decides. Default is the user of AWX, else the login name, behind C(sudo) as well.
    type: str
  risk_acknowledged:
    description: That the risk of a destructive checkpoint is understood. Required to approve one.
    type: bool
    default: false
  break_glass:
    description: Approve what one has requested oneself. It is recorded and shown wherever the approval is.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details:
      - Says whether the decision would count.
  idempotence:
    support: none
    details:
      - A request is decided once; deciding again fails.
"""

EXAMPLES = r"""
- name: Approve
  raywright.fleet.approval_decision:
    approval: a-7hq2mzk4cx
    digest: 9f86d081884c7d65
    reason: Looked at the diff, and it is what we agreed on
  run_once: true
"""

RETURN = r"""
approval:
  description: The approval.
  type: dict
  returned: success
  contains:
    id:
      description: Its id.
      type: str
    run_id:
      description: The id of the run.
      type: str
    checkpoint:
      description: The checkpoint.
      type: str
    digest:
      description: What it is for.
      type: str
    state:
      description: One of pending, approved, rejected, expired and used.
      type: str
    requester:
      description: Who asked.
      type: str
    destructive:
      description: Whether the risk must be acknowledged.
      type: bool
    created:
      description: When it was asked for, ISO 8601.
      type: str
    expires:
      description: When it expires, ISO 8601.
      type: str
    decided_by:
      description: Who decided.
      type: str
    decided:
      description: When, ISO 8601.
      type: str
    reason:
      description: Why.
      type: str
    risk_acknowledged:
      description: Whether the risk was acknowledged.
      type: bool
    break_glass:
      description: Whether the rule of two persons was broken.
      type: bool
    door:
      description: Where the decision came in.
      type: str
    used:
      description: When it opened its gate, ISO 8601.
      type: str
msg:
  description: What was decided.
  type: str
  returned: always
"""
