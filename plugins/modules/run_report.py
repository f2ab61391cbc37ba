# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Show how far the checkpoints of a run are
version_added: 0.1.0
description:
  - Prints a table of checkpoints with their state, how long they took, what became of their hosts and who approved them,
    and why hosts were lost. Writes the same as JSON on request.
  - The task is OK whatever it reports; look at RV(report.ok).
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  begun:
    description: The result of M(raywright.fleet.run) with C(state=begin) in this playbook. Either this or O(name) is required.
    type: dict
  name:
    description:
      - Name of a run. Each of O(checkpoints) is shown as it was in the run where it was last at work, the unfinished or
        newest one of that name, or the one of its own that C(checkpoint) of M(raywright.fleet.run) makes.
    type: str
  checkpoints:
    description: The checkpoints to show; with O(name).
    type: list
    elements: str
    default: []
  hosts:
    description: Hosts whose variable C(raywright_lost) is looked at; see M(raywright.fleet.checkpoint).
    type: list
    elements: str
    default: []
  checks:
    description: A report of M(raywright.fleet.checks_report), to be kept in the file.
    type: dict
  path:
    description: Where to write the report as JSON.
    type: path
  show:
    description: Whether to print it as text for people, as one line of JSON, or not at all.
    type: str
    choices: [nothing, text, json]
    default: text
attributes:
  check_mode:
    support: full
    details:
      - The report is written in check mode too.
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Show what became of the deployment
  raywright.fleet.run_report:
    begun: "{{ deployment }}"
    hosts: "{{ groups['ray_cluster'] }}"
    path: deploy.json
  run_once: true
"""

RETURN = r"""
report:
  description: The report, as it is written to O(path).
  type: dict
  returned: success
  contains:
    ok:
      description: Whether each checkpoint that was asked for has passed or was skipped, and no host was lost.
      type: bool
    failed:
      description:
        - Whether something went wrong. A run that is parked or paused, so that there are some RV(report.left), has not failed.
        - A checkpoint that is running at the end of its playbook was cut off, which has.
      type: bool
    left:
      description: The checkpoints that were asked for and have neither passed nor been skipped.
      type: list
      elements: str
    run:
      description: Id of the run; none in check mode, and with O(name).
      type: str
    name:
      description: Its name.
      type: str
    state:
      description: Its state.
      type: str
    seconds:
      description: How long this playbook has been at work.
      type: float
    checkpoints:
      description: For each checkpoint C(name), C(state), C(run), C(seconds), C(outcomes), C(lost), C(note) and C(approval).
      type: list
      elements: dict
    checks:
      description: What O(checks) was.
      type: dict
"""
