# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same cluster as a ``RayCluster`` for KubeRay 1.5.1 or newer, which took over Ray's labels and tokens."""

import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .members import Member, Shape

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 63
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_HOSTS = "raywright.fleet/hosts"
_MIB = 1024**2
# What a machine keeps for itself; a pod has nothing beside Ray in it.
_SHARE = 0.9


def render(shape: Shape, *, image: str, namespace: str = "") -> dict[str, Any]:
    """Write the manifest; ``image`` runs where the inventory names none. Workers that are alike are one group."""
    if not _NAME.fullmatch(shape.name) or len(shape.name) > _LONGEST_NAME:
        raise InvalidInput(
            f"ray_node_cluster_name is {shape.name!r}; Kubernetes takes lower-case letters, digits and '-', "
            f"beginning with a letter, at most {_LONGEST_NAME}"
        )
    head, *workers = shape.members
    spec: dict[str, Any] = {"rayVersion": shape.ray_version}
    if shape.token_file:
        # The operator makes the token and keeps it in a secret of its own.
        spec["authOptions"] = {"mode": "token"}
    spec["headGroupSpec"] = {
        "rayStartParams": {
            "dashboard-host": "0.0.0.0",  # noqa: S104 - inside its pod
            "port": str(shape.ports["gcs"]),
            "dashboard-port": str(shape.ports["dashboard"]),
            "ray-client-server-port": str(shape.ports["client"]),
            **_start_params(shape, head),
        },
        **_offers(head),
        "template": _template(shape, [head], "ray-head", image, ("gcs", "dashboard", "client", "metrics")),
    }
    groups = _alike(workers)
    spec["workerGroupSpecs"] = [
        {
            "groupName": "workers" if len(groups) == 1 else f"workers-{number}",
            "replicas": len(members),
            "minReplicas": len(members),
            "maxReplicas": len(members),
            "rayStartParams": _start_params(shape, members[0]),
            **_offers(members[0]),
            "template": _template(shape, members, "ray-worker", image, ("metrics",)),
        }
        for number, members in enumerate(groups, 1)
    ]
    metadata = {"name": shape.name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": spec}


def _alike(workers: list[Member]) -> list[list[Member]]:
    groups: dict[str, list[Member]] = {}
    for worker in workers:
        size = (_limits(worker), worker.object_store_memory, _offers(worker))
        groups.setdefault(repr(size), []).append(worker)
    return list(groups.values())


def _start_params(shape: Shape, member: Member) -> dict[str, str]:
    params = {"metrics-export-port": str(shape.ports["metrics"])}
    if member.object_store_memory is not None:
        params["object-store-memory"] = str(member.object_store_memory)
    return params


def _offers(member: Member) -> dict[str, Any]:
    """What Ray schedules by: the operator takes labels and resources here, and refuses labels anywhere else."""
    for name, value in member.labels.items():
        prefix, _slash, rest = name.rpartition("/")
        if not _LABEL.fullmatch(rest) or not all(map(_LABEL.fullmatch, prefix.split(".") if prefix else [])):
            raise InvalidInput(f"{member.name}: ray_node_labels has {name!r}, which is no label key in Kubernetes")
        if value and not _LABEL.fullmatch(value):
            raise InvalidInput(f"{member.name}: the label {name} is {value!r}, which is no label value in Kubernetes")
    amounts = {
        "CPU": member.cpus,
        "GPU": member.gpus,
        "memory": member.memory,
        **dict(sorted(member.resources.items())),
    }
    found: dict[str, Any] = {}
    if resources := {name: _quantity(amount) for name, amount in amounts.items() if amount is not None}:
        found["resources"] = resources
    if member.labels:
        found["labels"] = dict(sorted(member.labels.items()))
    return found


def _quantity(amount: float) -> str:
    return f"{amount:g}" if isinstance(amount, float) else str(amount)


def _limits(member: Member) -> dict[str, str]:
    """What the pod is given: what the inventory grants Ray, else the machine, less what it keeps for itself."""
    cpus = member.cpus if member.cpus is not None else member.machine_cpus
    memory = _granted(member) or int((member.machine_memory or 0) * _SHARE)
    for what, found, variable in (("many CPUs", cpus, "ray_node_cpus"), ("much memory", memory, "ray_node_memory")):
        if not found:
            raise InvalidInput(
                f"{member.name}: how {what} a pod needs is not known; set {variable}, or let facts be gathered"
            )
    limits = {"cpu": _quantity(cpus or 0), "memory": f"{memory // _MIB}Mi"}
    return limits | ({"nvidia.com/gpu": str(math.ceil(member.gpus))} if member.gpus else {})


def _granted(member: Member) -> int:
    if member.memory is None:
        return 0
    # Unless it is told, Ray takes 30 % of the pod's memory for objects.
    store = member.object_store_memory if member.object_store_memory is not None else member.memory * 3 // 7
    return member.memory + store


def _template(
    shape: Shape, members: list[Member], container: str, image: str, ports: tuple[str, ...]
) -> dict[str, Any]:
    limits = _limits(members[0])
    names = {"gcs": "gcs-server"}
    return {
        "metadata": {"annotations": {_HOSTS: ",".join(member.name for member in members)}},
        "spec": {
            "containers": [
                {
                    "name": container,
                    "image": shape.image or image,
                    "ports": [_port(names.get(name, name), shape.ports[name]) for name in ports],
                    "resources": {"limits": limits, "requests": dict(limits)},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ]
        },
    }


def _port(name: str, number: int) -> Mapping[str, Any]:
    return {"name": name, "containerPort": number}
