# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as an inventory describes it: its machines, and what holds for all of them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidInput

_UNITS = ("", "K", "M", "G", "T", "P")
"""As Ansible's ``human_to_bytes`` reads them: each is 1024 of the one before."""


@dataclass(frozen=True, slots=True)
class Member:
    """One machine. ``None`` where the inventory leaves it to Ray to find out."""

    name: str
    address: str
    user: str = ""
    private_key: str = ""
    cpus: int | float | None = None
    gpus: int | float | None = None
    memory: int | None = None
    """Bytes for tasks, by Ray's count."""
    object_store_memory: int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    machine_cpus: int | None = None
    """Of the machine, as facts tell."""
    machine_memory: int | None = None
    """Bytes of the machine."""

    @property
    def resources_json(self) -> str:
        return json.dumps(dict(self.resources), sort_keys=True, separators=(",", ":")) if self.resources else ""

    @classmethod
    def from_host(cls, name: str, given: Mapping[str, Any]) -> "Member":
        """Read a host's variables. Raises ``InvalidInput`` that names the host and the variable."""

        def number(variable: str) -> int | float | None:
            value = given.get(variable)
            return None if value in (None, "") else _number(value, f"{name}: {variable}")

        def size(variable: str) -> int | None:
            value = given.get(variable)
            return None if value in (None, "") else _bytes(str(value), f"{name}: {variable}")

        def mapping(variable: str) -> dict[str, Any]:
            value = given.get(variable) or {}
            if not isinstance(value, Mapping):
                raise InvalidInput(f"{name}: {variable} is {value!r}; give a mapping")
            return dict(value)

        memory = number("memtotal_mb")
        machine_cpus = number("processor_vcpus")
        return cls(
            name=name,
            address=str(given.get("ray_node_address") or given.get("ansible_host") or name),
            user=str(given.get("ansible_user") or ""),
            private_key=str(given.get("ansible_ssh_private_key_file") or ""),
            cpus=number("ray_node_cpus"),
            gpus=number("ray_node_gpus"),
            memory=size("ray_node_memory"),
            object_store_memory=size("ray_node_object_store_memory"),
            resources={
                key: _number(value, f"{name}: ray_node_resources.{key}")
                for key, value in mapping("ray_node_resources").items()
            },
            labels={key: str(value) for key, value in mapping("ray_node_labels").items()},
            machine_cpus=int(machine_cpus) if machine_cpus else None,
            machine_memory=int(memory * 1024**2) if memory else None,
        )


def _number(value: Any, where: str) -> int | float:
    try:
        found = float(str(value))
    except ValueError as exc:
        raise InvalidInput(f"{where} is {value!r}; give a number") from exc
    return int(found) if found.is_integer() else found


def _bytes(text: str, where: str) -> int:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise InvalidInput(f"{where} is {text!r}; give a size, such as 16GB")
    return int(float(match[1]) * 1024 ** _UNITS.index(match[2].upper()))


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole cluster; the head is the first member."""

    name: str
    ray_version: str
    members: tuple[Member, ...]
    ports: Mapping[str, int]
    token_file: str = ""
    """The token's file on the controller; empty where the cluster asks for none."""
    image: str = ""
    """Container image; empty where Ray runs in a virtual environment."""

    @classmethod
    def from_inventory(
        cls,
        head: Sequence[str],
        workers: Sequence[str],
        hosts: Mapping[str, Mapping[str, Any]],
        *,
        defaults: Mapping[str, Any],
    ) -> "Shape":
        """Read an inventory's groups and the variables of their hosts; ``defaults`` are those of the role ray_node."""
        if len(head) != 1:
            raise InvalidInput(f"the group ray_head has {len(head)} hosts; a Ray cluster has exactly one head")
        names = [head[0], *(name for name in workers if name != head[0])]
        settings = {**defaults, **{name: value for name, value in hosts[head[0]].items() if value is not None}}
        cluster = str(settings["ray_node_cluster_name"])
        return cls(
            name=cluster,
            ray_version=str(settings["ray_node_version"]),
            members=tuple(Member.from_host(name, hosts[name]) for name in names),
            ports={name: int(number) for name, number in settings["ray_node_ports"].items()},
            token_file=_token_file(settings, cluster),
            image=str(settings.get("ray_node_image") or "") if settings["ray_node_mode"] == "container" else "",
        )


def _token_file(settings: Mapping[str, Any], cluster: str) -> str:
    if str(settings["ray_node_authentication"]).lower() in {"false", "no", "0", "off"}:
        return ""
    given = str(settings["ray_node_token_file"])
    # The role's default is a template.
    return f".raywright/{cluster}/ray.token" if "{{" in given else given
