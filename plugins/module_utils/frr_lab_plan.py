# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to change in a lab: the difference between what is wanted and what the kernel shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.plugins.module_utils import frr_lab_host as host
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_router import HEALTHY, RouterPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_topology import Port, Router


@dataclass(frozen=True)
class Plan:
    """The difference between the lab that is there and the one that is wanted; names of routers."""

    new: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """Set up before, but not running as it should."""
    gone: tuple[str, ...] = ()
    gained: dict[str, list[Port]] = field(default_factory=dict)
    """Links that routers which stay get, and lose."""
    lost: dict[str, list[Port]] = field(default_factory=dict)
    unlinked: dict[str, list[Port]] = field(default_factory=dict)
    """Links that routers which run have lost, and get back."""
    logins: bool = False

    @property
    def empty(self) -> bool:
        return self == Plan()

    def actions(self) -> list[str]:
        said = [f"{name}: started as a new router" for name in self.new]
        said += [
            f"{name}: was not running as it should, restarted from its saved configuration" for name in self.broken
        ]
        said += [f"{name}: removed" for name in self.gone]
        said += [f"{name}: linked to {_peers(ports)}" for name, ports in self.gained.items()]
        said += [f"{name}: unlinked from {_peers(ports)}" for name, ports in self.lost.items()]
        said += [f"{name}: linked to {_peers(ports)} again" for name, ports in self.unlinked.items()]
        return said + (["logins of the lab written"] if self.logins else [])


def _peers(ports: Iterable[Port]) -> str:
    return ", ".join(port.peer for port in ports)


def compare(wanted: dict[str, Router], places: dict[str, RouterPlace], *, there: Sequence[str], logins: bool) -> Plan:
    """Find what has to change. ``there``: routers of which anything exists. ``logins``: credentials are missing."""
    found = host.processes(place.namespace for place in places.values())
    new, broken = [], []
    gained: dict[str, list[Port]] = {}
    lost: dict[str, list[Port]] = {}
    unlinked: dict[str, list[Port]] = {}
    for name, router in wanted.items():
        before = places[name].recorded_ports()
        if before is None:
            new.append(name)
            continue
        gained[name] = [port for port in router.ports if port not in before]
        lost[name] = [port for port in before if port not in router.ports]
        inside = found.get(places[name].namespace, [])
        links = host.links_inside(places[name].namespace, inside) if inside else set()
        if not _runs(inside, links):
            broken.append(name)
            continue
        unlinked[name] = [port for port in router.ports if port in before and port.name not in links]
    return Plan(
        new=tuple(new),
        broken=tuple(broken),
        gone=tuple(name for name in there if name not in wanted),
        gained={name: ports for name, ports in gained.items() if ports},
        lost={name: ports for name, ports in lost.items() if ports},
        unlinked={name: ports for name, ports in unlinked.items() if ports},
        logins=logins,
    )


def _runs(inside: Sequence[host.Process], links: set[str]) -> bool:
    return (
        host.router_init(inside) is not None and {process.command for process in inside} >= HEALTHY and "eth0" in links
    )


def by_number(name: str) -> tuple[str, int]:
    word = name.rstrip("0123456789")
    return word, int(name[len(word) :] or 0)
