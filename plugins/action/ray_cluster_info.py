# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``ray_cluster_info``: asks a cluster for its nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.errors import FleetError
from ansible_collections.raywright.fleet.plugins.plugin_utils._cluster import ask, endpoint
from ansible_collections.raywright.fleet.plugins.plugin_utils._text import clean

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.cluster.api import Api
    from ansible_collections.raywright.fleet.engine.cluster.nodes import Cluster, Node

_display = Display()


class ActionModule(ActionBase):
    """Runs once for the whole play, on the controller."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "address": {"type": "str"},
        "token_file": {"type": "path", "no_log": False},
        "dead": {"type": "bool", "default": False},
        "show": {"type": "str", "choices": ["nothing", "text", "json"], "default": "nothing"},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(argument_spec=self.SPEC)

        async def question(api: Api) -> Cluster:
            from ansible_collections.raywright.fleet.engine.cluster import nodes

            return await nodes.read(api, dead=args["dead"])

        try:
            where = endpoint(args["address"], args["token_file"])
        except FleetError as exc:
            raise AnsibleActionFail(str(exc)) from None
        cluster = ask(where, question, failure=AnsibleActionFail)
        found = {
            "address": cluster.address,
            "ray_version": cluster.ray_version,
            "python_version": cluster.python_version,
            "session": cluster.session,
            "alive": len(cluster.alive),
            "resources": cluster.resources,
            "nodes": [node.as_dict() for node in cluster.nodes],
        }
        if args["show"] == "text":
            _display.display(_table(cluster))
        elif args["show"] == "json":
            _display.display(json.dumps(found))
        return result | {"changed": False} | found


def _table(cluster: Cluster) -> str:
    rows = [("NODE", "ADDRESS", "ROLE", "HEALTH", "RESOURCES", "LABELS"), *(_row(node) for node in cluster.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    versions = f"Ray {cluster.ray_version}, Python {cluster.python_version}, {len(cluster.alive)} nodes alive"
    return clean("\n".join([f"{cluster.address}: {versions}", *(f"  {line}" for line in lines)]))


def _row(node: Node) -> tuple[str, ...]:
    amounts = ", ".join(f"{_amount(name, amount)} {name}" for name, amount in node.resources.items())
    labels = ", ".join(f"{name}={value}" for name, value in node.labels.items())
    health = f"{node.health} ({node.message.splitlines()[0]})" if node.message else node.health
    return node.name, node.address, "head" if node.is_head else "worker", health, amounts, labels


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.1f} GiB" if name.endswith("memory") else f"{amount:g}"
