# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ray_cluster
short_description: The nodes of a live Ray cluster
version_added: 0.2.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Asks a Ray cluster's HTTP API for its living nodes. They are hosts in the groups C(ray_head) and C(ray_workers),
    children of C(ray_cluster), with what the cluster says of them as variables.
  - A host is named as the node was started (C(ray start --node-name); with this collection, its inventory name), else
    after its machine. Where two nodes share that name, after its address, else after Ray's id.
  - The file's name ends in C(ray_cluster.yml), C(ray_cluster.yaml), C(ray.yml) or C(ray.yaml).
  - Variables of a host are C(ansible_host), C(ray_cluster_node_id), C(ray_cluster_hostname), C(ray_cluster_is_head),
    C(ray_cluster_state), C(ray_cluster_health) (V(healthy), V(draining), V(silent)), C(ray_cluster_resources),
    C(ray_cluster_labels), C(ray_cluster_ports), C(ray_cluster_usage) (per cent of C(cpu), C(memory), C(disk)),
    C(ray_cluster_gpus) and C(ray_cluster_started); the group C(ray_cluster) has C(ray_cluster_address),
    C(ray_cluster_ray_version) and C(ray_cluster_python_version).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
requirements:
  - aiohttp >= 3.9 on the controller
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [raywright.fleet.ray_cluster]
  address:
    description: Address of the cluster's dashboard, as V(http://HEAD:8265) or V(https://...).
    type: str
    env:
      - name: RAYWRIGHT_RAY_ADDRESS
  token_file:
    description:
      - File that holds the cluster's token; relative to the inventory file.
      - Default is what Ray's own tools take, E(RAY_AUTH_TOKEN), the file that E(RAY_AUTH_TOKEN_PATH) names, or
        C(~/.ray/auth_token).
    type: str
"""

EXAMPLES = r"""
# ray_cluster.yml
plugin: raywright.fleet.ray_cluster
address: http://192.0.2.10:8265
token_file: .raywright/ray/ray.token
compose:
  ansible_user: "'admin'"
groups:
  gpu: ray_cluster_resources.GPU is defined
  ailing: ray_cluster_health != 'healthy'
keyed_groups:
  - key: ray_cluster_labels.zone | default('none')
    prefix: zone
cache: true
cache_timeout: 60
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.raywright.fleet.engine.errors import FleetError
from ansible_collections.raywright.fleet.plugins.plugin_utils._cluster import ask, endpoint

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader
    from ansible_collections.raywright.fleet.engine.cluster.api import Api

_PREFIX = "ray_cluster_"
_ENDINGS = ("ray_cluster.yml", "ray_cluster.yaml", "ray.yml", "ray.yaml")
_HOST_VARIABLES = ("hostname", "is_head", "state", "health", "resources", "labels", "ports", "usage", "gpus", "started")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "raywright.fleet.ray_cluster"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(_ENDINGS)

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 - Ansible's signature
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        cluster = self._cluster(path, use_cache=cache)
        for group in ("ray_cluster", "ray_head", "ray_workers"):
            self.inventory.add_group(group)
        for group in ("ray_head", "ray_workers"):
            self.inventory.add_child("ray_cluster", group)
        for name in ("address", "ray_version", "python_version"):
            self.inventory.set_variable("ray_cluster", f"{_PREFIX}{name}", cluster[name])
        for host, node in _named(cluster["nodes"]).items():
            self._add(host, node)

    def _cluster(self, path: str, *, use_cache: bool) -> dict[str, Any]:
        self.load_cache_plugin()
        key = self.get_cache_key(path)
        wanted = self.get_option("cache")
        if use_cache and wanted and key in self._cache:
            cached: dict[str, Any] = self._cache[key]
            return cached
        cluster = self._asked(path)
        if wanted:
            self._cache[key] = cluster
        return cluster

    def _asked(self, path: str) -> dict[str, Any]:
        async def question(api: Api) -> dict[str, Any]:
            from ansible_collections.raywright.fleet.engine.cluster import nodes

            cluster = await nodes.read(api)
            return {
                "address": cluster.address,
                "ray_version": cluster.ray_version,
                "python_version": cluster.python_version,
                "nodes": [node.as_dict() for node in cluster.nodes],
            }

        token_file = self.get_option("token_file")
        try:
            where = endpoint(
                self.get_option("address"),
                str(Path(path).parent / Path(token_file).expanduser()) if token_file else None,
            )
            return ask(where, question, failure=AnsibleParserError)
        except FleetError as exc:
            raise AnsibleParserError(str(exc)) from None

    def _add(self, host: str, node: dict[str, Any]) -> None:
        self.inventory.add_host(host, group="ray_head" if node["is_head"] else "ray_workers")
        variables = {"ansible_host": node["address"], f"{_PREFIX}node_id": node["id"]}
        variables |= {f"{_PREFIX}{name}": node[name] for name in _HOST_VARIABLES}
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _named(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give every node the first of its names that no other node has."""
    named = {}
    for key in ("name", "address", "id"):
        left = [node for node in nodes if node["id"] not in {each["id"] for each in named.values()}]
        taken = [node[key] for node in left]
        named |= {node[key]: node for node in left if taken.count(node[key]) == 1 and node[key] not in named}
    return named
