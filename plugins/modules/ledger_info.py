# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_info
short_description: What the ledger says
version_added: 0.1.0
description:
  - Returns runs, or one run with its checkpoints, outcomes and approvals, and checks on request that nobody changed the
    record.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: One run, by its id or its name. Without it, the newest runs.
    type: str
  limit:
    description: How many runs.
    type: int
    default: 20
  events:
    description: Whether to return the events as well.
    type: bool
    default: false
  verify:
    description:
      - Whether to check the chain of events, and that every row is what the events say.
      - The task does not fail for what it finds; look at RV(verification).
    type: bool
    default: false
  show:
    description: Whether to print it too, as text for people or as one line of JSON.
    type: str
    choices: [nothing, text, json]
    default: nothing
attributes:
  check_mode:
    support: full
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Look at the newest runs
  raywright.fleet.ledger_info:
    show: text
  run_once: true

- name: Check the record
  raywright.fleet.ledger_info:
    run: deploy
    verify: true
  register: ledger
  run_once: true

- name: Insist that nobody changed it
  ansible.builtin.assert:
    that: ledger.verification.ok
"""

RETURN = r"""
runs:
  description: The newest runs, newest first.
  type: list
  elements: dict
  returned: without O(run)
run:
  description: The run with its definition.
  type: dict
  returned: with O(run)
checkpoints:
  description: Its checkpoints in order.
  type: list
  elements: dict
  returned: with O(run)
counts:
  description: How many targets of each checkpoint have each outcome.
  type: dict
  returned: with O(run)
  sample:
    10%:
      changed: 9
      unreachable: 1
approvals:
  description: Approvals of the run, else those that are pending.
  type: list
  elements: dict
  returned: success
troubles:
  description: Its targets that are not as wanted, with what became of each and why.
  type: list
  elements: dict
  returned: with O(run)
  sample:
    - name: leaf-017
      outcome: unreachable
      reason: "leaf-017 (192.0.2.17): no SSH session within 60 s; check that the device is up"
unconfirmed:
  description: Devices that held their change on trial when they were last heard of; they revert unless they are confirmed.
  type: list
  elements: str
  returned: with O(run)
events:
  description: What happened, in order.
  type: list
  elements: dict
  returned: with O(events)
verification:
  description: Whether the record is whole.
  type: dict
  returned: with O(verify)
  contains:
    ok:
      description: Whether nothing is wrong.
      type: bool
    events:
      description: How many events there are.
      type: int
    broken_at:
      description: The first event that was altered or is missing; none when only other rows are wrong.
      type: int
    problems:
      description: What is wrong, a sentence each.
      type: list
      elements: str
    head:
      description: Hash of the newest event.
      type: str
"""
