# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_report
short_description: Report what became of a run
version_added: 0.1.0
description:
  - Writes a JSON report of a run, or of a plan that check mode made, and shows it in a few lines.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: The run, by its id or its name.
    type: str
  plan:
    description: The result of M(raywright.fleet.rollout_plan) in check mode.
    type: dict
  refused:
    description: Why there is neither; so that no report of an earlier run is taken for this one's.
    type: str
  path:
    description: Where to write the report.
    type: path
attributes:
  check_mode:
    support: full
    description: The report is written in check mode too; no device is touched.
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Report
  raywright.fleet.rollout_report:
    run: "{{ plan.run }}"
    path: report.json
  run_once: true
"""

RETURN = r"""
report:
  description:
    - The report, with C(run), C(digest), C(state), C(devices) (how many), C(outcomes), C(stages), C(rollbacks),
      C(failures), C(read_back), C(unconfirmed), C(approvals), C(engine), and what the plan said, C(canary), C(last),
      C(in_flight) and C(notes); see M(raywright.fleet.rollout_plan).
    - C(rollbacks) lists the steps of rollbacks in the shape of C(stages); one that broke off has the verdict
      C(interrupted). In C(outcomes) each device counts once.
    - C(read_back) lists the devices whose outcome was unknown until they were read again, and what was C(found) there,
      C(applied), C(not_applied), C(partial), C(on_trial) or C(foreign).
    - C(unconfirmed) names the devices that hold their change on trial, so far as the ledger knows. They revert by
      themselves unless they are confirmed.
  type: dict
  returned: success
"""
