# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ray_cluster_info
short_description: The nodes of a live Ray cluster
version_added: 0.2.0
description:
  - Returns what a Ray cluster says of itself through its HTTP API, versions and nodes with state, health, resources,
    labels, ports and load.
  - Fails when the cluster does not answer or refuses the token. A node that is dead or silent is a finding in the result,
    not a failure.
extends_documentation_fragment:
  - raywright.fleet.ray_api
options:
  dead:
    description: Whether to return nodes that have left the cluster too, with Ray's reason.
    type: bool
    default: false
  show:
    description: Whether to print it too, as a table for people or as one line of JSON.
    type: str
    choices: [nothing, text, json]
    default: nothing
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  idempotence:
    support: full
seealso:
  - module: raywright.fleet.ray_job
  - plugin: raywright.fleet.ray_cluster
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Look at the cluster
  raywright.fleet.ray_cluster_info:
    address: http://192.0.2.10:8265
    token_file: .raywright/ray/ray.token
    show: text
  run_once: true
  register: cluster

- name: Insist on three healthy nodes
  ansible.builtin.assert:
    that: cluster.nodes | selectattr('health', 'eq', 'healthy') | list | length == 3
"""

RETURN = r"""
address:
  description: Where the cluster was asked.
  type: str
  returned: success
  sample: http://192.0.2.10:8265
ray_version:
  description: Ray's version, which is the same on every node.
  type: str
  returned: success
  sample: 2.60.0
python_version:
  description: Version of the Python that Ray runs in.
  type: str
  returned: success
  sample: 3.11.2
session:
  description: Name of the head's session; a head that was started again has another one.
  type: str
  returned: success
alive:
  description: How many nodes are alive.
  type: int
  returned: success
resources:
  description: Resources of all living nodes together.
  type: dict
  returned: success
  sample: {"CPU": 12.0, "memory": 69920328192.0}
nodes:
  description: The nodes, the head first.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Ray's id of the node.
      type: str
    name:
      description: What it was started as, which with this collection is its inventory name; else the machine's own name.
      type: str
    address:
      description: Its address inside the cluster.
      type: str
    hostname:
      description: The machine's own name.
      type: str
    is_head:
      description: Whether it is the head.
      type: bool
    state:
      description: Ray's word, V(ALIVE) or V(DEAD).
      type: str
    health:
      description:
        - V(healthy); V(draining), which takes no new work; V(silent), alive to the head but its agent does not report;
          V(dead).
      type: str
    message:
      description: Why it is dead, where Ray says.
      type: str
    resources:
      description: What it offers.
      type: dict
    labels:
      description: Its labels.
      type: dict
    ports:
      description: Ports it listens on.
      type: dict
    usage:
      description: Per cent of C(cpu), C(memory) and C(disk) in use on the machine.
      type: dict
    gpus:
      description: Product names of its GPUs.
      type: list
      elements: str
    started:
      description: When it joined, UTC.
      type: str
"""
