# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is read of a host for the prerequisites. Private to this collection; nothing is changed."""

from __future__ import annotations

import os
import pwd
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._processes import own_base
from ._ray_marks import LABEL, process_role
from ._remains_containers import Containers
from ._remains_units import Units
from ._sockets import Socket, describe, holders, sockets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._peer_rules import Ports
    from ._processes import Process
    from ._remains import Run

_NVIDIA = "0x10de"
_DISPLAY_CLASS = "0x03"
_TIME_WAIT = "06"
# Units that this collection sets up, whoever installed the package.
_EXPECTED = (
    "prometheus.service",
    "prometheus-alertmanager.service",
    "alertmanager.service",
    "prometheus-node-exporter.service",
    "node_exporter.service",
    "grafana-server.service",
)


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            key, separator, value = line.partition("=")
            if separator:
                found[key] = value.strip().strip('"').strip("'")
    return found


def memory_info(text: str) -> dict[str, int]:
    """Read ``/proc/meminfo`` into bytes."""
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines() if ":" in line}


def disk_needs(wanted: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell for each path which file system holds it, or will, and what is free there."""
    needs = []
    for each in wanted:
        place = Path(each["path"])
        while not place.exists():
            place = place.parent
        space = os.statvfs(place)
        mount = place.resolve()
        while not os.path.ismount(mount):
            mount = mount.parent
        needs.append(
            {**each, "device": place.stat().st_dev, "mount": str(mount), "free": space.f_bavail * space.f_frsize}
        )
    return needs


def shared_memory_size() -> int:
    with suppress(OSError):
        space = os.statvfs("/dev/shm")  # noqa: S108 - looked at only
        return space.f_blocks * space.f_frsize
    return 0


def control_group_kind() -> str:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "v2"
    return "v1" if Path("/sys/fs/cgroup/memory").is_dir() else ""


def time_state(run: Run, timedatectl: str | None, chronyc: str | None) -> str:
    if timedatectl:
        status, out = run([timedatectl, "show", "--property=NTPSynchronized", "--value"])[:2]
        if status == 0 and out.strip() == "yes":
            return "yes"
    if chronyc:
        status, out = run([chronyc, "-c", "tracking"])[:2]
        if status == 0:
            return "no" if out.startswith("00000000,") or ",Not synchronised" in out else "yes"
    return "no" if timedatectl else ""


def in_container(run: Run, detect_virt: str | None) -> bool:
    """Whether this is a container, whose clock is its machine's."""
    return bool(detect_virt) and run([detect_virt, "--container", "--quiet"])[0] == 0


def account_entry(name: str) -> dict[str, Any] | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return {"uid": entry.pw_uid, "shell": entry.pw_shell}


def addresses_of(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def graphics_on_bus(root: Path = Path("/sys/bus/pci/devices")) -> int:
    count = 0
    for device in root.glob("*"):
        with suppress(OSError):
            is_nvidia = (device / "vendor").read_text().strip() == _NVIDIA
            count += is_nvidia and (device / "class").read_text().startswith(_DISPLAY_CLASS)
    return count


def graphics_driven(run: Run, program: str | None) -> int:
    if program is None:
        return 0
    status, out = run([program, "--list-gpus"])[:2]
    return sum(line.startswith("GPU ") for line in out.splitlines()) if status == 0 else 0


class PortUsers:
    """Who holds the ports of this host, and whether that is in the way."""

    def __init__(self, run: Run, docker: str | None) -> None:
        self._run = run
        units = Units(run)
        self._ours = units.ours()
        self._earlier_units = {item.name for item in units.find()}
        containers = Containers(docker, run)
        self._earlier = {item.identity[0]: item.name for item in containers.find()}
        self._containers = {each["Id"]: each for each in containers.inspect()}
        self._sockets = [each for each in sockets() if each.proto == "tcp" and each.state != _TIME_WAIT]
        listening = {each.port for each in self._sockets if each.listens}
        # A connection that was accepted has the listener's port; one that was begun may hold a port that is needed.
        self._held = [each for each in self._sockets if each.listens or each.port not in listening]

    def of(self, ports: Ports) -> list[dict[str, Any]]:
        held = [each for each in self._held if ports.proto == "tcp" and each.port in ports]
        pids = holders({each.inode for each in held})
        users: dict[int, dict[str, Any]] = {}
        for each in held:
            users.setdefault(each.port, self._user(each, pids.get(each.inode, [])))
        return [users[number] for number in sorted(users)]

    def _user(self, held: Socket, pids: Sequence[int]) -> dict[str, Any]:
        processes = describe(pids[:1], own_base())
        if not processes:
            return _told(held.port, "a process that has ended or is not visible from here")
        process = processes[0]
        container = self._container(process, held.port)
        if container is not None:
            labels = container["Config"].get("Labels") or {}
            name = f"container {container['Name'].lstrip('/')} ({process.name}, pid {process.pid})"
            return _told(held.port, name, process, ours=LABEL in labels, earlier=container["Id"] in self._earlier)
        unit = f", unit {process.unit}" if process.unit else ""
        doing = "" if held.listens else ", for a connection that it began"
        return _told(
            held.port,
            f"{process.name} (pid {process.pid}, user {process.user}{unit}{doing})",
            process,
            ours=process.unit in self._ours,
            earlier=process.unit in self._earlier_units or bool(process_role(process.name, process.argv)),
            expected=process.unit in _EXPECTED,
        )

    def _container(self, process: Process, number: int) -> dict[str, Any] | None:
        if process.container:
            return self._containers.get(process.container)
        if process.name != "docker-proxy":
            return None
        for each in self._containers.values():
            published = (each.get("NetworkSettings") or {}).get("Ports") or {}
            hosts = [entry.get("HostPort") for entries in published.values() for entry in entries or []]
            if str(number) in hosts:
                return each
        return None


def _told(
    number: int,
    who: str,
    process: Process | None = None,
    *,
    ours: bool = False,
    earlier: bool = False,
    expected: bool = False,
) -> dict[str, Any]:
    pid = process.pid if process else 0
    return {"port": number, "who": who, "pid": pid, "ours": ours, "earlier": earlier, "expected": expected}
