# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The processes of this host as the kernel shows them: what they are, whose they are, how to stop exactly these.

Private to this collection.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROC = Path("/proc")
_CONTAINER = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_UNIT = re.compile(r"([^/]+\.service)(?:/|$)")
_PPID_FIELD = 1  # counted from the field after the name: state, ppid, ...
_START_FIELD = 19


@dataclass(frozen=True)
class Process:
    pid: int
    ppid: int
    start: int  # in ticks since boot: with the pid it names one process, for a pid is given away again
    uid: int
    name: str
    argv: tuple[str, ...]
    cgroup: str

    @property
    def user(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def container(self) -> str:
        """The id of the container that it runs in, or an empty string."""
        found = _CONTAINER.findall(self.cgroup)
        return found[-1] if found else ""

    @property
    def unit(self) -> str:
        """The systemd service that it runs under, or an empty string."""
        found = _UNIT.search(self.cgroup)
        return found.group(1) if found else ""


def parse_stat(text: str) -> tuple[str, int, int]:
    """Give name, parent and start of a process from its ``stat``; a name may hold spaces and brackets."""
    before, after = text.rsplit(")", 1)
    fields = after.split()
    return before.split("(", 1)[1], int(fields[_PPID_FIELD]), int(fields[_START_FIELD])


def parse_cgroup(text: str) -> str:
    """Give the path in the hierarchy that systemd and the container engines name things in."""
    paths = {}
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        paths["v2" if number == "0" else controllers] = path
    if set(paths) == {"v2"}:
        return paths["v2"]
    # An engine that manages cgroups itself leaves its containers out of systemd's own hierarchy on some hosts.
    return max((paths.get(each, "") for each in ("name=systemd", "memory", "devices")), key=len)


def own_base(proc: Path = PROC) -> str:
    """Give the cgroup that this host itself lives in: a host that is a container must not take itself for one."""
    with suppress(OSError, ValueError):
        path = parse_cgroup((proc / "1" / "cgroup").read_text())
        return re.sub(r"/init\.scope$", "", path).rstrip("/")
    return ""


def read(pid: int, base: str = "", proc: Path = PROC) -> Process | None:
    """Read one process; None if it has ended."""
    folder = proc / str(pid)
    try:
        name, ppid, start = parse_stat((folder / "stat").read_text(errors="replace"))
        raw = (folder / "cmdline").read_bytes()
        uid = folder.stat().st_uid
        cgroup = parse_cgroup((folder / "cgroup").read_text())
    except (OSError, ValueError, IndexError):
        return None
    argv = tuple(part.decode(errors="replace") for part in raw.rstrip(b"\0").split(b"\0")) if raw else ()
    inside = cgroup[len(base) :] if base and cgroup.startswith(base) else cgroup
    return Process(pid, ppid, start, uid, name, argv, inside)


def scan(proc: Path = PROC) -> Iterator[Process]:
    base = own_base(proc)
    for entry in proc.iterdir():
        if entry.name.isdigit():
            process = read(int(entry.name), base, proc)
            if process is not None:
                yield process


def ancestors(pid: int, proc: Path = PROC) -> Iterator[Process]:
    """Give a process and those that started it, the closest first."""
    seen = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        process = read(pid, "", proc)
        if process is None:
            return
        yield process
        pid = process.ppid


def alive(process: Process) -> bool:
    now = read(process.pid)
    return now is not None and now.start == process.start and not _is_zombie(process.pid)


def send(process: Process, number: signal.Signals) -> bool:
    """Signal a process, if it is still this one: a pid alone may be somebody else's by now."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not alive(process):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def wait(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Wait until the processes have ended, and give those that have not."""
    left = [process for process in processes if alive(process)]
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [process for process in left if alive(process)]
    return left


def _is_zombie(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return True
