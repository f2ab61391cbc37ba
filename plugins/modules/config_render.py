# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: config_render
short_description: Render the configuration of every device of a fleet
version_added: 0.1.0
description:
  - Renders one Jinja2 template for each host with that host's variables, or takes configurations that were rendered
    elsewhere, and puts them into one directory, a file for each host.
  - Works as M(ansible.builtin.template) does, with Ansible's filters, tests and lookups, but in one action for the whole
    fleet. 10,000 hosts take seconds, not hours.
  - All hosts are rendered, or nothing is written. Every error is reported at once, each with the hosts it holds for.
options:
  hosts:
    description:
      - Patterns that select the hosts, within C(--limit).
      - Default are the hosts of the play.
    type: list
    elements: str
  template:
    description:
      - The template, looked for as M(ansible.builtin.template) does, then in the current directory.
      - A variable that is not defined is an error.
      - Exactly one of O(template) and O(config_dir) is required.
    type: str
  config_dir:
    description:
      - A directory of configurations, C(<inventory_hostname>.cfg), in UTF-8, looked for as files are, then in the
        current directory.
      - A host without a file is an error; a file without a host gets a warning.
    type: str
  dest:
    description:
      - The directory to write to, relative to the current directory.
      - It is made, for the owner only, when it is not there. It is refused when others may write to it.
      - Files of hosts that are not selected stay as they are.
    type: path
    required: true
  transient:
    description:
      - Whether the configurations are for this playbook only. They get a directory of its own in O(dest), which
        RV(configs) names and O(raywright.fleet.rollout_plan#module:consume) removes.
      - Those that playbooks left in O(dest) which were ended before they came to that are removed.
    type: bool
    default: false
  trim_blocks:
    description: Whether the newline after a block is removed, as in M(ansible.builtin.template).
    type: bool
    default: true
  lstrip_blocks:
    description: Whether blanks before a block are removed, as in M(ansible.builtin.template).
    type: bool
    default: false
  allow_empty:
    description:
      - Whether a configuration may be empty.
      - An empty one is an error by default, for it would erase a device whose configuration is replaced.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - No device is touched. The files are written in check mode too, for what comes after reads them.
  diff_mode:
    support: none
    description: Configurations hold secrets, so none is shown here.
  idempotence:
    support: full
    description: Changed means that a file is new or differs.
  action:
    support: full
    description: Runs on the controller, once for the whole play.
seealso:
  - module: ansible.builtin.template
author:
  - raywright.fleet contributors (@raywright)
"""

EXAMPLES = r"""
- name: Render the configurations of all leaves
  raywright.fleet.config_render:
    hosts: leaves
    template: leaf.j2
    dest: build/configs
  register: rendered
  run_once: true

- name: Take configurations that another tool made
  raywright.fleet.config_render:
    config_dir: /srv/configs
    dest: build/configs
  run_once: true
"""

RETURN = r"""
configs:
  description: The directory that holds the configurations.
  type: str
  returned: success
  sample: /srv/fleet/build/configs
count:
  description: How many hosts were rendered.
  type: int
  returned: success
  sample: 10000
changed_count:
  description: How many of the files are new or differ from what was there.
  type: int
  returned: success
  sample: 12
"""
