# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling one process from the next that is given its number."""

import os
import socket
from pathlib import Path
from typing import Final

from .records import LeaseOwner

_START_FIELD: Final = 19
"""Field 22 of /proc/<pid>/stat (proc(5)), counted from the one after the command's name."""


def this_process() -> LeaseOwner:
    """Return the calling process as the owner of a lease."""
    return LeaseOwner(socket.gethostname(), os.getpid(), _started(os.getpid()) or "")


def is_alive(owner: LeaseOwner) -> bool:
    """Tell whether the process is there and is the same one; for owners on this host."""
    started = _started(owner.pid)
    if started is not None:
        return started == owner.started
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """Return the boot and the clock tick at which a process started, or None where that cannot be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # A zombie does nothing any more.
    return None if fields[0] in {"Z", "X"} else f"{boot}:{fields[_START_FIELD]}"
