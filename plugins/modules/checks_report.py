# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: checks_report
short_description: Show what the checks of many hosts found
version_added: 0.1.0
description:
  - Collects the facts that the roles' C(checks) set on each host, and prints one table of what is not as it should be,
    with what to do, or one line when all is well.
  - A row of a fact is a dictionary with C(check) (what was looked at), C(ok), C(severity) (V(error) or V(warning)),
    C(found), C(wanted), C(fix) and C(checkpoint).
  - A host whose variable C(raywright_lost) says that it was lost counts as an error; see M(raywright.fleet.checkpoint).
options:
  facts:
    description: Names of the facts.
    type: list
    elements: str
    required: true
  hosts:
    description: The hosts to collect them from.
    type: list
    elements: str
    required: true
  checkpoints:
    description: Only rows of these checkpoints. Default is all.
    type: list
    elements: str
    default: []
  path:
    description: Where to write the report as JSON.
    type: path
  show:
    description: Whether to print it as text for people, as one line of JSON, or not at all.
    type: str
    choices: [nothing, text, json]
    default: text
  fail:
    description: Whether the task fails when an error was found, or when there was nothing to look at.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and predict changes without making them.
    support: full
    details:
      - The report is written in check mode too.
  diff_mode:
    description: Returns details on what has changed, in diff mode.
    support: none
  idempotence:
    description: Makes no change when it is run twice in a row.
    support: full
  action:
    description: Runs on the controller, once for the whole play.
    support: full
    details:
      - Set C(run_once=true) so that every host registers the result.
author:
  - raywright.fleet contributors (@raywright)
"""

EXAMPLES = r"""
- name: Show what is wrong with Docker and the firewall
  raywright.fleet.checks_report:
    facts: [docker_checks, firewall_checks]
    hosts: "{{ groups['ray_cluster'] }}"
    path: checks.json
  run_once: true
"""

RETURN = r"""
report:
  description: The report, as it is written to O(path). When the task fails, it is only there and in the table.
  type: dict
  returned: success
  contains:
    ok:
      description: Whether something was checked and no error was found.
      type: bool
    hosts:
      description: The hosts.
      type: list
      elements: str
    checks:
      description: How many checks were made.
      type: int
    errors:
      description: How many errors were found.
      type: int
    warnings:
      description: How many warnings.
      type: int
    checkpoints:
      description: For each checkpoint C(ok), C(checks) and C(errors).
      type: dict
    failed_hosts:
      description: For each host with an error, the checks that failed.
      type: dict
    rows:
      description: All rows, with their host.
      type: list
      elements: dict
"""
