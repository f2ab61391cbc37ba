# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Begin, resume, end or give up a run
version_added: 0.1.0
description:
  - A run is one execution of a plan, recorded in the ledger. It can stop and be resumed, and its checkpoints can be gated.
  - A rollout makes its own run; see M(raywright.fleet.rollout_plan). This module is for playbooks of one's own.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  state:
    description:
      - V(begin) makes a run, or resumes the unfinished one of that name, provided that its definition is the same.
      - V(end) records O(result). A run is completed only when every checkpoint has passed or was skipped.
      - V(abandon) gives an unfinished run up, and frees its name and the devices that it holds.
      - V(release) frees the devices that a rollout left in doubt when it ended, once somebody has looked at them.
    type: str
    choices: [begin, end, abandon, release]
    default: begin
  name:
    description: Name of the run. There is one unfinished run of a name at a time.
    type: str
  run:
    description: The run to end or give up, by its id or its name; O(name) does as well.
    type: str
  kind:
    description: What sort of run it is.
    type: str
    default: playbook
  definition:
    description:
      - What makes this run this run, such as the versions to install. Kept in clear, so no secrets.
      - A run whose definition has changed is not resumed; what has changed is said instead.
    type: dict
    default: {}
  checkpoints:
    description: Checkpoints in order; M(raywright.fleet.checkpoint) adds those that are not listed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the checkpoint.
        type: str
        required: true
      approval:
        description: Whether it begins only after an approval.
        type: bool
        default: false
      destructive:
        description: Whether who approves it must acknowledge the risk.
        type: bool
        default: false
      summary:
        description: What who approves it is shown.
        type: str
  checkpoint:
    description:
      - Act on this one of O(checkpoints) alone. Where the unfinished run of that O(name) has it still to do, that run is
        resumed; otherwise it becomes a run of its own, named C(<name>:<checkpoint>), so that what was asked for is done.
    type: str
  start_from:
    description:
      - Record those of O(checkpoints) that come before this one, and have not passed, as skipped.
    type: str
  whole:
    description:
      - With O(checkpoint), act on it as a step of the whole run in any case, and begin that where there is none. So several
        playbooks, each with one checkpoint, such as the job templates of a workflow, make one run.
    type: bool
    default: false
  exclusive:
    description:
      - Whether one playbook at a time acts for the run. From O(state=begin) on, another one that begins, ends or abandons
        it is refused, and told which process on which host has been at work since when. The whole run and those of one
        O(checkpoint) count as the same.
      - It lasts until O(state=end) or until the playbook is gone, killed ones included. A controller on another machine
        that is cut off from the ledger counts as gone after a minute.
      - V(false) is for playbooks that agree with each other in another way.
    type: bool
    default: true
  requester:
    description: Who wants the run. Default is the user of AWX, else the login name, behind C(sudo) as well.
    type: str
  result:
    description:
      - How the run ended.
      - V(by_checkpoints) lets its checkpoints tell. It is completed when each has passed or was skipped, failed when one
        failed, and paused when some are left; a parked or stopped run stays so.
    type: str
    choices: [completed, stopped, failed, rolled_back, by_checkpoints]
    default: completed
  reason:
    description: Why the run is given up or its devices are released. Required for O(state=abandon) and O(state=release).
    type: str
attributes:
  check_mode:
    support: full
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Begin the deployment, or resume it
  raywright.fleet.run:
    name: deploy
    definition:
      ray_version: 2.60.0
    checkpoints:
      - name: prerequisites-check
      - name: cleanup-existing
        approval: true
        destructive: true
        summary: Removes all containers of the nodes.
  register: deployment
  run_once: true

- name: Begin, or resume, with one checkpoint alone
  raywright.fleet.run:
    name: deploy
    checkpoint: cleanup-existing
    checkpoints:
      - name: prerequisites-check
      - name: cleanup-existing
  run_once: true

- name: End it
  raywright.fleet.run:
    state: end
    name: deploy
  run_once: true

- name: Give it up
  raywright.fleet.run:
    state: abandon
    run: r-k3v9qf7zwm
    reason: Replaced by a new plan
  run_once: true
"""

RETURN = r"""
run:
  description: The run; none in check mode when it is yet to be made.
  type: dict
  returned: success
  contains:
    id:
      description: Its id.
      type: str
    name:
      description: Its name.
      type: str
    kind:
      description: What sort of run it is.
      type: str
    state:
      description: One of planning, planned, running, waiting, parked, paused, completed, stopped, failed, rolled_back and
        abandoned.
      type: str
    requester:
      description: Who wants it.
      type: str
    digest:
      description: Of the plan, else of the definition. Approvals are bound to it.
      type: str
    created:
      description: When it was made, ISO 8601.
      type: str
    updated:
      description: When its state changed last, ISO 8601.
      type: str
    version:
      description: How many times it has changed.
      type: int
resumed:
  description: Whether the run was there already.
  type: bool
  returned: O(state=begin)
selected:
  description: The checkpoints that the playbook is to act on.
  type: list
  elements: str
  returned: O(state=begin)
began:
  description: When this playbook began, ISO 8601.
  type: str
  returned: O(state=begin)
recorded:
  description: Whether the ledger records what happens; not so in check mode.
  type: bool
  returned: O(state=begin)
msg:
  description: What was done, or why nothing was.
  type: str
  returned: always
"""
