# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a live cluster, from Ray's state API and what the node agents report."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from ..errors import FleetError
from .api import FIRST_PATIENCE, Api

Health = Literal["healthy", "draining", "silent", "dead"]
"""``draining`` takes no new work; ``silent`` is alive to the head, but its agent does not report."""

# The state API answers with at most so many rows.
_MOST = 10_000
_ALIVE = "&filter_keys=state&filter_predicates=%3D&filter_values=ALIVE"
_PORTS = {
    "node_manager": "nodeManagerPort",
    "object_manager": "objectManagerPort",
    "runtime_env_agent": "runtimeEnvAgentPort",
    "agent_grpc": "metricsAgentPort",
    "agent_http": "dashboardAgentListenPort",
    "metrics": "metricsExportPort",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One node, dead or alive."""

    id: str
    name: str
    """What it was started as (``ray start --node-name``), else the machine's own name."""
    address: str
    hostname: str
    is_head: bool
    state: str
    """Ray's own word: ALIVE or DEAD."""
    health: Health
    message: str = ""
    """Why it is dead, where Ray says."""
    resources: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)
    """Per cent of ``cpu``, ``memory`` and ``disk`` in use on the machine."""
    gpus: tuple[str, ...] = ()
    """Product names."""
    started: str = ""
    """UTC, ISO 8601."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"gpus": list(self.gpus)}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster says of itself."""

    address: str
    ray_version: str
    python_version: str
    session: str
    nodes: tuple[Node, ...]

    @property
    def alive(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.state == "ALIVE")

    @property
    def resources(self) -> dict[str, float]:
        """Resources of all living nodes together; those that only name a node are left out."""
        total: dict[str, float] = {}
        for node in self.alive:
            for name, amount in node.resources.items():
                total[name] = total.get(name, 0.0) + amount
        return total


async def read(api: Api, *, dead: bool = False) -> Cluster:
    """Ask a cluster for its versions and nodes; for those that are gone too with ``dead``."""
    version = await api.check()
    metadata, listed, reports = await asyncio.gather(
        api.json("/api/v0/cluster_metadata", patience=FIRST_PATIENCE),
        api.json(f"/api/v0/nodes?detail=true&limit={_MOST}{'' if dead else _ALIVE}", patience=FIRST_PATIENCE),
        api.json("/nodes?view=summary", patience=FIRST_PATIENCE),
    )
    rows = _rows(listed)
    said = {report["raylet"]["nodeId"]: report for report in reports["data"]["summary"] if report.get("raylet")}
    nodes = (_node(row, said.get(row["node_id"], {})) for row in rows)
    return Cluster(
        address=api.address,
        ray_version=str(version["ray_version"]),
        python_version=str(metadata["data"].get("pythonVersion", "")),
        session=str(version.get("session_name", "")),
        nodes=tuple(sorted(nodes, key=lambda node: (not node.is_head, node.name, node.address, node.id))),
    )


def _rows(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not listed.get("result"):
        raise FleetError(f"the cluster's state API lists no nodes: {listed.get('msg') or 'it gives no reason'}")
    found = listed["data"]["result"]
    if found["num_filtered"] > found["num_after_truncation"]:
        raise FleetError(
            f"the cluster has {found['num_filtered']} nodes, and its state API names {found['num_after_truncation']} "
            "at most: a part of the nodes would be missing"
        )
    rows: list[dict[str, Any]] = found["result"]
    return rows


def _node(row: Mapping[str, Any], report: Mapping[str, Any]) -> Node:
    raylet = report.get("raylet", {})
    address = row["node_ip"]
    # Without a name of its own, a node is named after its address.
    named = "" if row["node_name"] == address else row["node_name"]
    hostname = report.get("hostname") or raylet.get("nodeManagerHostname") or ""
    return Node(
        id=row["node_id"],
        name=named or hostname or address,
        address=address,
        hostname=hostname,
        is_head=bool(row["is_head_node"]),
        state=row["state"],
        health=_health(row["state"], report),
        message=row.get("state_message") or "",
        resources=dict(_own(row.get("resources_total") or {})),
        labels={name: value for name, value in (row.get("labels") or {}).items() if name != "ray.io/node-id"},
        ports={name: raylet[key] for name, key in _PORTS.items() if raylet.get(key)},
        usage=_usage(report, raylet.get("tempDir", "/")),
        gpus=tuple(gpu.get("name", "GPU") for gpu in report.get("gpus") or ()),
        started=_iso(row.get("start_time_ms")),
    )


def _own(resources: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    # Every node has a resource of its own name, to be scheduled by; it says nothing that its address does not.
    return ((name, amount) for name, amount in sorted(resources.items()) if not name.startswith("node:"))


def _health(state: str, report: Mapping[str, Any]) -> Health:
    if state != "ALIVE":
        return "dead"
    if not report.get("hostname"):
        return "silent"
    draining = report["raylet"].get("stateSnapshot", {}).get("state") == "DRAINING"
    return "draining" if draining else "healthy"


def _usage(report: Mapping[str, Any], folder: str) -> dict[str, float]:
    disks = report.get("disk") or {}
    disk = disks.get(folder) or disks.get("/") or {}
    _total, _available, memory, *_more = report.get("mem") or (None, None, None)
    found = {"cpu": report.get("cpu"), "memory": memory, "disk": disk.get("percent")}
    return {name: round(float(value), 1) for name, value in found.items() if value is not None}


def _iso(milliseconds: int | None) -> str:
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).isoformat(timespec="seconds")
