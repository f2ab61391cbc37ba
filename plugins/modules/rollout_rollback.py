# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_rollback
short_description: Restore what a run changed
version_added: 0.1.0
description:
  - Restores the configuration that each device had when the run was planned, byte for byte, and reads it back.
  - A rollback is a rollout itself. It goes in stages, a small one first; each device is read back and compared; the
    breaker stops it; every outcome and every step is recorded in the run that is rolled back.
  - Run again, it goes on with what is left. A device that may have been half restored is read first.
  - The last that were changed are restored first. Members of a redundancy group are never restored together, and what
    carries the way to the other devices comes last.
  - Devices on which the run sent nothing are no part of it. One that cannot be reached, or that the inventory no longer
    has, is reported and counts for nothing; the others are restored. C(--limit) holds.
  - A device that somebody else has changed since, what runs or what is saved, is held back and reported.
  - While it lasts the run holds the devices, and it is refused where another run has them by now.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: The run, by its id or its name.
    type: str
    required: true
  stage:
    description: Only the devices of this stage. Default are all that the run changed.
    type: str
  reason:
    description: Why; it is kept in the ledger.
    type: str
    required: true
  stages:
    description:
      - Cumulative shares of the devices to restore (C("10%")) or counts (C(25)), or mappings with C(name) and C(size).
      - No stage begins when more devices could not be restored in the one before than O(max_failure_percentage).
    type: raw
    default: ["1%", "100%"]
  order:
    description: V(reverse) restores the last that were changed first; V(rollout) goes in the order of the rollout.
    type: str
    choices: [reverse, rollout]
    default: reverse
  max_failure_percentage:
    description:
      - More devices than this that could not be restored, of a stage or of all, stop the rollback. Default is the run's own.
    type: float
  min_sample:
    description: Devices that must have been started before the share counts while a stage runs. Default is the run's own.
    type: int
  concurrency:
    description: Devices in flight at once. Default is the run's own.
    type: int
  timeout:
    description: How long one exchange with a device may take, V(90) or C(2m). Default is the run's own.
    type: str
  at_once:
    description:
      - For an emergency, restores everything that can be restored as fast as O(concurrency) allows, with no stages, no
        breaker, and without regard to redundancy groups.
    type: bool
    default: false
  ray_address:
    description: V(local), or the address of a Ray cluster's Jobs API.
    type: str
    default: local
attributes:
  check_mode:
    support: full
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Take the whole run back
  raywright.fleet.rollout_rollback:
    run: r-abcdefghij
    reason: customers report packet loss
  run_once: true

- name: Take one stage back, in small steps
  raywright.fleet.rollout_rollback:
    run: r-abcdefghij
    stage: 10%
    reason: memory leak
    stages: [1, "25%", "100%"]
    max_failure_percentage: 2
  run_once: true
"""

RETURN = r"""
outcomes:
  description: Devices by outcome, C(rolled_back) for those that were restored.
  type: dict
  returned: success
stages:
  description: The steps that there would be, with C(devices) and C(hosts).
  type: list
  elements: dict
  returned: in check mode
state:
  description: The run's state then, V(rolled_back) when nothing of it is left on any device.
  type: str
  returned: when devices were asked
tripped:
  description: Why the breaker stopped the rollback, if it did.
  type: str
  returned: when devices were asked
later_runs:
  description: Runs of the same name that changed devices after this one, the newest first; they are not taken back with it.
  type: list
  elements: str
  returned: when there are any
failures:
  description: Why devices were not restored.
  type: dict
  returned: when devices were asked
"""
