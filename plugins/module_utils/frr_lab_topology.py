# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's leaf-spine fabric as data: who is connected to whom, with which addresses. Pure, no I/O.

Everything about a router follows from its role and number, never from the size of the lab, so that growing and
shrinking a lab leaves the other routers as they are.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

MAX_SPINES = 16
MIN_ROUTERS, MAX_ROUTERS = 2, 1000
SMALL = 24
"""Up to this many routers, two spines do."""
SPINE_ASN = 64512
SITES = ("north", "south")


class LabError(Exception):
    """The lab cannot be built or changed; the message is for the person who asked."""


@dataclass(frozen=True)
class Port:
    """One end of a fabric link."""

    name: str
    address: str
    peer: str
    peer_address: str
    peer_asn: int


@dataclass(frozen=True)
class Router:
    name: str
    role: str
    site: str
    asn: int
    router_id: str
    management_address: str
    host_address: str
    ports: tuple[Port, ...]

    @property
    def loopback(self) -> str:
        return f"{self.router_id}/32"


def default_spines(routers: int) -> int:
    return 2 if routers <= SMALL else 4


def fabric(*, routers: int, spines: int, management_network: str) -> dict[str, Router]:
    """Lay out ``routers`` routers, ``spines`` of them spines, each leaf linked to each spine.

    Raises LabError where the numbers or the network do not fit.
    """
    if not MIN_ROUTERS <= routers <= MAX_ROUTERS:
        raise LabError(f"routers must be between {MIN_ROUTERS} and {MAX_ROUTERS}, not {routers}.")
    if not 1 <= spines <= min(MAX_SPINES, routers - 1):
        raise LabError(
            f"spines must be between 1 and {min(MAX_SPINES, routers - 1)} for {routers} routers, not {spines}."
        )
    network = _management(management_network, spines_and_leaves=MAX_SPINES + routers - spines)
    leaves = range(1, routers - spines + 1)
    built = [_spine(number, leaves, network) for number in range(1, spines + 1)]
    built += [_leaf(number, spines, network) for number in leaves]
    return {router.name: router for router in built}


def _management(text: str, *, spines_and_leaves: int) -> ipaddress.IPv4Network:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise LabError(f"management_network must be an IPv4 network such as 198.18.0.0/16: {error}.") from error
    if network.num_addresses < 2 * spines_and_leaves:
        raise LabError(
            f"management_network {text} has {network.num_addresses} addresses, but this lab needs "
            f"{2 * spines_and_leaves}: choose a larger network."
        )
    return network


def _link(leaf: int, spine: int) -> tuple[str, str]:
    """Give the /31 of a link: the spine's address and the leaf's."""
    base = ipaddress.IPv4Address(f"10.{spine}.0.0") + 2 * leaf
    return str(base), str(base + 1)


def _leaf_asn(number: int) -> int:
    return SPINE_ASN + number


def _router(role: str, number: int, router_id: str, slot: int, network: Any, ports: list[Port]) -> Router:
    return Router(
        name=f"{role}{number}",
        role=role,
        site=SITES[(number - 1) % len(SITES)],
        asn=SPINE_ASN if role == "spine" else _leaf_asn(number),
        router_id=router_id,
        host_address=str(network[2 * slot]),
        management_address=str(network[2 * slot + 1]),
        ports=tuple(ports),
    )


def _spine(number: int, leaves: range, network: ipaddress.IPv4Network) -> Router:
    ports = []
    for leaf in leaves:
        mine, theirs = _link(leaf, number)
        ports.append(Port(f"eth{leaf}", f"{mine}/31", f"leaf{leaf}", theirs, _leaf_asn(leaf)))
    return _router("spine", number, f"10.255.0.{number}", number - 1, network, ports)


def _leaf(number: int, spines: int, network: ipaddress.IPv4Network) -> Router:
    ports = []
    for spine in range(1, spines + 1):
        theirs, mine = _link(number, spine)
        ports.append(Port(f"eth{spine}", f"{mine}/31", f"spine{spine}", theirs, SPINE_ASN))
    router_id = str(ipaddress.IPv4Address("10.254.0.0") + number)
    return _router("leaf", number, router_id, MAX_SPINES + number - 1, network, ports)


def configuration(router: Router) -> str:
    """The router's first FRR configuration, in the order in which FRR 8 shows it."""
    lines = ["frr defaults traditional", f"hostname {router.name}", "service integrated-vtysh-config", "!"]
    for name, address in interfaces(router):
        lines += [f"interface {name}", f" ip address {address}", "exit", "!"]
    lines += [
        f"router bgp {router.asn}",
        f" bgp router-id {router.router_id}",
        # Without a policy FRR neither takes nor gives a route on eBGP; the lab's first configuration has none.
        " no bgp ebgp-requires-policy",
        " timers bgp 3 9",
    ]
    for port in router.ports:
        lines += _neighbor(port)
    lines += [" !", " address-family ipv4 unicast", f"  network {router.loopback}", " exit-address-family", "exit", "!"]
    return "\n".join(lines) + "\n"


def interfaces(router: Router) -> list[tuple[str, str]]:
    return [(port.name, port.address) for port in router.ports] + [("lo", router.loopback)]


def _neighbor(port: Port) -> list[str]:
    return [
        f" neighbor {port.peer_address} remote-as {port.peer_asn}",
        f" neighbor {port.peer_address} timers connect 1",
    ]


def lines_for_new_ports(router: Router, ports: list[Port]) -> str:
    lines = [line for port in ports for line in (f"interface {port.name}", f" ip address {port.address}", "exit")]
    lines += [f"router bgp {router.asn}", *(line for port in ports for line in _neighbor(port)), "exit"]
    return "\n".join(lines) + "\n"


def lines_for_gone_ports(router: Router, ports: list[Port]) -> str:
    lines = [f"router bgp {router.asn}", *(f" no neighbor {port.peer_address}" for port in ports), "exit"]
    lines += [line for port in ports for line in (f"interface {port.name}", f" no ip address {port.address}", "exit")]
    return "\n".join(lines) + "\n"
