# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling one process from the next that is given its number."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_START_FIELD: Final = 19
"""Field 22 of /proc/<pid>/stat (proc(5)), counted from the one after the command's name."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this machine, told apart from a later one with the same number by when it started."""

    pid: int
    started: str
    """Boot and clock tick; empty where that cannot be told."""

    @classmethod
    def of(cls, pid: int) -> "Process":
        return cls(pid, _started(pid) or "")

    @property
    def alive(self) -> bool:
        """Whether it is there and is the same one."""
        started = _started(self.pid)
        if started is not None:
            return started == self.started
        if Path("/proc/self/stat").exists():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    @property
    def label(self) -> str:
        """Short, and good for a file's name; unique until the machine boots again."""
        return f"{self.pid}-{self.started.rpartition(':')[2]}"


def is_labelled_alive(label: str) -> bool:
    """Whether the process with this label is there and is the same one."""
    pid = label.partition("-")[0]
    if not pid.isdigit():
        return False
    process = Process.of(int(pid))
    return process.label == label and process.alive


def _started(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    # A zombie does nothing any more.
    return None if fields[0] in {"Z", "X"} else f"{boot}:{fields[_START_FIELD]}"
