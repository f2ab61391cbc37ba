# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole lab: what is there, what has to change, and the change."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Callable, TypeVar

from ansible_collections.raywright.fleet.plugins.module_utils import frr_lab_host as host
from ansible_collections.raywright.fleet.plugins.module_utils import frr_lab_router as node
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_accounts import (
    Credentials,
    accounts_differ,
    write_accounts,
)
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_plan import Plan, by_number, compare
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_topology import (
    LabError,
    Router,
    lines_for_gone_ports,
    lines_for_new_ports,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NEIGHBOUR_LIMIT = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
T = TypeVar("T")


class Lab:
    """One lab on this host, by name."""

    def __init__(self, *, name: str, directory: Path, credentials: Credentials, timeout: float) -> None:
        self._name = name
        self._directory = directory / name
        self._credentials = credentials
        self._timeout = timeout
        self._width = 4 * (os.cpu_count() or 1)

    @property
    def _record(self) -> Path:
        return self._directory / "lab.json"

    def _place(self, name: str) -> node.RouterPlace:
        return node.RouterPlace(self._name, self._directory, name)

    def present(self) -> list[str]:
        """The routers of which anything is there, running or not."""
        names = set()
        if (self._directory / "routers").is_dir():
            names |= {entry.name for entry in (self._directory / "routers").iterdir()}
        if self._record.exists() and host.NAMESPACES.is_dir():
            mark = f"{self._name}-"
            names |= {entry.name[len(mark) :] for entry in host.NAMESPACES.iterdir() if entry.name.startswith(mark)}
        return sorted(names, key=by_number)

    def check(self, management_network: str) -> None:
        """Refuse what could harm the host or a lab that is there. Raises LabError."""
        if self._directory.exists() and any(self._directory.iterdir()) and not self._record.exists():
            raise LabError(
                f"{self._directory} exists and is not a lab of this module: choose another directory or name."
            )
        if self._record.exists():
            was = json.loads(self._record.read_text(encoding="utf-8"))["management_network"]
            if was != management_network:
                raise LabError(
                    f"Lab {self._name} uses management network {was}, not {management_network}: take the lab down "
                    "first (state=absent), or give it the network that it has."
                )
        wanted = ipaddress.IPv4Network(management_network)
        for interface, address in host.host_addresses():
            if not interface.startswith(f"{self._name}-") and ipaddress.IPv4Interface(address).network.overlaps(wanted):
                raise LabError(
                    f"management_network {management_network} overlaps with {address} on {interface} of this host: "
                    "choose another network."
                )

    def plan(self, wanted: dict[str, Router]) -> Plan:
        """Compare the wanted routers with those that are there. Touches nothing."""
        places = {name: self._place(name) for name in wanted}
        logins = accounts_differ(self._directory, self._credentials)
        return compare(wanted, places, there=self.present(), logins=logins)

    def apply(self, plan: Plan, wanted: dict[str, Router], management_network: str) -> None:
        """Bring the lab to the wanted state."""
        self._prepare(management_network)
        self._credentials.ensure()
        write_accounts(self._directory, self._credentials)
        host.write_file(self._directory / "start", node.start_script(), mode=0o700, owner=(0, 0))
        self._allow_neighbours(2 * sum(len(router.ports) for router in wanted.values()))
        self._detach(plan, wanted)
        self._remove(plan.gone)
        # A new router may have processes too: those of a start that was interrupted.
        host.kill_all([self._place(name).namespace for name in (*plan.new, *plan.broken)])
        self._connect(wanted)
        self._each(plan.new, lambda name: node.make_files(self._place(name), wanted[name]))
        self._each(plan.broken, lambda name: self._start(wanted[name], first=False))
        self._each(plan.new, lambda name: self._start(wanted[name], first=True))
        self._attach(plan, wanted)
        self._write_known_hosts(wanted)

    def _each(self, names: Sequence[str], act: Callable[[str], T]) -> list[T]:
        with ThreadPoolExecutor(max_workers=self._width) as pool:
            return list(pool.map(act, names))

    def _prepare(self, management_network: str) -> None:
        host.make_directory(self._directory, mode=0o711)
        if not self._record.exists():
            record = {"management_network": management_network, "neighbour_limit": None}
            host.write_file(self._record, json.dumps(record) + "\n", mode=0o644)
        host.make_directory(self._directory / "routers", mode=0o711)

    def _allow_neighbours(self, entries: int) -> None:
        """Raise the kernel's limit of neighbour entries, one for all namespaces, where this lab would exceed it."""
        now = int(NEIGHBOUR_LIMIT.read_text(encoding="ascii"))
        if now >= 2 * entries:
            return
        record = json.loads(self._record.read_text(encoding="utf-8"))
        record["neighbour_limit"] = {"before": (record["neighbour_limit"] or {}).get("before", now), "set": 2 * entries}
        host.write_file(self._record, json.dumps(record) + "\n", mode=0o644)
        NEIGHBOUR_LIMIT.write_text(str(2 * entries), encoding="ascii")

    def _start(self, router: Router, *, first: bool) -> None:
        place = self._place(router.name)
        node.start(place, router, first=first, timeout=self._timeout)
        if first:
            place.write_record(router)

    def _detach(self, plan: Plan, wanted: dict[str, Router]) -> None:
        """Take lost links out of the routers that stay, before the routers at the other ends go."""
        for name, ports in plan.lost.items():
            place = self._place(name)
            if name not in plan.broken:
                # Lines that somebody removed already are refused here, and that is as well.
                node.vtysh(place, ["-f", "/dev/stdin"], stdin=lines_for_gone_ports(wanted[name], ports), check=False)
            if place.has_namespace:
                inside = host.links_inside(place.namespace, [])
                gone = [f"link del {port.name}" for port in ports if port.name in inside]
                host.ip_batch(gone, namespace=place.namespace)

    def _attach(self, plan: Plan, wanted: dict[str, Router]) -> None:
        """Configure gained links on the routers that stay; save, and record."""
        for name, ports in plan.unlinked.items():
            host.ip_batch([f"link set {port.name} up" for port in ports], namespace=self._place(name).namespace)
        for name in sorted({*plan.gained, *plan.lost}, key=by_number):
            place = self._place(name)
            ports = plan.gained.get(name, [])
            host.ip_batch([f"link set {port.name} up" for port in ports], namespace=place.namespace)
            if ports:
                node.vtysh(place, ["-f", "/dev/stdin"], stdin=lines_for_new_ports(wanted[name], ports))
            if name in plan.broken and name in plan.lost:
                lines = lines_for_gone_ports(wanted[name], plan.lost[name])
                node.vtysh(place, ["-f", "/dev/stdin"], stdin=lines, check=False)
            node.vtysh(place, ["-c", "write memory"])
            place.write_record(wanted[name])

    def _connect(self, wanted: dict[str, Router]) -> None:
        """Make the namespaces and links that are missing."""
        places = {name: self._place(name) for name in wanted}
        fresh = [name for name, place in places.items() if not place.has_namespace]
        host.ip_batch([f"netns add {places[name].namespace}" for name in fresh])
        found = host.processes(place.namespace for place in places.values())
        inside = {
            name: set() if name in fresh else host.links_inside(place.namespace, found.get(place.namespace, []))
            for name, place in places.items()
        }
        lines = []
        for name, router in wanted.items():
            place = places[name]
            if "eth0" not in inside[name]:
                lines += [
                    f"link add {place.host_link} type veth peer name eth0 netns {place.namespace}",
                    f"address add {router.host_address}/31 dev {place.host_link}",
                    f"link set {place.host_link} up",
                ]
            if router.role == "leaf":
                lines += [
                    f"link add {port.name} netns {place.namespace} type veth "
                    f"peer name {_port_to(wanted[port.peer], name)} netns {places[port.peer].namespace}"
                    for port in router.ports
                    if port.name not in inside[name]
                ]
        host.ip_batch(lines)

    def _write_known_hosts(self, wanted: dict[str, Router]) -> None:
        lines = []
        for name, router in wanted.items():
            kind, key = self._place(name).host_key().split()[:2]
            lines.append(f"{name},{router.management_address} {kind} {key}\n")
        host.write_file(self._credentials.known_hosts, "".join(lines), mode=0o644, owner=self._credentials.owner)

    def _remove(self, names: Sequence[str]) -> None:
        places = [self._place(name) for name in names]
        host.kill_all([place.namespace for place in places])
        links = host.host_links()
        host.delete_links([place.host_link for place in places if place.host_link in links])
        host.ip_batch([f"netns del {place.namespace}" for place in places if place.has_namespace])
        for place in places:
            if place.directory.exists():
                shutil.rmtree(place.directory)

    def remove(self) -> None:
        """Take the lab down: its processes, namespaces, links, files and credentials, and nothing else."""
        self._remove(self.present())
        limit = json.loads(self._record.read_text(encoding="utf-8"))["neighbour_limit"]
        if limit and int(NEIGHBOUR_LIMIT.read_text(encoding="ascii")) == limit["set"]:
            NEIGHBOUR_LIMIT.write_text(str(limit["before"]), encoding="ascii")
        shutil.rmtree(self._directory)
        self._credentials.remove()
        with suppress(OSError):  # other labs are in it
            self._directory.parent.rmdir()

    @property
    def exists(self) -> bool:
        return self._record.exists()

    def wait_for_sessions(self, plan: Plan, wanted: dict[str, Router]) -> None:
        """Wait until the sessions that this change made are established. Raises LabError naming those that are not."""
        touched = {*plan.new, *plan.broken, *plan.unlinked}
        deadline = time.monotonic() + self._timeout
        spines = [router for router in wanted.values() if router.role == "spine"]
        while True:
            missing = [session for spine in spines for session in self._missing(spine, touched)]
            if not missing:
                return
            if time.monotonic() > deadline:
                raise LabError(
                    f"The routers run, but {len(missing)} BGP sessions are not established after "
                    f"{self._timeout:.0f} s: {', '.join(missing[:5])}. See 'show bgp summary' on the spines; a router "
                    "whose saved configuration does not fit the lab is made anew by taking the lab down and up."
                )
            time.sleep(0.3)

    def _missing(self, spine: Router, touched: set[str]) -> list[str]:
        ports = [port for port in spine.ports if port.peer in touched or spine.name in touched]
        if not ports:
            return []
        shown = json.loads(node.vtysh(self._place(spine.name), ["-c", "show bgp ipv4 unicast summary json"]) or "{}")
        peers = shown.get("peers", shown.get("ipv4Unicast", {}).get("peers", {}))
        return [
            f"{spine.name} to {port.peer} ({peers.get(port.peer_address, {}).get('state', 'no such neighbour')})"
            for port in ports
            if peers.get(port.peer_address, {}).get("state") != "Established"
        ]


def _port_to(router: Router, peer: str) -> str:
    return next(port.name for port in router.ports if port.peer == peer)
