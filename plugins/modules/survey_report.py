# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: survey_report
short_description: What would be done to many hosts, as one thing to approve
version_added: 0.1.0
description:
  - Collects the facts that the roles' C(survey) set on each host, lists of what the role would do there, and makes of them
    a text for who approves and the digest that the approval is bound to.
  - Hosts with the same list are shown together.
options:
  checkpoint:
    description: The checkpoint; it is part of the digest.
    type: str
    required: true
  facts:
    description: Names of the facts. A host that has none of them was not looked at.
    type: list
    elements: str
    required: true
  hosts:
    description: The hosts to collect them from. One that is marked as lost is left out; see M(raywright.fleet.checkpoint).
    type: list
    elements: str
    required: true
  show:
    description: Whether to print the text here; M(raywright.fleet.approval) prints it when it asks.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and predict changes without making them.
    support: full
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
- name: Collect what would be done
  raywright.fleet.survey_report:
    checkpoint: docker-installation
    facts: [common_survey, docker_survey]
    hosts: "{{ groups['ray_cluster'] }}"
  register: survey
  run_once: true

- name: Have it approved
  raywright.fleet.approval:
    run: deploy
    checkpoint: docker-installation
    digest: "{{ survey.digest }}"
    summary: "{{ survey.summary }}"
  when: not survey.empty
  run_once: true
"""

RETURN = r"""
digest:
  description: SHA-256 over what would be done to each host.
  type: str
  returned: success
empty:
  description: Whether there is nothing to do anywhere.
  type: bool
  returned: success
idle:
  description: Hosts on which there is nothing to do.
  type: list
  elements: str
  returned: success
lost:
  description: Hosts that are marked as lost.
  type: list
  elements: str
  returned: success
missing:
  description: Hosts that were not looked at.
  type: list
  elements: str
  returned: success
surveys:
  description: For each host, what would be done to it.
  type: dict
  returned: success
summary:
  description: The same for people.
  type: str
  returned: success
"""
