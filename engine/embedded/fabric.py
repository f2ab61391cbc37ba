# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cabling of the embedded fleet: which routers there are, and what connects them.

Sites of two spines and some fifty leaves; every leaf is connected to its site's spines, every spine to both cores.
The same number of devices always gives the same fabric, so nothing of it needs to be stored.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..errors import InvalidInput

Role = Literal["core", "spine", "leaf"]

MAXIMUM = 20_000
_SITE_SIZE = 50
_CORES_FROM = 20
_LOOPBACKS = ipaddress.IPv4Address("10.254.0.0")
_LINKS = ipaddress.IPv4Address("10.128.0.0")
_PREFIXES = ipaddress.IPv4Address("10.0.0.0")
_MANAGEMENT = ipaddress.IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a cable."""

    interface: str
    address: str
    peer: str
    peer_address: str
    peer_asn: int


@dataclass(frozen=True, slots=True)
class Node:
    """One router's place in the fabric."""

    name: str
    role: Role
    site: str
    asn: int
    host: str
    """The loopback address that its SSH server answers on."""
    loopback: str
    prefixes: tuple[str, ...] = ()
    links: list[Link] = field(default_factory=list)


def build(devices: int, base_address: str) -> dict[str, Node]:
    """Lay out a fabric. Raises ``InvalidInput`` for a size or an address that does not work."""
    if not 1 <= devices <= MAXIMUM:
        raise InvalidInput(f"devices: {devices} is not between 1 and {MAXIMUM}")
    try:
        first = ipaddress.IPv4Address(base_address)
    except ValueError:
        raise InvalidInput(f"base address: {base_address} is not an IPv4 address") from None
    if first not in _MANAGEMENT or first + devices not in _MANAGEMENT:
        raise InvalidInput(f"base address: {base_address} does not leave {devices} addresses inside {_MANAGEMENT}")
    width = max(3, len(str(devices)))
    nodes: dict[str, Node] = {}
    seen: dict[Role, int] = {}
    for index, (role, site) in enumerate(_places(devices)):
        number = seen[role] = seen.get(role, 0) + 1
        name = f"{role}-{number:0{width}d}"
        nodes[name] = Node(
            name=name,
            role=role,
            site=f"dc{site:02d}",
            asn=_asn(role, site, number),
            host=str(first + index),
            loopback=str(_LOOPBACKS + index + 1),
            prefixes=(f"{_PREFIXES + (number << 8)}/24",) if role == "leaf" else (),
        )
    _connect(nodes)
    return nodes


def _places(devices: int) -> Iterator[tuple[Role, int]]:
    cores = 2 if devices >= _CORES_FROM else 0
    for _core in range(cores):
        yield "core", 1
    sites = max(1, round((devices - cores) / _SITE_SIZE))
    for site in range(1, sites + 1):
        share, extra = divmod(devices - cores, sites)
        size = share + (site <= extra)
        spines = min(2, size // 2)
        yield from (("spine", site) for _spine in range(spines))
        yield from (("leaf", site) for _leaf in range(size - spines))


def _asn(role: Role, site: int, number: int) -> int:
    return {"core": 64512, "spine": 64600 + site, "leaf": 4_200_000_000 + number}[role]


def _connect(nodes: dict[str, Node]) -> None:
    cores = [node for node in nodes.values() if node.role == "core"]
    spines: dict[str, list[Node]] = {}
    for node in nodes.values():
        if node.role == "spine":
            spines.setdefault(node.site, []).append(node)
    cables = [(spine, core) for site in spines.values() for spine in site for core in cores]
    cables += [(leaf, spine) for leaf in nodes.values() if leaf.role == "leaf" for spine in spines.get(leaf.site, ())]
    for number, (lower, upper) in enumerate(cables):
        ends = str(_LINKS + 2 * number), str(_LINKS + 2 * number + 1)
        _plug(upper, lower, *ends)
        _plug(lower, upper, *reversed(ends))


def _plug(node: Node, peer: Node, address: str, peer_address: str) -> None:
    port = f"Ethernet{len(node.links) + 1}"
    node.links.append(Link(port, f"{address}/31", peer.name, peer_address, peer.asn))
