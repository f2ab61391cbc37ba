# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router knows besides its configuration: sessions and routes, derived from everybody's configuration.

Nothing runs BGP here. A session is up when both ends are configured for it, and a route is there when sessions lead
from the router that announces it, up and down the fabric, to the one that is asked.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .config import Config, parsed
from .router import Router

VERSION = "raywright.fleet embedded router 1.0 (a fake for demonstrations and tests; it forwards nothing)"


@dataclass(slots=True)
class Neighbor:
    asn: int = 0
    description: str = ""
    password: str = field(default="", repr=False)
    shutdown: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a configuration the others can notice."""

    asn: int
    addresses: dict[str, bool]
    """The router's own addresses; whether the interface is up."""
    neighbors: dict[str, Neighbor]
    networks: frozenset[str]
    static: frozenset[str]
    router_id: str


@functools.lru_cache(maxsize=1024)
def facts(running: str) -> Facts:
    config = parsed(running)
    bgp = next(config.select("router", "bgp"), None)
    block = bgp.block if bgp and bgp.block else Config()
    return Facts(
        asn=int(bgp.words[2]) if bgp else 0,
        addresses=dict(_addresses(config)),
        neighbors=_neighbors(block),
        networks=frozenset(line.words[1] for line in block.select("network")),
        static=frozenset(line.words[2] for line in config.select("ip", "route")),
        router_id=block.value("router-id") or "0.0.0.0",  # noqa: S104 - an identifier that is not set, not an address to bind
    )


def _addresses(config: Config) -> Iterator[tuple[str, bool]]:
    for line in config.select("interface"):
        address = line.block.value("ip", "address") if line.block else None
        if line.block and address:
            yield address.partition("/")[0], ("shutdown",) not in line.block.lines


def _neighbors(bgp: Config) -> dict[str, Neighbor]:
    result: dict[str, Neighbor] = {}
    for line in bgp.select("neighbor"):
        address, option, *rest = line.words[1:]
        neighbor = result.setdefault(address, Neighbor())
        if option == "remote-as":
            neighbor.asn = int(rest[0])
        elif option == "description":
            neighbor.description = " ".join(rest)
        elif option == "password":
            neighbor.password = rest[0]
        elif option == "shutdown":
            neighbor.shutdown = True
    return result


Fleet: TypeAlias = Mapping[str, Router]


def bgp_summary(router: Router, fleet: Fleet) -> dict[str, Any]:
    """Answer ``show bgp summary json``."""
    mine = facts(router.running)
    peers = {}
    for address, neighbor in mine.neighbors.items():
        state = "Idle (Admin)" if neighbor.shutdown else "Active"
        if established(router, address, fleet):
            state = "Established"
        peers[address] = {"remoteAs": neighbor.asn, "state": state, "desc": neighbor.description}
    up = sum(peer["state"] == "Established" for peer in peers.values())
    return {
        "routerId": mine.router_id,
        "as": mine.asn,
        "totalPeers": len(peers),
        "establishedPeers": up,
        "failedPeers": len(peers) - up,
        "peers": peers,
    }


def established(router: Router, address: str, fleet: Fleet) -> bool:
    """Tell whether the session to the neighbour at this address is up: both ends must want the same one."""
    link = next((link for link in router.node.links if link.peer_address == address), None)
    if link is None:
        return False
    here, there = facts(router.running), facts(fleet[link.peer].running)
    own = link.address.partition("/")[0]
    ours, theirs = here.neighbors.get(address), there.neighbors.get(own)
    if ours is None or theirs is None or ours.shutdown or theirs.shutdown:
        return False
    wired = here.addresses.get(own, False) and there.addresses.get(address, False)
    return wired and ours.asn == there.asn and theirs.asn == here.asn and ours.password == theirs.password


def route(router: Router, prefix: str, fleet: Fleet, origins: Mapping[str, str]) -> dict[str, Any]:
    """Answer ``show route <prefix> json``; ``origins`` says which router each prefix of the fabric belongs to."""
    mine = facts(router.running)
    if prefix in mine.static or (prefix.endswith("/32") and prefix[:-3] in mine.addresses):
        return {"prefix": prefix, "found": True, "protocol": "local", "origin": router.node.name}
    origin = fleet.get(origins.get(prefix, ""))
    if origin is None or prefix not in facts(origin.running).networks:
        return {"prefix": prefix, "found": False}
    if not _upwards(router, fleet).isdisjoint(_upwards(origin, fleet)):
        return {"prefix": prefix, "found": True, "protocol": "bgp", "origin": origin.node.name}
    return {"prefix": prefix, "found": False}


_HEIGHT = {"leaf": 0, "spine": 1, "core": 2}


def _upwards(router: Router, fleet: Fleet) -> set[str]:
    """Name the routers that are reached by going up the fabric only, over sessions that are up; itself included."""
    found, todo = {router.node.name}, [router]
    while todo:
        here = todo.pop()
        for link in here.node.links:
            above = fleet[link.peer]
            higher = _HEIGHT[above.node.role] > _HEIGHT[here.node.role]
            if higher and link.peer not in found and established(here, link.peer_address, fleet):
                found.add(link.peer)
                todo.append(above)
    return found
