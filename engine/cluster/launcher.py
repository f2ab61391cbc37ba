# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration of Ray's cluster launcher (``ray up``) for machines that are there: read, and written."""

import ipaddress
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from .members import Member, Shape

_VENV = "~/ray-venv"
_CONTAINER = "ray"


@dataclass(frozen=True, slots=True)
class Launcher:
    """What such a configuration says of the machines."""

    cluster_name: str
    head: str
    workers: tuple[str, ...]
    user: str = ""
    private_key: str = ""
    proxy_command: str = ""


def read(config: Any) -> Launcher:
    """Read a configuration. Raises ``InvalidInput`` where it is none, or not one for machines that are there."""
    if not isinstance(config, Mapping):
        raise InvalidInput("it is no cluster launcher configuration: that is a mapping with cluster_name and provider")
    if missing := [name for name in ("cluster_name", "provider") if not config.get(name)]:
        raise InvalidInput(f"it is no cluster launcher configuration: {' and '.join(missing)} is missing")
    provider = _mapping(config, "provider")
    kind = provider.get("type")
    if kind != "local":
        raise InvalidInput(
            f"its provider type is {kind!r}: only with local are the machines known before Ray starts them; for any "
            "other take the inventory plugin raywright.fleet.ray_cluster, which asks the cluster itself"
        )
    if provider.get("coordinator_address"):
        raise InvalidInput(
            "its machines are given out by a coordinator (provider.coordinator_address): the file does not name them"
        )
    auth = _mapping(config, "auth")
    head = _address(provider.get("head_ip"), "provider.head_ip")
    listed = provider.get("worker_ips")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InvalidInput(f"provider.worker_ips is {listed!r}; give a list of addresses, which may be empty")
    workers = tuple(_address(value, f"provider.worker_ips[{number}]") for number, value in enumerate(listed))
    every = [head, *workers]
    if twice := sorted({address for address in every if every.count(address) > 1}):
        raise InvalidInput(f"provider names {twice[0]} more than once; a machine is one node")
    return Launcher(
        cluster_name=str(config["cluster_name"]),
        head=head,
        workers=workers,
        user=_text(auth, "ssh_user"),
        private_key=_text(auth, "ssh_private_key"),
        proxy_command=_text(auth, "ssh_proxy_command"),
    )


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name) or {}
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{name} is {found!r}; it must be a mapping")
    return found


def _text(auth: Mapping[str, Any], name: str) -> str:
    value = auth.get(name) or ""
    if not isinstance(value, str):
        raise InvalidInput(f"auth.{name} is {value!r}; it must be a text")
    return value


def _address(value: Any, where: str) -> str:
    name = value if isinstance(value, str) else ""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", name):
            return name
    raise InvalidInput(f"{where} is {value!r}; give the address or the name of a machine")


def render(shape: Shape) -> dict[str, Any]:
    """Write the configuration that starts the same cluster.

    Its commands have no ``ray stop``, which ends every Ray of a machine, whoever started it.
    """
    head, *workers = shape.members
    config: dict[str, Any] = {
        "cluster_name": shape.name,
        "provider": {
            "type": "local",
            "head_ip": head.address,
            "worker_ips": [worker.address for worker in workers],
        },
        "auth": _auth(shape),
        "max_workers": len(workers),
        "head_start_ray_commands": [_start(shape, [head], _head_options(shape))],
        "worker_start_ray_commands": [_start(shape, workers, {"address": f"$RAY_HEAD_IP:{shape.ports['gcs']}"})],
    }
    if shape.token_file:
        # Where Ray itself looks for it on a node.
        config["file_mounts"] = {"~/.ray/auth_token": shape.token_file}
    if shape.image:
        config["docker"] = {"image": shape.image, "container_name": _CONTAINER, "pull_before_run": True}
    else:
        config["setup_commands"] = [
            f"test -x {_VENV}/bin/ray || python3 -m venv {_VENV}",
            f"{_VENV}/bin/pip install --quiet {shlex.quote(f'ray[default]=={shape.ray_version}')}",
        ]
    return config


def _auth(shape: Shape) -> dict[str, str]:
    users = {member.user for member in shape.members}
    keys = {member.private_key for member in shape.members}
    for what, found in (("ansible_user", users), ("ansible_ssh_private_key_file", keys)):
        if len(found) > 1:
            raise InvalidInput(
                f"the hosts have different {what} ({', '.join(sorted(map(repr, found)))}): the cluster launcher "
                "reaches all machines in one way"
            )
    (user,), (key,) = users, keys
    return {name: value for name, value in (("ssh_user", user), ("ssh_private_key", key)) if value}


def _head_options(shape: Shape) -> dict[str, str]:
    return {
        "head": "",
        "port": str(shape.ports["gcs"]),
        "dashboard-host": shape.members[0].address,
        "dashboard-port": str(shape.ports["dashboard"]),
        "ray-client-server-port": str(shape.ports["client"]),
        "autoscaling-config": "~/ray_bootstrap_config.yaml",
    }


def _start(shape: Shape, members: Sequence[Member], options: Mapping[str, str]) -> str:
    """Write the command that starts a node; what differs between nodes is chosen on the node, by its address."""
    ports = {f"{name}-port": str(shape.ports[key]) for name, key in _PORTS.items()}
    words = [f"--{name}={value}" if value else f"--{name}" for name, value in {**options, **ports}.items()]
    own = {member.address: " ".join(shlex.quote(word) for word in _own_options(member)) for member in members}
    program = "ray" if shape.image else f"{_VENV}/bin/ray"
    environment = "RAY_AUTH_MODE=token " if shape.token_file else ""
    if "head" in options:
        environment += "".join(f"{name}={shape.ports[key]} " for name, key in _PORT_VARIABLES.items())
    if len(set(own.values())) <= 1:
        words += [text for text in dict.fromkeys(own.values()) if text]
        return f"{environment}{program} start {' '.join(words)}"
    cases = " ".join(f'*" {address} "*) set -- {text};;' for address, text in own.items() if text)
    choice = f'set --; case " $(hostname -I) " in {cases} esac'
    return f'{choice}; {environment}{program} start {" ".join(words)} "$@"'


_PORTS = {
    "node-manager": "node_manager",
    "object-manager": "object_manager",
    "runtime-env-agent": "runtime_env_agent",
    "dashboard-agent-grpc": "agent_grpc",
    "dashboard-agent-listen": "agent_http",
    "metrics-export": "metrics",
    "min-worker": "worker_min",
    "max-worker": "worker_max",
}
_PORT_VARIABLES = {"AUTOSCALER_METRIC_PORT": "autoscaler_metrics", "DASHBOARD_METRIC_PORT": "dashboard_metrics"}
"""Of the head, which has no options for these."""


def _own_options(member: Member) -> list[str]:
    options = {
        "node-name": member.name,
        "num-cpus": _number(member.cpus),
        "num-gpus": _number(member.gpus),
        "memory": _number(member.memory),
        "object-store-memory": _number(member.object_store_memory),
        "resources": member.resources_json,
        "labels": ",".join(f"{name}={value}" for name, value in sorted(member.labels.items())),
    }
    return [f"--{name}={value}" for name, value in options.items() if value]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
