# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an embedded router is configured with when it is new, and what the inventory says that it should have.

The first is what ``playbooks/templates/embedded_fabric.j2`` gave some time ago, so that rolling the template out is a
small change: a second time server, a new SNMP community, and something for each role and one site.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .config import load, render
from .fabric import Node

NTP_SERVERS = ("10.255.0.1", "10.255.0.2")
LOGGING_HOSTS = ("10.255.0.10",)
EXTRA_LOGGING = {"dc02": "10.255.0.11"}
BOGONS = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the fleet's configurations hold that nobody else may know; made at first start."""

    snmp_community: str = field(repr=False)
    old_snmp_community: str = field(repr=False)
    bgp_password: str = field(repr=False)
    admin_secret: str = field(repr=False)


def initial_config(node: Node, secrets: Secrets) -> str:
    return render(load("\n".join(_lines(node, secrets))))


def _lines(node: Node, secrets: Secrets) -> Iterator[str]:
    yield f"hostname {node.name}"
    yield "domain-name fabric.example.net"
    yield "banner login Authorised access only. This is an embedded router of raywright.fleet."
    yield f"username admin secret {secrets.admin_secret}"
    yield f"ntp server {NTP_SERVERS[0]}"
    yield "logging level informational"
    yield from (f"logging host {host}" for host in LOGGING_HOSTS)
    yield f"snmp-server location {node.site}"
    yield "snmp-server contact noc@example.net"
    yield f"snmp-server community {secrets.old_snmp_community} ro"
    yield from _interfaces(node)
    yield from _policy(node)
    yield from _bgp(node, secrets)


def _interfaces(node: Node) -> Iterator[str]:
    yield from ("interface Loopback0", " description router id", f" ip address {node.loopback}/32")
    for link in node.links:
        yield from (f"interface {link.interface}", f" description to {link.peer}")
        yield from (" mtu 9214", f" ip address {link.address}")


def _policy(node: Node) -> Iterator[str]:
    yield from (f"ip route {prefix} Null0" for prefix in node.prefixes)
    bogons = BOGONS if node.role == "leaf" else BOGONS[:-1]
    for number, prefix in enumerate(bogons, start=1):
        yield f"ip prefix-list BOGONS seq {10 * number} permit {prefix} le 32"
    yield "ip prefix-list LOOPBACKS seq 10 permit 10.254.0.0/15 ge 32 le 32"
    yield "ip prefix-list FABRIC seq 10 permit 10.0.0.0/9 le 24"
    yield from ("route-map FABRIC-IN deny 10", " match ip address prefix-list BOGONS")
    yield "route-map FABRIC-IN permit 20"
    yield from ("route-map FABRIC-OUT permit 10", " match ip address prefix-list FABRIC")
    yield from ("route-map FABRIC-OUT permit 20", " match ip address prefix-list LOOPBACKS")


def _bgp(node: Node, secrets: Secrets) -> Iterator[str]:
    yield f"router bgp {node.asn}"
    yield f" router-id {node.loopback}"
    yield " maximum-paths 4"
    yield " timers bgp 3 9"
    yield from (f" network {prefix}" for prefix in (f"{node.loopback}/32", *node.prefixes))
    for link in node.links:
        neighbor = f" neighbor {link.peer_address}"
        yield f"{neighbor} remote-as {link.peer_asn}"
        yield f"{neighbor} description {link.peer}"
        yield f"{neighbor} password {secrets.bgp_password}"
        yield f"{neighbor} route-map in FABRIC-IN"
        yield f"{neighbor} route-map out FABRIC-OUT"


def host_variables(node: Node) -> dict[str, Any]:
    """What the inventory knows of one device."""
    return {
        "ansible_host": node.host,
        "role": node.role,
        "site": node.site,
        "asn": node.asn,
        "router_id": node.loopback,
        "loopback": f"{node.loopback}/32",
        "prefixes": list(node.prefixes),
        "interfaces": [
            {"name": link.interface, "address": link.address, "description": f"to {link.peer}"} for link in node.links
        ],
        "bgp_neighbors": [
            {"address": link.peer_address, "asn": link.peer_asn, "name": link.peer} for link in node.links
        ],
    }


def fleet_variables(secrets: Secrets) -> dict[str, Any]:
    """What the inventory says of all devices."""
    return {
        "ntp_servers": list(NTP_SERVERS),
        "logging_hosts": list(LOGGING_HOSTS),
        "bogons": list(BOGONS),
        "snmp_community": secrets.snmp_community,
        "bgp_password": secrets.bgp_password,
        "admin_secret": secrets.admin_secret,
    }


def site_variables(site: str) -> dict[str, Any]:
    extra = EXTRA_LOGGING.get(site)
    return {"logging_hosts": [*LOGGING_HOSTS, extra]} if extra else {}
