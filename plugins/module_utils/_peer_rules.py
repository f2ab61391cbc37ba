# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ruleset of the peer firewall, made from ports and peers: pure functions. Private to this collection."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TABLE = "raywright_fleet"
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp))?")
_LAST_PORT = 65535
_VOLATILE = {"handle", "packets", "bytes"}

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class RuleError(Exception):
    """What was asked for cannot be a ruleset; the message says why and what to write instead."""


@dataclass(frozen=True, order=True)
class Ports:
    proto: str
    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_port(text: str) -> Ports:
    """Read ``6379``, ``20000-20999`` or ``53/udp``."""
    found = _PORT.fullmatch(str(text).strip())
    if found is None:
        raise RuleError(f"{text!r} is not a port: write 6379, 20000-20999 or, for UDP, 4789/udp.")
    first = int(found.group(1))
    last = int(found.group(2) or first)
    if not 1 <= first <= last <= _LAST_PORT:
        raise RuleError(f"{text!r} is not a port range: ports are 1 to {_LAST_PORT}, the lower one first.")
    return Ports(found.group(3) or "tcp", first, last)


def parse_peer(text: str) -> Network:
    """Read an address or a network; the bits of a host in a network are dropped, as nft does."""
    try:
        network = ipaddress.ip_network(str(text).strip(), strict=False)
    except ValueError as error:
        raise RuleError(
            f"{text!r} is not an address or a network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64. "
            "Names are not looked up, since a firewall must not depend on the name service."
        ) from error
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None  # noqa: PLR2004 - IP version 6
    if mapped is not None:
        return ipaddress.ip_network(mapped)
    return network


def merge(ports: Iterable[Ports]) -> list[Ports]:
    """Sort ranges and join those that overlap or touch."""
    merged: list[Ports] = []
    for each in sorted(ports):
        before = merged[-1] if merged else None
        if before is not None and before.proto == each.proto and each.first <= before.last + 1:
            merged[-1] = Ports(each.proto, before.first, max(before.last, each.last))
        else:
            merged.append(each)
    return merged


def refuse_protected(ports: Iterable[Ports], protected: Mapping[int, str]) -> None:
    """Raise RuleError if the ruleset would close a port that this host is reached through."""
    for each in ports:
        for port, reason in sorted(protected.items()):
            if each.proto == "tcp" and port in each:
                raise RuleError(
                    f"ports holds {each}, which covers port {port}, and that must stay open: {reason}. "
                    f"Take {port} out of ports, or give the service that needs it another port."
                )


def render(ports: Sequence[Ports], peers: Sequence[Network], action: str) -> str:
    """Give the ruleset as a file for ``nft -f``, which replaces the table in one transaction."""
    networks = {
        "peers4": [str(each) for each in _collapse(peers, 4)],
        "peers6": [str(each) for each in _collapse(peers, 6)],
    }
    services = {proto: [str(each) for each in merge(ports) if each.proto == proto] for proto in ("tcp", "udp")}
    lines = [
        "# Written by raywright.fleet.firewall; the next run writes it anew.",
        f"add table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        *_set("peers4", "ipv4_addr", networks["peers4"]),
        *_set("peers6", "ipv6_addr", networks["peers6"]),
        *_set("tcp_ports", "inet_service", services["tcp"]),
        *_set("udp_ports", "inet_service", services["udp"]),
        "\t# Before destination NAT, so that ports which Docker publishes are judged as the client sees them.",
        "\tchain guard {",
        "\t\ttype filter hook prerouting priority mangle; policy accept;",
        '\t\tiif "lo" accept',
        "\t\t# Answers to what this host began itself; a client that is no peer any more is cut off at once.",
        "\t\tct direction reply accept",
        "\t\tfib daddr type != local accept",
        *(f"\t\t{proto} dport @{proto}_ports jump peers_only" for proto in ("tcp", "udp") if services[proto]),
        "\t}",
        "\tchain peers_only {",
        *(f"\t\t{ip} saddr @{name} accept" for ip, name in (("ip", "peers4"), ("ip6", "peers6")) if networks[name]),
        *([] if action == "drop" else ["\t\tmeta l4proto tcp counter reject with tcp reset"]),
        f"\t\tcounter {action}",
        "\t}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def comparable(listing: Mapping[str, Any]) -> list[Any]:
    """Strip what differs between two loads of one ruleset from what ``nft -j list table`` gives."""
    return [_strip(item) for item in listing.get("nftables", []) if "metainfo" not in item]


def _collapse(peers: Iterable[Network], version: int) -> list[Any]:
    return list(ipaddress.collapse_addresses([each for each in peers if each.version == version]))  # type: ignore[type-var]


def _set(name: str, kind: str, elements: Sequence[str]) -> list[str]:
    if not elements:
        return []
    listed = ",\n\t\t\t".join(elements)
    return [
        f"\tset {name} {{",
        f"\t\ttype {kind}",
        "\t\tflags interval",
        f"\t\telements = {{\n\t\t\t{listed}\n\t\t}}",
        "\t}",
    ]


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strip(each) for key, each in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_strip(each) for each in value]
    return value
