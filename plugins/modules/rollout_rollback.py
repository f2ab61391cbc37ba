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
  - A device that somebody else has changed since is held back and reported.
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
"""

RETURN = r"""
outcomes:
  description: Devices by outcome, C(rolled_back) for those that were restored.
  type: dict
  returned: success
failures:
  description: Why devices were not restored.
  type: dict
  returned: when devices were asked
"""
