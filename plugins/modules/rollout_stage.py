# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_stage
short_description: Roll out one stage of a planned run
version_added: 0.1.0
description:
  - Pushes the planned changes to the devices of one stage, in parallel on Ray, reads each back, saves, waits, runs the
    checks, and gives the stage's verdict.
  - A device whose configuration is no longer the one the plan was made on is held back, not pushed.
  - Resumes a stage that was interrupted. Devices that are done are not touched again; those of which it is not known are
    read first.
  - The stages before must have passed, and every gate before it must have been opened by an approval of this very plan.
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
  ray_address:
    description: V(local), or the address of a Ray cluster's Jobs API.
    type: str
    default: local
  confirm:
    description:
      - Whether the devices are confirmed when the stage has passed, where the plan has them hold their changes
        (O(raywright.fleet.rollout_plan#module:confirm_timeout)).
      - With V(false) they go on holding them, for tasks of your own to come first; then
        M(raywright.fleet.rollout_confirm) ends the stage. Until it does, no later stage starts.
      - Devices of a stage that did not pass take their changes back at once either way.
    type: bool
    default: true
  fail_on_verdict:
    description:
      - Whether the task fails when the stage's verdict is not V(passed). Without, a rollback can come first; no later
        stage of the run starts either way.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Says that it would be rolled out.
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Roll out the canary
  raywright.fleet.rollout_stage:
    run: "{{ plan.run }}"
    stage: "{{ plan.stages[0].name }}"
  run_once: true
  register: canary
"""

RETURN = r"""
confirmed:
  description: V(false) where the devices still hold their changes.
  type: bool
  returned: when the stage passed and is to be confirmed by itself
verdict:
  description: V(passed), V(failed), or V(inconclusive), which pauses the run.
  type: str
  returned: when the stage came to its end
reason:
  description: Why.
  type: str
  returned: when the stage came to its end
outcomes:
  description: Devices of the stage by outcome.
  type: dict
  returned: when the stage came to its end
"""
