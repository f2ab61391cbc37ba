# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_launcher
short_description: The machines of a Ray cluster launcher configuration
version_added: 0.2.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Reads a configuration of Ray's cluster launcher (C(ray up)) with the provider V(local), and gives its machines as
    hosts, named by their addresses, in the groups C(ray_head) and C(ray_workers), children of C(ray_cluster). So a
    cluster that was described for the launcher can be deployed with this collection.
  - C(provider.head_ip) and C(provider.worker_ips) become hosts; C(auth.ssh_user), C(auth.ssh_private_key) and
    C(auth.ssh_proxy_command) become C(ansible_user), C(ansible_ssh_private_key_file) and C(ansible_ssh_common_args);
    C(cluster_name) becomes C(ray_node_cluster_name). The commands of the launcher are not taken over.
  - Other providers make their machines themselves and are refused.
  - The file's name ends in C(cluster_launcher.yml) or C(cluster_launcher.yaml).
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [raywright.fleet.cluster_launcher]
  path:
    description: The launcher's configuration; relative to the inventory file.
    type: str
    required: true
"""

EXAMPLES = r"""
# cluster_launcher.yml
plugin: raywright.fleet.cluster_launcher
path: cluster.yaml
compose:
  ansible_become: "true" # an expression
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible_collections.raywright.fleet.engine.errors import FleetError, InvalidInput

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader
    from ansible_collections.raywright.fleet.engine.cluster.launcher import Launcher

_ENDINGS = ("cluster_launcher.yml", "cluster_launcher.yaml")


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "raywright.fleet.cluster_launcher"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(_ENDINGS)

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 - Ansible's signature
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        file = Path(path).parent / Path(str(self.get_option("path"))).expanduser()
        try:
            found = _read(file)
            connection = _connection(found)
        except FleetError as exc:
            raise AnsibleParserError(f"{file}: {exc}") from None
        self.inventory.add_group("ray_cluster")
        for group, addresses in (("ray_head", (found.head,)), ("ray_workers", found.workers)):
            self.inventory.add_group(group)
            self.inventory.add_child("ray_cluster", group)
            for address in addresses:
                self._add(address, group, connection)
        for name, value in {"ray_node_cluster_name": found.cluster_name, **connection}.items():
            self.inventory.set_variable("ray_cluster", name, value)

    def _add(self, address: str, group: str, connection: dict[str, str]) -> None:
        self.inventory.add_host(address, group=group)
        self.inventory.set_variable(address, "ansible_host", address)
        variables = {"ansible_host": address, **connection}
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, address, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, address, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, address, strict=strict)


def _read(file: Path) -> Launcher:
    from ansible_collections.raywright.fleet.engine.cluster import launcher

    try:
        config: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InvalidInput(f"it cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"it is no YAML: {exc}") from exc
    return launcher.read(config)


def _connection(found: Launcher) -> dict[str, str]:
    proxy = ""
    if found.proxy_command:
        if re.search(r"[\"\\]", found.proxy_command):
            raise InvalidInput(
                "auth.ssh_proxy_command has quotes or backslashes, which cannot be handed on; put the command into "
                "~/.ssh/config instead"
            )
        proxy = f'-o ProxyCommand="{found.proxy_command}"'
    given = {
        "ansible_user": found.user,
        "ansible_ssh_private_key_file": found.private_key,
        "ansible_ssh_common_args": proxy,
    }
    return {name: value for name, value in given.items() if value}
