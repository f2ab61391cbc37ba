# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sockets this host listens on, and which processes hold them. Private to this collection."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._processes import PROC, Process, ancestors, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_TABLES = ("tcp", "tcp6", "udp", "udp6")
_LISTENING = {"tcp": "0A", "udp": "07"}
_SSH_SERVERS = ("sshd", "sshd-session", "sshd-auth", "dropbear")
_FIELDS = 10
_ADDRESS_BYTES = 8


@dataclass(frozen=True)
class Socket:
    proto: str
    port: int
    state: str
    inode: int
    loopback: bool = False

    @property
    def listens(self) -> bool:
        return self.state == _LISTENING[self.proto]


def parse_table(text: str, proto: str) -> Iterator[Socket]:
    """Read a table like ``/proc/net/tcp``."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < _FIELDS:
            continue
        address, port = fields[1].rsplit(":", 1)
        yield Socket(proto, int(port, 16), fields[3], int(fields[9]), _is_loopback(address))


def sockets(proc: Path = PROC) -> list[Socket]:
    found: list[Socket] = []
    for table in _TABLES:
        path = proc / "net" / table
        if path.exists():
            found += parse_table(path.read_text(), table[:3])
    return found


def holders(inodes: Collection[int], proc: Path = PROC) -> dict[int, list[int]]:
    """Map the inodes of sockets to the processes that hold them."""
    names = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, list[int]] = {}
    if not names:
        return found
    for entry in sorted((entry for entry in proc.iterdir() if entry.name.isdigit()), key=lambda each: int(each.name)):
        for inode in _inodes(entry, names):
            found.setdefault(inode, []).append(int(entry.name))
    return found


def held_by(pid: int, proc: Path = PROC) -> list[Socket]:
    held = set()
    for link in _links(proc / str(pid)):
        if link.startswith("socket:["):
            held.add(int(link[len("socket:[") : -1]))
    return [socket for socket in sockets(proc) if socket.inode in held]


def ssh_ports(pid: int, proc: Path = PROC) -> dict[int, str]:
    """Map each TCP port that SSH to this host needs to the reason: what servers listen on, and what ``pid`` came by."""
    ports = {}
    listening = [socket for socket in sockets(proc) if socket.proto == "tcp" and socket.listens]
    inodes = {socket.inode: socket.port for socket in listening}
    for inode, pids in holders(inodes, proc).items():
        for each in pids:
            process = read(each, "", proc)
            if process is not None and process.name in _SSH_SERVERS:
                ports[inodes[inode]] = f"{process.name} (pid {process.pid}) listens on it"
    for process in ancestors(pid, proc):
        if process.name in _SSH_SERVERS:
            for socket in held_by(process.pid, proc):
                if socket.proto == "tcp":
                    ports.setdefault(socket.port, "Ansible reaches this host through it")
    return ports


def describe(pids: Collection[int], base: str = "", proc: Path = PROC) -> list[Process]:
    return [process for process in (read(pid, base, proc) for pid in pids) if process is not None]


def _inodes(entry: Path, names: dict[str, int]) -> set[int]:
    return {names[link] for link in _links(entry) if link in names}


def _links(entry: Path) -> Iterator[str]:
    try:
        numbers = os.listdir(entry / "fd")  # noqa: PTH208 - a Path for each descriptor of a host costs seconds
    except OSError:  # it ended, or is not ours to look into
        return
    for number in numbers:
        try:
            yield os.readlink(f"{entry}/fd/{number}")  # noqa: PTH115 - as above
        except OSError:  # noqa: PERF203 - each may be closed meanwhile
            continue


def _is_loopback(address: str) -> bool:
    if len(address) == _ADDRESS_BYTES:
        return address.endswith("7F")
    mapped = address.startswith("0000000000000000FFFF0000") and address.endswith("7F")
    return mapped or address == "00000000000000000000000001000000"
