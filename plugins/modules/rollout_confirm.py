# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_confirm
short_description: Confirm the devices of a stage, or have them take their changes back
version_added: 0.1.0
description:
  - Ends a stage that M(raywright.fleet.rollout_stage) rolled out and validated with O(raywright.fleet.rollout_stage#module:confirm)
    set to V(false), so that tasks of your own could come between.
  - Each device that still shows its change is confirmed and then saved. A device that does not show it any more, or that
    took it back by itself because its time was over, is not, and counts as a failure.
  - With O(keep=false) every device takes its change back now, and the stage fails.
  - Where nobody does either, because controller, Ray and network are all gone, each device reverts by itself.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: The run, by its id or its name.
    type: str
    required: true
  stage:
    description: The stage's name.
    type: str
    required: true
  keep:
    description: Whether the changes are kept.
    type: bool
    default: true
  reason:
    description: Why they are not; it is kept in the ledger. Required when O(keep=false).
    type: str
  ray_address:
    description: V(local), or the address of a Ray cluster's Jobs API.
    type: str
    default: local
  fail_on_verdict:
    description: Whether the task fails when the stage's verdict is not V(passed).
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Says that it would be confirmed.
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Roll out the canary, which reverts by itself unless it is confirmed
  raywright.fleet.rollout_stage:
    run: "{{ plan.run }}"
    stage: "{{ plan.stages[0].name }}"
    confirm: false
  run_once: true

- name: See whether customers still get what they pay for
  ansible.builtin.include_tasks: acceptance.yml

- name: Confirm the canary
  raywright.fleet.rollout_confirm:
    run: "{{ plan.run }}"
    stage: "{{ plan.stages[0].name }}"
  run_once: true
"""

RETURN = r"""
verdict:
  description: V(passed) or V(failed).
  type: str
  returned: success
reason:
  description: Why.
  type: str
  returned: when something was confirmed or taken back
outcomes:
  description: Devices of the stage by outcome.
  type: dict
  returned: success
"""
