# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_manifest
short_description: A Ray cluster's inventory in another tool's words
version_added: 0.2.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Reads the groups C(ray_head) and C(ray_workers) and the C(ray_node_*) variables of their hosts, and gives the same
    cluster as a configuration for Ray's cluster launcher, or as a C(RayCluster) for KubeRay.
  - The playbook C(raywright.fleet.cluster_manifests) writes both to files.
options:
  _terms:
    description:
      - V(launcher) for C(ray up), with the provider V(local).
      - V(kuberay) for KubeRay 1.5.1 or newer. What a pod is given comes from the inventory, or from facts
        (C(processor_vcpus), C(memtotal_mb)) where they were gathered.
    required: true
  image:
    description: Container image of the pods, where the inventory names none (O(_terms=kuberay)).
    type: str
  namespace:
    description: Kubernetes namespace; default is none in the manifest (O(_terms=kuberay)).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look at it
  ansible.builtin.debug:
    msg: "{{ lookup('raywright.fleet.cluster_manifest', 'kuberay', namespace='ray') | to_nice_yaml(sort_keys=false) }}"
"""

RETURN = r"""
_raw:
  description: The configuration, as a mapping.
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.raywright.fleet.engine.errors import FleetError
from ansible_collections.raywright.fleet.plugins.plugin_utils._engine import COLLECTION_ROOT
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES = (
    "ansible_host",
    "ansible_user",
    "ansible_ssh_private_key_file",
    "ray_node_address",
    "ray_node_authentication",
    "ray_node_cluster_name",
    "ray_node_cpus",
    "ray_node_gpus",
    "ray_node_image",
    "ray_node_labels",
    "ray_node_memory",
    "ray_node_mode",
    "ray_node_object_store_memory",
    "ray_node_ports",
    "ray_node_resources",
    "ray_node_token_file",
    "ray_node_version",
)
_FACTS = ("memtotal_mb", "processor_vcpus")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        from ansible_collections.raywright.fleet.engine.cluster import kuberay, launcher
        from ansible_collections.raywright.fleet.engine.cluster.members import Shape

        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        groups = known.get("groups", {})
        head, workers = ([str(name) for name in groups.get(group, ())] for group in ("ray_head", "ray_workers"))
        defaults = yaml.safe_load((COLLECTION_ROOT / "roles/ray_node/defaults/main.yml").read_text(encoding="utf-8"))
        try:
            hosts = {name: _given(known["hostvars"][name]) for name in (*head, *workers)}
            shape = Shape.from_inventory(head, workers, hosts, defaults=defaults)
            image = self.get_option("image") or f"rayproject/ray:{shape.ray_version}"
            writers = {
                "launcher": lambda: launcher.render(shape),
                "kuberay": lambda: kuberay.render(shape, image=image, namespace=self.get_option("namespace")),
            }
            return [writers[str(term)]() for term in terms]
        except KeyError as exc:
            raise AnsibleLookupError(f"There is no manifest {exc}; there are launcher and kuberay.") from None
        except FleetError as exc:
            raise AnsibleLookupError(str(exc)) from None


def _given(host: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: plain(host[name]) for name in _VARIABLES if name in host}
    facts = host.get("ansible_facts", {})
    return given | {name: plain(facts[name]) for name in _FACTS if name in facts}
