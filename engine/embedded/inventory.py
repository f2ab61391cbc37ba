# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded fleet as an Ansible dynamic inventory."""

from collections.abc import Sequence
from typing import Any

from .dialects import PLAIN, spoken
from .fabric import Node
from .initial import fleet_variables, host_variables, site_variables
from .state import USER, State


def inventory(nodes: dict[str, Node], state: State, port: int, dialects: Sequence[str] = (PLAIN,)) -> dict[str, Any]:
    """Give what an inventory script prints: groups by role and site, and everything a device is reached with."""
    groups: dict[str, list[str]] = {}
    for node in nodes.values():
        groups.setdefault(node.role, []).append(node.name)
        groups.setdefault(node.site, []).append(node.name)
    result: dict[str, Any] = {name: {"hosts": hosts} for name, hosts in groups.items()}
    for name, group in result.items():
        variables = site_variables(name)
        if variables:
            group["vars"] = variables
    result["embedded_fleet"] = {"children": list(groups), "vars": _connection(state, port)}
    result["embedded_fleet"]["vars"] |= fleet_variables(state.secrets())
    hostvars = {node.name: host_variables(node) for node in nodes.values()}
    for name, dialect in spoken(nodes, dialects).items():
        if dialect != PLAIN:
            hostvars[name]["ansible_network_os"] = dialect
    result["_meta"] = {"hostvars": hostvars}
    return result


def _connection(state: State, port: int) -> dict[str, Any]:
    return {
        "ansible_port": port,
        "ansible_user": USER,
        "ansible_network_os": "embedded",
        "ansible_ssh_private_key_file": str(state.user_key.resolve()),
        "raywright_known_hosts": str(state.known_hosts.resolve()),
    }
