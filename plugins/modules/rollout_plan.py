# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Plan a configuration rollout without touching a device
version_added: 0.1.0
description:
  - Reads the running configuration of every device, computes what would change, divides the devices into stages and
    records the plan in the ledger. Nothing is changed on any device.
  - The plan is identified by its digest, over each device's change, the configuration it starts from, its stage, and the
    policy. An approval counts for one digest only, and what is sent later is what the digest covers.
  - When there is an unfinished run of the same O(name), that one is resumed instead; when what it would do has changed,
    the task fails and says what.
  - The run holds its devices, by name and by address, until it has ended. When another run holds one of them the task
    fails, before any device is asked, and says which run, whose, since when, and what can be done.
  - Shows the distinct changes, each with the number of devices it covers. All of them in diff mode.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  hosts:
    description: Patterns that select the devices, within C(--limit). Default are the hosts of the play.
    type: list
    elements: str
  configs:
    description: Directory of rendered configurations, as M(raywright.fleet.config_render) leaves it.
      Give these or O(playbook).
    type: path
  playbook:
    description:
      - A playbook that is the change, instead of configurations. The plan is what its C(--check --diff) says of each
        device. It travels to the workers with the folders beside it that Ansible looks in (roles, templates, ...).
    type: str
  rollback_playbook:
    description: A playbook beside O(playbook) that takes the change back. Without it a device cannot be rolled back.
    type: str
  validate_playbook:
    description: A playbook beside O(playbook) that fails on a device on which something is wrong after the change.
    type: str
  playbook_idempotent:
    description:
      - Whether O(playbook) may be run again on a device of which it is not known how far it got. Otherwise such a device
        is left unknown, for a person.
    type: bool
    default: false
  consume:
    description: Remove the directory once it is read. What has to be kept is kept sealed in the ledger.
    type: bool
    default: false
  stage_tasks:
    description:
      - Files of tasks that will be included around each stage. One that is not there, or holds no list of tasks, is refused
        before any device is asked. They may lie in the role, beside the playbook or in the current directory.
    type: list
    elements: str
    default: []
  name:
    description: Names the rollout. A name has one unfinished run at a time.
    type: str
    default: rollout
  requester:
    description: Who asks. Default is AWX's user, else the user who is logged in.
    type: str
  unfinished:
    description: What to do about an unfinished run of the same name.
    type: str
    choices: [resume, abandon]
    default: resume
  follows:
    description:
      - An earlier run, by its id or its name, whose devices in doubt this one may have and settle. A run of the same O(name) always may.
    type: str
  ray_address:
    description: V(local), or the address of a Ray cluster's Jobs API.
    type: str
    default: local
  mode:
    description: With V(replace) a device ends with exactly its configuration; V(merge) adds it.
    type: raw
  stages:
    description: Cumulative stages, see the role P(raywright.fleet.network_rollout#role).
    type: raw
  order:
    description: V(shuffle) or V(inventory).
    type: raw
  stratify:
    description: Variables that tell one kind of device from another, beside platform and shape of change.
    type: raw
  never_together:
    description: A variable that is equal on the members of a redundancy group, or what such groups' names begin with.
    type: raw
  last:
    description: Hosts and groups that come last, one device at a time.
    type: raw
  max_failure_percentage:
    description: The breaker's limit.
    type: raw
  min_sample:
    description: The breaker's minimum sample.
    type: raw
  max_stratum_failure_percentage:
    description: The breaker's limit for one stratum.
    type: raw
  stratum_min_sample:
    description: The breaker's minimum sample of one stratum.
    type: raw
  concurrency:
    description: Devices in flight at once.
    type: raw
  retries:
    description: Tries for a device.
    type: raw
  timeout:
    description: Time that one exchange with a device may take.
    type: raw
  validate:
    description: Checks after each stage.
    type: raw
  approval:
    description: V(never), V(plan) or V(stages).
    type: raw
  on_failure:
    description: V(stop), V(rollback_stage) or V(rollback_run).
    type: raw
  on_unready:
    description: V(refuse) or V(skip).
    type: raw
  rollback_proof:
    description: V(report) or V(require).
    type: raw
  confirm_timeout:
    description:
      - Each device takes its change back by itself this long after it was made, unless its stage has passed by then and
        the device was confirmed. Seconds, or with a unit; V(0) does without.
    type: raw
  on_unconfirmable:
    description: V(refuse) or V(without).
    type: raw
  destructive:
    description: Whether whoever approves must acknowledge the risk.
    type: raw
attributes:
  check_mode:
    support: full
    description: Plans and shows, but records nothing.
  diff_mode:
    support: full
    details:
      - Shows every distinct change in full. Secrets are masked.
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Render
  raywright.fleet.config_render:
    template: router.j2
    dest: .raywright/rendered
  run_once: true

- name: Plan
  raywright.fleet.rollout_plan:
    configs: .raywright/rendered
    stages: ["1%", "100%"]
  run_once: true
  register: plan
"""

RETURN = r"""
run:
  description: The run's id; none in check mode.
  type: str
  returned: success
digest:
  description: Identifies the plan.
  type: str
  returned: success
state:
  description: The run's state; V(completed) when nothing would change, V(checked) in check mode.
  type: str
  returned: success
resumed:
  description: Whether an unfinished run goes on.
  type: bool
  returned: success
counts:
  description: Devices by outcome; C(pending) would change.
  type: dict
  returned: success
devices:
  description: How many devices there are.
  type: int
  returned: success
stage_tasks:
  description: Where each file of O(stage_tasks) was found.
  type: dict
  returned: success
plan_gate:
  description: Whether the plan must be approved before its first stage.
  type: bool
  returned: success
stages:
  description: The stages with C(name), C(devices), C(hosts), C(waves) (how many), C(approval) and C(ended).
  type: list
  elements: dict
  returned: success
held_by:
  description: The runs that hold some of the devices and would keep this one from starting.
  type: list
  elements: dict
  returned: in check mode
in_flight:
  description: The largest number of devices that can be touched after the breaker's limit is crossed.
  type: int
  returned: when a plan was made
canary:
  description:
    - What the first stage, C(stage), stands for. C(strata) are platforms, values of the variables in O(stratify), and
      shapes of change; C(covered) is how many of them it has a device of, C(uncovered) are the others (the 100 largest),
      each with C(stratum), C(devices) and an C(example). C(combinations_uncovered) is how many combinations of strata none
      of its devices has, C(devices_in_them) how many devices do.
  type: dict
  returned: when a plan was made
last:
  description: The devices that come last, and why.
  type: dict
  returned: when a plan was made
notes:
  description: What could not be decided.
  type: list
  elements: str
  returned: when a plan was made
rollback:
  description: Devices that would change, by what is known of their rollback, C(proved), C(not_proved) or C(unprovable).
  type: dict
  returned: when a plan was made
"""
