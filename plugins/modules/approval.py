# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: approval
short_description: Ask for an approval and wait for it
version_added: 0.1.0
description:
  - A gate before a checkpoint. Asks for an approval, shows what is to be approved and the command that does it, and waits.
  - The approval is bound to a digest, expires and opens the gate once. Who asked cannot approve.
  - When the playbook is killed, the request stays; the next run of the same command attaches to it. A checkpoint that was
    cut off after its gate had opened goes on under the same approval until it ends.
  - A rejection stands for its digest and makes the task fail, also in the next run; see O(ask_again).
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: The run, by its id or its name.
    type: str
    required: true
  checkpoint:
    description: The checkpoint behind the gate; one that the run does not have is added at its end.
    type: str
    required: true
  digest:
    description: What the approval is for. Default is the run's digest.
    type: str
  destructive:
    description: Whether the risk must be acknowledged. What the run's plan says about the checkpoint holds in any case.
    type: bool
  requester:
    description: Who asks. Default is the user of AWX, else the login name, behind C(sudo) as well.
    type: str
  summary:
    description: What who approves is shown. Default is the summary in the run's plan. Kept in clear, so no secrets.
    type: str
  wait:
    description:
      - V(hold) waits until somebody has decided or the approval has expired, with a line every 30 seconds.
      - V(park) does not wait. While nobody has approved, the task is OK with RV(parked=true), and the plays behind it find no
        hosts in P(raywright.fleet.pending#lookup); the same command resumes the run later.
    type: str
    choices: [hold, park]
    default: hold
  ttl:
    description: How long the approval is open, in seconds or with a unit, as in V(90s), V(30m), V(24h) and V(7d).
    type: str
    default: 24h
  doors:
    description:
      - Where a decision may come in.
      - V(ledger) is the playbook C(raywright.fleet.approve) or M(raywright.fleet.approval_decision). It is always open.
      - V(file) is a file in O(approvals_dir).
      - V(terminal) asks at the terminal. Open it only where somebody sits there. A job runner has a terminal too, and the
        question would wait for ever.
    type: list
    elements: str
    choices: [terminal, file, ledger]
    default: [file, ledger]
  approvals_dir:
    description:
      - A directory where a file named after the approval, C(<approval>.yml), C(.yaml) or C(.json), decides.
      - The file holds C(digest) (12 characters or more), C(verdict) (V(approve) or V(reject)) and C(reason), and may hold
        C(approver) (default is its owner), C(risk_acknowledged) and C(break_glass).
      - Neither the file nor the directory may be writable for everybody.
    type: path
    default: .raywright/approvals
  ask_again:
    description: Whether to ask again after a rejection.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details:
      - Says that it would wait, and asks for nothing.
  idempotence:
    support: full
    details:
      - Changed means that an approval was used.
"""

EXAMPLES = r"""
- name: Wait until somebody has approved
  raywright.fleet.approval:
    run: deploy
    checkpoint: cleanup-existing
    ttl: 8h
  run_once: true

- name: Leave the run until somebody has approved
  raywright.fleet.approval:
    run: deploy
    checkpoint: docker-installation
    wait: park
  register: gate
  run_once: true

- name: Ask at the terminal
  raywright.fleet.approval:
    run: deploy
    checkpoint: docker-installation
    doors: [terminal, ledger]
  run_once: true
"""

RETURN = r"""
approved:
  description: Whether the gate is open.
  type: bool
  returned: success
parked:
  description: Whether the run was left until somebody decides.
  type: bool
  returned: success
would_wait:
  description: That it would have waited.
  type: bool
  returned: in check mode
approve_command:
  description: The command that approves, up to the name and the reason.
  type: str
  returned: when parked
approval:
  description: The approval.
  type: dict
  returned: success, except in check mode
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
  description: What was done, or why nothing was.
  type: str
  returned: always
"""
